"""Two workers on one store: no call is asked twice at once, and none is waited for in vain."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agents.backends import ScriptedBackend
from harness.errors import BackendError
from harness.pipeline import converse
from harness.pipeline._claims import Claims
from harness.protocols import Dialogue, Failure, Message, Request
from harness.store import open_call_store, request_key


def asking(number: int) -> Request:
    return Request((Message("user", f"q{number}"),))


def dialogue(number: int) -> Dialogue[str]:
    (answer,) = yield [asking(number)]
    return answer.text


def work(file: Path, backend: ScriptedBackend, run: str, numbers: range) -> list[Any]:
    with open_call_store(file) as store:
        dialogues = ((str(n), dialogue(n)) for n in numbers)
        return list(converse(dialogues, backend=backend, store=store, run=run))


def slow(request: Request) -> str:
    time.sleep(0.02)
    return f"answer to {request.messages[0].content}"


def test_what_one_worker_asks_the_other_waits_for(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite"
    open_call_store(file).close()
    backends = [ScriptedBackend(answer=slow) for _ in range(3)]
    results: dict[int, list[Any]] = {}

    def one(place: int) -> None:
        results[place] = work(file, backends[place], f"run{place}", range(40))

    threads = [threading.Thread(target=one, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = [request.messages[0].content for backend in backends for request in backend.history]
    assert sorted(asked) == sorted(f"q{n}" for n in range(40))
    texts = [[result.value for result in results[place]] for place in range(3)]
    assert texts[0] == texts[1] == texts[2] == [f"answer to q{n}" for n in range(40)]
    paid = [sum(r.calls[0].paid_now for r in results[place]) for place in range(3)]
    assert sum(paid) == 40


def test_a_call_whose_worker_died_is_asked_by_the_next(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite"
    backend = ScriptedBackend(answer=slow)
    key = request_key(backend.model, asking(0))
    with open_call_store(file) as store:
        assert store.claim([key], owner="dead", seconds=0.5)
    (result,) = work(file, backend, "run", range(1))
    assert result.value == "answer to q0"
    assert len(backend.history) == 1


CLAIMS_AND_DIES = """
import os, signal, sys
from harness.pipeline._claims import Claims
from harness.store import open_call_store
with open_call_store(sys.argv[1]) as store, Claims(store) as claims:
    print(len(claims.take(sys.argv[2:])), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="needs Linux's /proc")
def test_a_process_of_this_machine_that_was_killed_is_not_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite"
    backend = ScriptedBackend(answer=slow)
    keys = [request_key(backend.model, asking(number)) for number in range(3)]
    words = [sys.executable, "-c", CLAIMS_AND_DIES, str(file), *keys]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout == "3\n", done.stderr
    with open_call_store(file) as store:
        assert store.claim(keys, owner="elsewhere", seconds=60) == frozenset()
        assert set(store.claimed_by([*keys, "none"])) == set(keys)
    started = time.monotonic()
    assert len(work(file, backend, "run", range(3))) == 3
    assert time.monotonic() - started < 20  # its claims last a minute
    assert len(backend.history) == 3


def test_a_call_that_failed_is_given_back_at_once(tmp_path: Path) -> None:
    def fails(request: Request) -> Failure:
        return Failure(request, BackendError("no", retryable=True))

    file = tmp_path / "calls.sqlite"
    with pytest.raises(BackendError):
        work(file, ScriptedBackend(answer=fails), "run1", range(3))
    started = time.monotonic()
    assert len(work(file, ScriptedBackend(answer=slow), "run2", range(3))) == 3
    assert time.monotonic() - started < 20


def test_claims_are_extended_while_their_worker_lives(tmp_path: Path) -> None:
    with open_call_store(tmp_path / "calls.sqlite") as store:
        with Claims(store, seconds=0.6) as claims:
            assert claims.take(["k"]) == {"k"}
            time.sleep(1.5)
            assert store.claim(["k"], owner="other", seconds=60) == frozenset()
        assert store.claim(["k"], owner="other", seconds=60) == {"k"}
