"""Speed of training, inference, data loading and serving: `python -m analysis.benchmark`.

Each area is a module with `run(settings) -> list[Row]`. What is compared is measured in turn, round
by round, each arm in a process of its own, and a target is kept only if the median says so.
"""
