"""Python's collector of cycles, where many objects live long and hold none."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["seldom_collected"]

_THRESHOLDS = (50_000, 20, 1000)


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Runs the collector of cycles less often than Python does; a decorator as well.

    Examples, calls and answers hold no cycles, and each full collection walks through all that
    are held so far: a third of the time of reading 100,000 sentences, a tenth of that of asking.
    """
    before = gc.get_threshold()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
