"""The data set, both architectures and everything that computes; no interface, no plotting."""
