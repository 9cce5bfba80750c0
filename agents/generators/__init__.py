"""Generators: agents that write training examples, and how what they write is read."""

from agents.generators._all_at_once import (
    AllAtOnce,
    AllAtOnceDiverse,
    AllAtOnceDiversePerLine,
    AllAtOnceOptions,
)
from agents.generators._reader import SampleReader
from agents.generators._rejects import RejectReason

__all__ = [
    "AllAtOnce",
    "AllAtOnceDiverse",
    "AllAtOnceDiversePerLine",
    "AllAtOnceOptions",
    "RejectReason",
    "SampleReader",
]
