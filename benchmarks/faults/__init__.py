"""Runs that are killed at random moments, and what is left of them.

Run ``python -m benchmarks.faults``: docs/faults.md says what it does and holds what came of it.
"""

from benchmarks.faults._campaign import Outcome, strike_all
from benchmarks.faults._executors import LOCAL, Executor
from benchmarks.faults._kinds import KINDS, Kind
from benchmarks.faults._stand import Stand

__all__ = ["KINDS", "LOCAL", "Executor", "Kind", "Outcome", "Stand", "strike_all"]
