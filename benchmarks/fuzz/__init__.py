"""Hostile input for everything that reads what others wrote: files, answers, experiments.

Run ``python -m benchmarks.fuzz``: docs/fuzzing.md says what it does and holds what came of it.
"""
