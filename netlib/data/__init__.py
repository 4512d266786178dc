"""Digit data sets: where they come from, how they lie on disk, and the tensors made of them."""
