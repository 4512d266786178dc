"""What every command shares: its frame, its workers, its result files and its wording."""
