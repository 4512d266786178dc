"""Scripts that read files and write files: train, evaluate, sweep, draw, report."""
