"""What the page shows, as HTML and pictures."""
