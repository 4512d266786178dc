"""How a network is trained: configuration, losses, augmentation, loop, the course's functions."""
