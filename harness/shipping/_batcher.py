"""Requests that come at the same time are answered together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness.errors import CalldistilError
from harness.relations import Example, Prediction
from harness.shipping._system import System

__all__ = ["Batcher", "BusyError"]


class BusyError(CalldistilError):
    """More is waiting than the server takes on."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    examples: Sequence[Example]
    answer: asyncio.Future[Sequence[Prediction]]


class Batcher:
    """Gathers the examples of requests and hands them to a system in one thread of its own.

    A batch begins when the system is free and something waits; what comes within ``wait_s`` joins
    it, up to ``most`` examples. Where a batch fails, its requests are asked one by one, so that
    one request's fault is not another's.

    Args:
        system: Answers. It is called from one thread alone.
        most: Examples of a batch, at most, unless one request has more.
        wait_s: Seconds that a batch waits for company.
        room: Examples that may wait.
    """

    def __init__(
        self, system: System, *, most: int = 256, wait_s: float = 0.005, room: int = 4096
    ) -> None:
        self._system = system
        self._most, self._wait_s, self._room = most, wait_s, room
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="calldistil")
        self._task: asyncio.Task[None] | None = None
        self.waiting = 0
        self.batches = 0

    async def __aenter__(self) -> Batcher:
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *what: object) -> None:
        if self._task is not None:
            self._task.cancel()
        while not self._queue.empty():
            self._queue.get_nowait().answer.cancel()
        self._thread.shutdown(wait=True)

    async def submit(self, examples: Sequence[Example]) -> Sequence[Prediction]:
        """Answers of a request, in the order of its examples.

        Raises:
            BusyError: When there is no room.
            CalldistilError: What the system says.
        """
        if self.waiting + len(examples) > self._room:
            raise BusyError(
                f"{self.waiting} examples are waiting; there is no room for {len(examples)} more.",
                hint="Try again in a moment, or send fewer at a time.",
            )
        self.waiting += len(examples)
        try:
            entry = _Waiting(examples, asyncio.get_running_loop().create_future())
            self._queue.put_nowait(entry)
            return await entry.answer
        finally:
            self.waiting -= len(examples)

    async def _work(self) -> None:
        while True:
            batch = [await self._queue.get()]
            await self._fill(batch)
            batch = [entry for entry in batch if not entry.answer.cancelled()]
            if batch:
                await self._answer(batch)

    async def _fill(self, batch: list[_Waiting]) -> None:
        """Adds what comes in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._wait_s
        while sum(len(entry.examples) for entry in batch) < self._most:
            try:
                left = max(0.0, end - loop.time())
                batch.append(await asyncio.wait_for(self._queue.get(), left))
            except TimeoutError:
                return

    async def _answer(self, batch: list[_Waiting]) -> None:
        self.batches += 1
        examples = [example for entry in batch for example in entry.examples]
        try:
            answers = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._system.answer, examples
            )
        except Exception as error:
            if len(batch) == 1:
                _settle(batch[0], error)
                return
            for entry in batch:
                await self._answer([entry])
            return
        start = 0
        for entry in batch:
            _settle(entry, answers[start : start + len(entry.examples)])
            start += len(entry.examples)


def _settle(entry: _Waiting, outcome: Sequence[Prediction] | Exception) -> None:
    """Hands an outcome to a request, unless its client has gone."""
    if entry.answer.done():
        return
    if isinstance(outcome, Exception):
        entry.answer.set_exception(outcome)
    else:
        entry.answer.set_result(outcome)
