"""Limits that one event loop keeps: rates per minute, and how much is under way at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

__all__ = ["AdaptiveLimit", "Pace"]

Clock = Callable[[], float]


class Pace:
    """Spaces out what happens, so that no minute ever sees more than the rate.

    A bucket that fills up while nothing happens would let through a burst on top of the rate;
    this has none. ``take(n)`` waits until n units may go, ``adjust`` puts an estimate right.

    Args:
        per_minute: Units per minute; None: no limit.
    """

    def __init__(self, per_minute: float | None, *, clock: Clock = time.monotonic) -> None:
        self._seconds = 0.0 if per_minute is None else 60.0 / per_minute
        self._clock = clock
        self._free_at = 0.0

    async def take(self, units: float = 1.0) -> None:
        """Waits for its turn; turns are given in the order of the calls."""
        if not self._seconds:
            return
        now = self._clock()
        turn = max(now, self._free_at)
        self._free_at = turn + units * self._seconds
        if turn > now:
            await asyncio.sleep(turn - now)

    def adjust(self, units: float) -> None:
        """Takes ``units`` more, or gives some back where they are negative."""
        self._free_at += units * self._seconds


class AdaptiveLimit:
    """How many may be under way at once: additive increase, multiplicative decrease.

    Begins at ``most``. An overload (429, 503, a timeout) takes a third away, at most once in
    ``window_s``, since all that were under way then report the same one; answers that take many
    times as long as the quickest did take a tenth away. Every answer adds its share of one.
    (Chiu and Jain 1989, "Analysis of the increase and decrease algorithms for congestion
    avoidance", is why the two differ.)
    """

    SLOW = 8.0

    def __init__(self, most: int, *, window_s: float = 1.0, clock: Clock = time.monotonic) -> None:
        self.most = most
        self.limit = float(most)
        self.under_way = 0
        self._window_s = window_s
        self._clock = clock
        self._lowered_at = float("-inf")
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._quickest: float | None = None
        self._usual: float | None = None

    async def enter(self) -> None:
        """Waits until one more may be under way."""
        while self.under_way >= max(1, int(self.limit)):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake()  # the turn goes to the next
                raise
        self.under_way += 1

    def leave(self) -> None:
        """One is no longer under way."""
        self.under_way -= 1
        self._wake()

    def answered(self, seconds: float) -> None:
        """An answer came after ``seconds``."""
        self._quickest = seconds if self._quickest is None else min(self._quickest, seconds)
        self._usual = seconds if self._usual is None else 0.9 * self._usual + 0.1 * seconds
        if self._usual > self.SLOW * self._quickest and self._usual > 1.0:
            self._lower(0.9)
        else:
            self.limit = min(float(self.most), self.limit + 1.0 / max(1.0, self.limit))
            self._wake()

    def overloaded(self) -> None:
        """A server said, or showed, that it is asked too much."""
        self._lower(2 / 3)

    def _lower(self, factor: float) -> None:
        now = self._clock()
        if now - self._lowered_at >= self._window_s:
            self._lowered_at = now
            self.limit = max(1.0, self.limit * factor)

    def _wake(self) -> None:
        free = max(1, int(self.limit)) - self.under_way
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
