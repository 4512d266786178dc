"""Scores with intervals, disturbed digits, pictures that are no digits, and kept runs."""
