"""The page of the demo: its parts, its endpoints and its assets."""
