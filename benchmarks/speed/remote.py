"""Speed of the backend ``openai`` against a loopback server, beside another runner of LLM calls.

Run ``python -m benchmarks.speed.remote``. A server on 127.0.0.1, in a process of its own, answers
every chat completion after 100 ms; 5,000 requests are sent with 64 under way at once, so the ideal
is 640 requests/s. The last line is one JSON object.

- ``value``: requests/s of a run as users have it: the driver, the backend, and every answer
  committed to a call store before the next step sees it.
- ``peer_value``: the same requests through inspect_ai's ``eval`` (its own logs on, its display
  off) where it is installed; else a plain asyncio loop over the ``openai`` client, which keeps
  nothing, stands in and is named.
- ``cpu_bound``: requests/s that one core could drive at most, from the processor time that a
  request took here. Where it is below the ideal, the aim is 95% of it instead.
- ``memory_growth_mb``: resident memory at the end less that after the first thousand answers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.backends import OpenAIBackend, OpenAIOptions
from harness.pipeline import converse
from harness.protocols import Dialogue, Message, Request, Sampling
from harness.store import open_call_store

__all__ = ["Side", "main"]

AIM = 0.95
MODEL = "loopback"
INSTRUCTIONS = "Say which relation holds between the two marked entities. " * 20
MOST_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the comparison.

    Attributes:
        rate: Requests per second of wall-clock time.
        cpu_s: Processor seconds of one request.
        growth_mb: Resident memory gained after the first fifth of the answers.
    """

    rate: float
    cpu_s: float
    growth_mb: float = 0.0


