"""Any picture to ink, and ink to digits (n, 1, 28, 28) as the networks read them."""
