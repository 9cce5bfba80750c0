"""The driver: rounds, one call per distinct request, and what is kept when calls fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.backends import ScriptedBackend, ScriptedReply
from harness.errors import BackendError
from harness.pipeline import ItemResult, converse
from harness.protocols import Completion, Dialogue, Failure, Message, Request, Usage
from harness.store import CallStore, open_call_store, request_key


def ask(text: str, repeat: int = 0) -> Request:
    return Request(messages=(Message("user", text),), repeat=repeat)


def said(request: Request) -> str:
    return request.messages[-1].content


def echo(request: Request) -> str:
    return f"{said(request)}!"


def failing_on(*words: str) -> ScriptedReply:
    def answer(request: Request) -> str | Failure:
        if said(request) in words:
            return Failure(request, BackendError("busy", retryable=True, hint="wait"))
        return echo(request)

    return answer


def dialogue(*rounds: tuple[str, ...]) -> Dialogue[tuple[str, ...]]:
    """Asks each round's questions and returns all answers in the order of asking."""
    answers: list[str] = []
    for questions in rounds:
        completions = yield [ask(question) for question in questions]
        answers += [completion.text for completion in completions]
    return tuple(answers)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CallStore]:
    with open_call_store(tmp_path / "calls.sqlite") as opened:
        yield opened


def drive(
    dialogues: dict[str, Dialogue[tuple[str, ...]]],
    backend: ScriptedBackend,
    store: CallStore,
    run: str = "one",
) -> list[ItemResult[tuple[str, ...]]]:
    return list(converse(dialogues.items(), backend=backend, store=store, run=run))


def test_dialogues_of_different_lengths_end_with_their_own_answers_in_order(
    store: CallStore,
) -> None:
    backend = ScriptedBackend(answer=echo)
    results = drive(
        {
            "long": dialogue(("a", "b"), ("c",), ("d",)),
            "none": dialogue(),
            "short": dialogue(("e",)),
        },
        backend,
        store,
    )
    assert [(r.item, r.value) for r in results] == [
        ("long", ("a!", "b!", "c!", "d!")),
        ("none", ()),
        ("short", ("e!",)),
    ]
    assert [said(r) for r in results[0].requests] == ["a", "b", "c", "d"]
    assert len(results[0].calls) == 4
    assert results[1].calls == ()


def test_all_dialogues_advance_one_round_at_a_time(store: CallStore) -> None:
    backend = ScriptedBackend(answer=echo)
    drive({"x": dialogue(("x1",), ("x2",)), "y": dialogue(("y1",), ("y2",))}, backend, store)
    assert [said(request) for request in backend.history] == ["x1", "y1", "x2", "y2"]


def test_a_request_that_is_asked_twice_is_sent_once(store: CallStore) -> None:
    backend = ScriptedBackend(answer=echo)
    results = drive(
        {"x": dialogue(("same", "same")), "y": dialogue(("same",), ("same",))}, backend, store
    )
    assert len(backend.history) == 1
    assert [r.value for r in results] == [("same!", "same!"), ("same!", "same!")]


def test_another_repeat_number_is_another_call(store: CallStore) -> None:
    def again() -> Dialogue[tuple[str, ...]]:
        completions = yield [ask("same", repeat=0), ask("same", repeat=1)]
        return tuple(c.text for c in completions)

    backend = ScriptedBackend(answer=echo)
    drive({"x": again()}, backend, store)
    assert len(backend.history) == 2


def test_every_answer_is_stored_before_a_dialogue_sees_it(store: CallStore) -> None:
    backend = ScriptedBackend(answer=echo)

    def looks() -> Dialogue[bool]:
        yield [ask("q")]
        return request_key(backend.model, ask("q")) in store

    (result,) = converse([("x", looks())], backend=backend, store=store, run="one")
    assert result.value


def test_answers_are_stored_one_by_one_as_they_come(store: CallStore) -> None:
    counts: list[int] = []

    def answer(request: Request) -> str:
        counts.append(len(store))
        return echo(request)

    drive({"x": dialogue(("a", "b", "c"))}, ScriptedBackend(answer=answer), store)
    assert counts == [0, 1, 2]


def test_failed_calls_are_counted_and_the_answers_beside_them_are_kept(store: CallStore) -> None:
    backend = ScriptedBackend(answer=failing_on("b", "d"))
    questions = {name: dialogue((name,)) for name in "abcde"}
    with pytest.raises(BackendError) as caught:
        drive(questions, backend, store)
    assert "2 of 5 calls" in caught.value.message
    assert "busy" in caught.value.message
    assert caught.value.hint == "wait"
    assert caught.value.retryable
    assert len(store) == 3
    assert [failure.error.splitlines()[0] for failure in store.failures()] == ["busy", "busy"]


