"""The two building blocks, the networks made of them, what they cost, and their checkpoints."""
