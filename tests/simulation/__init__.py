"""The deterministic simulation: generated stacks are edited and applied while everything that can go wrong does.

`python -m tests.simulation --seeds 2000` runs it, `python -m tests.simulation --seed 1234 -v` tells one story.
"""