def test_resuming_asks_only_for_what_is_missing(store: CallStore) -> None:
    with pytest.raises(BackendError):
        drive(
            {name: dialogue((name,)) for name in "abcde"},
            ScriptedBackend(answer=failing_on("b", "d")),
            store,
        )
    backend = ScriptedBackend(answer=echo)
    results = drive({name: dialogue((name,)) for name in "abcde"}, backend, store)
    assert sorted(said(request) for request in backend.history) == ["b", "d"]
    assert [r.value for r in results] == [(f"{name}!",) for name in "abcde"]


def test_a_backend_that_leaves_requests_out_is_reported(store: CallStore) -> None:
    class Silent(ScriptedBackend):
        def complete(self, requests, /):  # type: ignore[no-untyped-def]
            yield from super().complete(requests[:1])

    with pytest.raises(BackendError, match="left 2 of 3 requests without an answer"):
        drive({"x": dialogue(("a", "b", "c"))}, Silent(answer=echo), store)
    assert len(store) == 1


def test_the_run_that_asked_first_paid_and_others_did_not(store: CallStore) -> None:
    def call_of(run: str) -> tuple[bool, bool]:
        backend = ScriptedBackend(answer=echo)
        (result,) = drive({"x": dialogue(("q",))}, backend, store, run)
        return result.calls[0].paid_now, result.calls[0].recorded

    assert call_of("one") == (True, False)
    assert call_of("two") == (False, False)
    assert call_of("one") == (True, False)  # as in a resumed run


def test_a_recorded_answer_is_paid_by_nobody(store: CallStore) -> None:
    def recorded(request: Request) -> Completion:
        return Completion(request, "from a recording", recorded=True)

    backend = ScriptedBackend(answer=recorded)
    for run in ("one", "one", "two"):
        (result,) = drive({"x": dialogue(("q",))}, backend, store, run)
        assert not result.calls[0].paid_now
        assert result.calls[0].recorded


def test_a_hit_keeps_its_first_usage_and_latency(store: CallStore) -> None:
    def costly(request: Request) -> Completion:
        usage = Usage(input_tokens=7, output_tokens=3, source="reported")
        return Completion(request, "a", usage=usage, latency_s=1.5)

    drive({"x": dialogue(("q",))}, ScriptedBackend(answer=costly), store)
    (result,) = drive({"x": dialogue(("q",))}, ScriptedBackend(answer=echo), store, "two")
    assert (result.calls[0].usage.input_tokens, result.calls[0].latency_s) == (7, 1.5)


def test_a_hit_is_told_from_a_call_of_this_sitting(store: CallStore) -> None:
    def hits(*rounds: tuple[str, ...]) -> list[bool]:
        (result,) = drive({"x": dialogue(*rounds)}, ScriptedBackend(answer=echo), store)
        return [call.hit for call in result.calls]

    assert hits(("a", "a"), ("a", "b")) == [False, False, True, False]
    assert hits(("a", "c")) == [True, False]


def test_tokens_are_counted_only_where_the_backend_reports_none(store: CallStore) -> None:
    def one_reports(request: Request) -> str | Completion:
        if said(request) == "reports":
            usage = Usage(input_tokens=7, output_tokens=3, source="reported")
            return Completion(request, "a", usage=usage)
        return "a"

    def counter(request: Request, text: str) -> Usage:
        return Usage(len(said(request)), output_tokens=len(text), source="counted", tokenizer="n")

    (result,) = converse(
        [("x", dialogue(("reports", "is silent")))],
        backend=ScriptedBackend(answer=one_reports),
        store=store,
        run="one",
        counter=counter,
    )
    sources = [(call.usage.source, call.usage.input_tokens) for call in result.calls]
    assert sources == [("reported", 7), ("counted", 9)]


@given(
    rounds=st.lists(
        st.lists(st.lists(st.sampled_from("abcd"), max_size=3).map(tuple), max_size=3).map(tuple),
        max_size=5,
    ),
    failing=st.sets(st.sampled_from("abcd")),
)
def test_whatever_fails_first_resuming_gives_what_an_unbroken_run_gives(
    tmp_path_factory: pytest.TempPathFactory,
    rounds: list[tuple[tuple[str, ...], ...]],
    failing: set[str],
) -> None:
    def all_of() -> dict[str, Dialogue[tuple[str, ...]]]:
        return {str(number): dialogue(*each) for number, each in enumerate(rounds)}

    asked = {question for each in rounds for questions in each for question in questions}
    expected = [tuple(f"{q}!" for questions in each for q in questions) for each in rounds]
    with open_call_store(tmp_path_factory.mktemp("calls") / "calls.sqlite") as store:
        first = ScriptedBackend(answer=failing_on(*failing))
        if asked & failing:
            with pytest.raises(BackendError):
                drive(all_of(), first, store)
        kept = len(store)
        second = ScriptedBackend(answer=echo)
        results = drive(all_of(), second, store)
        assert [r.value for r in results] == expected
        assert len(second.history) == len(asked) - kept
        assert len(store) == len(asked)