@contextlib.contextmanager
def server(latency_s: float) -> Iterator[str]:
    """A loopback server in a process of its own; gives its base URL."""
    words = [sys.executable, "-m", "benchmarks.speed.loopback", "--latency", str(latency_s)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def sentence(number: int) -> str:
    """The text that differs between requests."""
    return f"Sentence {number}: the <e1>cup</e1> held hot <e2>tea</e2>."


def ours(url: str, count: int, concurrency: int, folder: Path) -> Side:
    """The driver, the backend and a call store."""

    def dialogue(number: int) -> Dialogue[str]:
        messages = (Message("system", INSTRUCTIONS), Message("user", sentence(number)))
        request = Request(messages=messages, sampling=Sampling(max_tokens=MOST_TOKENS))
        (answer,) = yield [request]
        return answer.text

    options = OpenAIOptions(model=MODEL, base_url=url, concurrency=concurrency)
    backend = OpenAIBackend(options=options)
    list(backend.complete([Request((Message("user", "warm up"),))]))
    watched = _Watched(backend, count // 5)

    def run() -> None:
        dialogues = ((str(n), dialogue(n)) for n in range(count))
        with open_call_store(folder / "calls.sqlite") as store:
            asked: Any = watched
            for n, result in enumerate(
                converse(dialogues, backend=asked, store=store, run="speed", window=count)
            ):
                assert result.value == sentence(n)

    try:
        side = _timed(run, count)
    finally:
        backend.close()
    return Side(side.rate, side.cpu_s, _resident_mb() - watched.resident_mb)


class _Watched:
    """A backend that notes the memory in use after so many answers."""

    def __init__(self, backend: OpenAIBackend, after: int) -> None:
        self.model = backend.model
        self.resident_mb = 0.0
        self._backend = backend
        self._after = after

    def complete(self, requests: Sequence[Request], /) -> Iterator[Any]:
        for number, outcome in enumerate(self._backend.complete(requests), start=1):
            if number == self._after:
                self.resident_mb = _resident_mb()
            yield outcome

    def score_labels(self, requests: Sequence[Request], /) -> Iterator[Any]:
        return self._backend.score_labels(requests)


def plain_loop(url: str, count: int, concurrency: int, folder: Path) -> Side:
    """Coroutines over the official client, each taking the next request; nothing is kept."""
    import openai

    async def every() -> None:
        client = openai.AsyncOpenAI(base_url=url, api_key="none")
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                done = await client.chat.completions.create(
                    model=MODEL,
                    messages=[
                        {"role": "system", "content": INSTRUCTIONS},
                        {"role": "user", "content": sentence(number)},
                    ],
                    max_tokens=MOST_TOKENS,
                )
                assert done.choices[0].message.content == sentence(number)

        await asyncio.gather(*(work() for _ in range(concurrency)))
        await client.close()

    return _timed(lambda: asyncio.run(every()), count)


def inspect_runner(url: str, count: int, concurrency: int, folder: Path) -> Side:
    """inspect_ai's ``eval`` of a task without a scorer."""
    from inspect_ai import Task, eval  # type: ignore[import-not-found,unused-ignore]
    from inspect_ai.dataset import MemoryDataset, Sample  # type: ignore[import-not-found,unused-ignore]  # fmt: skip
    from inspect_ai.model import GenerateConfig, get_model  # type: ignore[import-not-found,unused-ignore]  # fmt: skip
    from inspect_ai.solver import generate, system_message  # type: ignore[import-not-found,unused-ignore]  # fmt: skip

    config = GenerateConfig(max_tokens=MOST_TOKENS, max_connections=concurrency)
    model = get_model(f"openai-api/loopback/{MODEL}", base_url=url, api_key="none", config=config)
    samples = [Sample(input=sentence(n)) for n in range(count)]
    task = Task(dataset=MemoryDataset(samples), solver=[system_message(INSTRUCTIONS), generate()])

    def run() -> None:
        (log,) = eval(
            task, model=model, display="none", log_dir=str(folder), max_samples=concurrency,
            max_connections=concurrency,
        )  # fmt: skip
        assert log.status == "success", log.error

    return _timed(run, count)


def _timed(run: Callable[[], object], count: int) -> Side:
    started, cpu = time.perf_counter(), time.process_time()
    run()
    seconds = time.perf_counter() - started
    return Side(count / seconds, (time.process_time() - cpu) / count)


def _resident_mb() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # not Linux
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the comparison and prints it as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.remote")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.1, metavar="SECONDS")
    parser.add_argument("--turns", type=int, default=2)
    chosen = parser.parse_args(arguments)

    peer, peer_name = plain_loop, "asyncio loop over the openai client, a stand-in"
    if importlib.util.find_spec("inspect_ai") is not None:
        peer, peer_name = inspect_runner, "inspect_ai eval"
    best: dict[str, Side] = {}
    with server(chosen.latency) as url, tempfile.TemporaryDirectory() as folder:
        for turn in range(chosen.turns):
            for name, run in (("ours", ours), ("peer", peer)):
                place = Path(folder) / f"{name}{turn}"
                place.mkdir()
                side = run(url, chosen.requests, chosen.concurrency, place)
                told = f"turn {turn + 1}: {name} {side.rate:.0f}/s, {side.cpu_s * 1e3:.2f} ms CPU"
                print(told, file=sys.stderr)
                if name not in best or side.rate > best[name].rate:
                    best[name] = side
    value, other = best["ours"], best["peer"]
    ideal = chosen.concurrency / chosen.latency
    bound = 1 / value.cpu_s
    aim = AIM * min(ideal, bound)
    result = {
        "name": f"{chosen.requests} requests, {chosen.latency * 1000:g} ms, "
        f"{chosen.concurrency} at once",
        "value": round(value.rate, 1),
        "unit": "requests/s",
        "peer": peer_name,
        "peer_value": round(other.rate, 1),
        "ratio": round(value.rate / other.rate, 2),
        "ideal": round(ideal, 1),
        "cpu_bound": round(bound, 1),
        "peer_cpu_bound": round(1 / other.cpu_s, 1),
        "memory_growth_mb": round(value.growth_mb, 1),
        "aim": round(aim, 1),
        "holds": value.rate >= aim,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
