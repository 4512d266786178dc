"""What networks say of the same images, side by side: figures, tests, sentences, and a page."""
