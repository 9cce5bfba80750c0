"""Two engines over the same targets: hypothesis draws inputs, atheris follows coverage."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks.fuzz._hostile import TEXTS, TOKENS, VALUES
from benchmarks.fuzz._target import Target
from benchmarks.fuzz._tried import Tried
from benchmarks.fuzz._world import mutated, with_hostile_value

__all__ = ["drawn_inputs", "instrumented", "run_atheris", "run_hypothesis"]

_ENCODINGS = ("utf-8", "utf-16", "utf-8-sig", "latin-1", "utf-32-be")


class _TimeIsUpError(BaseException):
    """Ends hypothesis at once; it would look into an ``Exception``."""


def drawn_inputs(target: Target):  # type: ignore[no-untyped-def]
    """A strategy of inputs for one target.

    Arbitrary bytes; texts of hostile characters in several encodings; seeds after random
    mutations; JSON seeds with one hostile value.
    """
    from hypothesis import strategies as st

    seeds = target.all_seeds() or (b"",)
    some_text = st.lists(
        st.one_of(
            st.sampled_from(TEXTS),
            st.text(max_size=20),
            st.sampled_from([seed[:80].decode("latin-1") for seed in seeds]),
        ),
        max_size=6,
    ).map("".join)

    def encoded(text: str, encoding: str) -> bytes:
        errors = "surrogatepass" if encoding.startswith("utf") else "replace"
        return text.encode(encoding, errors)

    def changed(seed: bytes, number: int, json_value: bool) -> bytes:
        chance = random.Random(number)
        if json_value:
            return with_hostile_value(seed, chance, VALUES)
        return mutated(seed, chance, TOKENS)

    numbers = st.integers(0, 2**32)
    return st.one_of(
        st.binary(max_size=200),
        st.builds(encoded, some_text, st.sampled_from(_ENCODINGS)),
        st.builds(changed, st.sampled_from(seeds), numbers, st.booleans()),
        st.builds(changed, st.sampled_from(seeds), numbers, st.booleans()),
    )


def run_hypothesis(tried: Tried, seconds: float, seed: int) -> None:
    """Draws inputs until the time is over."""
    import hypothesis

    deadline = time.monotonic() + seconds

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=10**9,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(drawn_inputs(tried.target))
    def one(data: bytes) -> None:
        tried.give(data)
        if time.monotonic() > deadline:
            raise _TimeIsUpError

    try:
        one()
    except _TimeIsUpError:
        return


def run_atheris(tried: Tried, seconds: float, seed: int) -> dict[str, Any]:
    """Follows coverage from the seeds until the time is over; returns the summary.

    libFuzzer ends its process itself, so that it runs in a fork, and what came of the inputs goes
    through a file. Code that is imported under ``instrumented`` beforehand is followed.
    """
    folder = Path(tempfile.mkdtemp(prefix="calldistil-fuzz-"))
    result = folder / "result.json"
    try:
        child = os.fork()
        if not child:
            _follow(tried, seconds, seed, folder, result)
        _, status = os.waitpid(child, 0)
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if code := os.waitstatus_to_exitcode(status):
        found["crashes"].append({"where": f"the process ended with {code}", "input": ""})
    return found


def instrumented() -> AbstractContextManager[object]:
    """What is imported in this block is followed by atheris."""
    import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

    block: AbstractContextManager[object] = atheris.instrument_imports(
        include=["harness", "agents"]
    )
    return block


def _follow(tried: Tried, seconds: float, seed: int, folder: Path, result: Path) -> None:
    import atheris

    corpus = folder / "corpus"
    corpus.mkdir()
    for number, content in enumerate(tried.target.all_seeds()):
        (corpus / str(number)).write_bytes(content)
        tried.give(content)
    words = folder / "dictionary"
    lines = [f'"{_escaped(token)}"' for token in TOKENS if len(token) < 60]
    words.write_text("\n".join(lines) + "\n", encoding="ascii")
    deadline = written = time.monotonic()
    deadline += seconds

    def one(data: bytes) -> None:
        nonlocal written
        tried.give(data)
        now = time.monotonic()
        if now - written > 1 or now > deadline:
            written = now
            aside = result.with_suffix(".tmp")
            aside.write_text(json.dumps(tried.summary()), encoding="utf-8")
            aside.replace(result)
        if now > deadline:
            os._exit(0)

    # libFuzzer writes to the standard error that tells of the campaign.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    settings = [
        f"-max_total_time={round(seconds) + 60}", f"-seed={seed % 2**31 or 1}",
        f"-max_len={min(tried.target.most, 1 << 14)}", f"-dict={words}", "-rss_limit_mb=8192",
        f"-artifact_prefix={folder}/", "-timeout=120", "-verbosity=0",
    ]  # fmt: skip
    result.write_text(json.dumps(tried.summary()), encoding="utf-8")
    atheris.Setup(["fuzz", *settings, str(corpus)], one)
    atheris.Fuzz()
    os._exit(0)


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token)
