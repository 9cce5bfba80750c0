"""An OpenAI-compatible server that fails three times in ten, in every way it can."""

import random
from collections import Counter

import pytest

from agents.backends import OpenAIBackend, OpenAIOptions
from benchmarks.speed.loopback import Fault, LoopbackServer
from harness.protocols import Completion, Failure, Message, Request

pytest.importorskip("openai")

KEY = "sk-planted-4f1d9a"
FAULTS = tuple(Fault)


def chaos(seed, share=0.3):
    draw = random.Random(seed)
    plan = [draw.choice(FAULTS) if draw.random() < share else None for _ in range(100_000)]
    return lambda index: plan[index]


def requests(count):
    return [Request(messages=(Message("user", f"example {n}"),)) for n in range(count)]


def backend_for(server, **options):
    given = {"model": "m", "base_url": server.base_url, "concurrency": 64, "timeout_s": 1.0}
    return OpenAIBackend(options=OpenAIOptions(**(given | options)))


@pytest.mark.slow
def test_2000_examples_under_chaos_end_as_answers_or_typed_records_none_lost_or_twice(
    monkeypatch, caplog
):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    asked = requests(2000)
    with LoopbackServer(fault=chaos(1), key=KEY) as server:
        backend = backend_for(server)
        outcomes = list(backend.complete(asked))
        backend.close()
    assert Counter(o.request for o in outcomes) == Counter(asked)
    answers = [o for o in outcomes if isinstance(o, Completion)]
    failures = [o for o in outcomes if isinstance(o, Failure)]
    assert all(a.text == a.request.messages[0].content for a in answers)
    assert all(f.error.retryable and f.error.message for f in failures)
    # Six more attempts, of which bad bodies may use two: under one in a hundred is left over.
    assert len(failures) < 20
    assert {seen.fault for seen in server.seen} == {None, *FAULTS}
    assert server.most_at_once <= 64 + sum(s.fault is Fault.HANG for s in server.seen)
    assert KEY not in caplog.text


def test_no_attempt_is_sent_above_the_declared_rate_attempts_that_come_again_included():
    per_minute = 6000
    third = {0: Fault.RATE_LIMIT_AFTER}
    with LoopbackServer(fault=lambda index: third.get(index % 3)) as server:
        backend = backend_for(server, requests_per_minute=per_minute)
        outcomes = list(backend.complete(requests(100)))
        backend.close()
    assert len(outcomes) == 100
    assert len(server.seen) > 130
    seconds = server.seen[-1].at - server.seen[0].at
    assert len(server.seen) <= seconds * per_minute / 60 + 2


def test_without_retries_every_fault_is_a_typed_failure():
    with LoopbackServer(fault=lambda index: FAULTS[index % len(FAULTS)]) as server:
        backend = backend_for(server, max_retries=0, concurrency=1, timeout_s=0.2)
        told = []
        for request in requests(len(FAULTS)):  # one by one: nothing else is answered meanwhile
            (failure,) = backend.complete([request])
            assert isinstance(failure, Failure)
            told.append((failure.error.status, failure.error.retry_after, failure.error.message))
            assert failure.error.retryable
        backend.close()
    by_fault = dict(zip(FAULTS, told, strict=True))
    assert by_fault[Fault.RATE_LIMIT][:2] == (429, None)
    assert by_fault[Fault.RATE_LIMIT_AFTER][:2] == (429, 0.05)
    assert by_fault[Fault.SERVER_ERROR][0] == 500
    assert "in time" in by_fault[Fault.HANG][2]
    assert "connection" in by_fault[Fault.CUT][2]
    assert "not JSON" in by_fault[Fault.BROKEN_JSON][2]
    assert "connection" in by_fault[Fault.TRUNCATED][2]
    assert "'another-model' instead of 'm'" in by_fault[Fault.WRONG_MODEL][2]
    assert "no choice" in by_fault[Fault.NO_CHOICES][2]
