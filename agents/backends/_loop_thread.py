"""An event loop on a thread of its own, and its results as a plain iterator."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ["LoopThread"]

S = TypeVar("S")
T = TypeVar("T")
_LOOK_S = 0.5  # a wait without end cannot be interrupted everywhere
_PATIENCE_S = 5.0


class LoopThread:
    """Runs coroutines for callers that are not asynchronous; started when first used."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs one coroutine to its end."""
        return asyncio.run_coroutine_threadsafe(work, self._started()).result()

    def each(
        self,
        items: Iterable[S],
        work: Callable[[S], Awaitable[T]],
        *,
        workers: int,
        ahead: int = 64,
    ) -> Iterator[T]:
        """Yields what ``work`` makes of each item, as it comes, in any order.

        Args:
            items: Taken one by one as workers get free.
            work: What is done with an item.
            workers: Items under way at once, at most.
            ahead: Results that may wait for the caller before workers pause.

        Closing the iterator cancels what is under way.
        """
        loop = self._started()
        channel: _Channel[T] = _Channel(loop, ahead)
        waiting = iter(items)

        async def worker() -> None:
            for item in waiting:
                await channel.put(await work(item))

        async def all_workers() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(workers):
                        group.create_task(worker())
            finally:
                channel.finish()

        done = asyncio.run_coroutine_threadsafe(all_workers(), loop)
        try:
            while results := channel.take():
                yield from results
            _raise_first(done)
        finally:
            if not done.done():
                done.cancel()
                channel.wait_finished(_PATIENCE_S)

    def close(self) -> None:
        """Stops the loop. Closing twice is harmless."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE_S)
        if not thread.is_alive():
            loop.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name=self._name, daemon=True
            )
            self._thread.start()
        return self._loop


class _Channel(deque[T]):
    """Results on their way from the loop to the caller; bounded, so that memory is flat."""

    def __init__(self, loop: asyncio.AbstractEventLoop, size: int) -> None:
        super().__init__()
        self._loop = loop
        self._size = size
        self._condition = threading.Condition()
        self._room = asyncio.Event()
        self._full = self._finished = False

    async def put(self, result: T) -> None:
        while True:
            with self._condition:
                if len(self) < self._size:
                    self.append(result)
                    self._condition.notify()
                    return
                self._full = True
                self._room.clear()
            await self._room.wait()

    def take(self) -> list[T]:
        """Everything that waits; waits for something; empty once all is over."""
        with self._condition:
            while not self and not self._finished:
                self._condition.wait(_LOOK_S)
            results = list(self)
            self.clear()
            wake, self._full = self._full, False
        if wake:
            with contextlib.suppress(RuntimeError):  # the loop is gone
                self._loop.call_soon_threadsafe(self._room.set)
        return results

    def finish(self) -> None:
        with self._condition:
            self._finished = True
            self._condition.notify()

    def wait_finished(self, seconds: float) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._finished, seconds)


def _raise_first(done: Future[None]) -> None:
    """Passes on what went wrong in a worker, one error rather than a group."""
    try:
        done.result(_PATIENCE_S)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
