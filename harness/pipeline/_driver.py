"""The one driver: advances every agent's dialogue round by round through the call store."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from harness.errors import BackendError
from harness.garbage import seldom_collected
from harness.pipeline._budget import Purse
from harness.pipeline._claims import Claims
from harness.protocols import (
    Backend,
    Completion,
    Dialogue,
    Failure,
    Progress,
    Request,
    Usage,
    answers_of,
)
from harness.store import CallStore, StoredCall, request_key

__all__ = ["WINDOW", "Call", "Counter", "ItemResult", "converse"]

T = TypeVar("T")
Counter = Callable[[Request, str], Usage]
"""Counts the tokens of a request and its answer, for backends that report none."""

_LOOK_AGAIN_S = 0.2  # for answers that another worker is asking for

WINDOW = 4096
"""Dialogues held open at a time, which bounds memory."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a dialogue.

    Attributes:
        key: Its request key.
        usage: Tokens, as first reported or counted.
        paid_now: Whether this run paid for it; a hit or a recorded answer was not.
        recorded: Whether a recording answered.
        latency_s: Seconds at the time it was first made.
        hit: Whether the answer was there already, so that this sitting did not wait for it.
    """

    key: str
    usage: Usage
    paid_now: bool
    recorded: bool
    latency_s: float | None
    hit: bool = False


@dataclass(frozen=True, slots=True)
class ItemResult(Generic[T]):
    """What a dialogue returned, and every call it made.

    Attributes:
        item: Id of the item.
        value: The dialogue's result.
        calls: In the order in which they were asked.
        requests: The requests, in the same order.
    """

    item: str
    value: T
    calls: tuple[Call, ...]
    requests: tuple[Request, ...]


class _Open(Generic[T]):
    """A dialogue under way."""

    def __init__(self, item: str, dialogue: Dialogue[T]) -> None:
        self.item = item
        self.dialogue = dialogue
        self.round: Sequence[Request] = ()
        self.calls: list[Call] = []
        self.requests: list[Request] = []


def converse(
    dialogues: Iterable[tuple[str, Dialogue[T]]],
    *,
    backend: Backend,
    store: CallStore,
    run: str,
    counter: Counter | None = None,
    purse: Purse | None = None,
    window: int = WINDOW,
    total: int = 0,
    progress: Progress | None = None,
) -> Iterator[ItemResult[T]]:
    """Advances dialogues to their ends; yields results in the order of the dialogues.

    Every answer is in the store before any dialogue sees it. A request that is asked twice in
    one round is sent once.

    Args:
        dialogues: Pairs of item id and dialogue, taken lazily.
        backend: Answers what the store lacks.
        store: Where answers are looked up and kept.
        run: Id of the run, which tells what it paid itself.
        counter: Counts tokens where the backend reports none.
        purse: What the calls may cost; None: as much as they do.
        window: Dialogues held open at a time.
        total: Number of dialogues, for progress.
        progress: Called after each window and round with the dialogues done.

    Raises:
        BackendError: After a round in which calls failed; the answers that came are kept.
        BudgetError: Before a call that might exceed the budget; likewise.
    """
    done = 0
    source = iter(dialogues)
    while opened := list(itertools.islice(source, window)):
        results: dict[str, ItemResult[T]] = {}
        still_open: list[_Open[T]] = []
        for item, dialogue in opened:
            entry = _Open(item, dialogue)
            _advance(entry, None, still_open, results)
        while still_open:
            answers = _answer_round(
                [request for entry in still_open for request in entry.round],
                backend=backend,
                store=store,
                run=run,
                counter=counter,
                purse=purse,
            )
            advanced, still_open = still_open, []
            for entry in advanced:
                completions = []
                for request in entry.round:
                    answer = answers[request]
                    entry.calls.append(answer.call)
                    entry.requests.append(request)
                    completions.append(answer.completion)
                _advance(entry, completions, still_open, results)
            if progress is not None:
                progress(done + len(results), total)
        done += len(results)
        for item, _ in opened:
            yield results[item]


def _advance(
    entry: _Open[T],
    completions: Sequence[Completion] | None,
    still_open: list[_Open[T]],
    results: dict[str, ItemResult[T]],
) -> None:
    try:
        if completions is None:
            entry.round = next(entry.dialogue)
        else:
            entry.round = entry.dialogue.send(completions)
    except StopIteration as stop:
        results[entry.item] = ItemResult(
            entry.item, stop.value, tuple(entry.calls), tuple(entry.requests)
        )
    else:
        still_open.append(entry)


@dataclass(frozen=True, slots=True)
class _Answer:
    completion: Completion
    call: Call


def _answer_round(
    requests: Sequence[Request],
    *,
    backend: Backend,
    store: CallStore,
    run: str,
    counter: Counter | None,
    purse: Purse | None,
) -> Mapping[Request, _Answer]:
    model = backend.model
    keys = {request: request_key(model, request) for request in requests}
    known = store.get_many(list(keys.values()))
    hits = frozenset(known)
    missing = [request for request, key in keys.items() if key not in hits]
    failures: list[Failure] = []
    with Claims(store) as claims, seldom_collected():
        for outcome in _asked_once(missing, keys, known, claims, store, backend, purse, failures):
            key = keys[outcome.request]
            if isinstance(outcome, Failure):
                store.record_failure(key, str(outcome.error))
                continue
            if outcome.usage.source == "unknown" and counter is not None:
                usage = counter(outcome.request, outcome.text)
                outcome = replace(outcome, usage=usage)
            call = StoredCall.of(model=model, completion=outcome, run=run, key=key)
            store.put(call)
            claims.answered(key)
            known[key] = call
            if purse is not None:
                purse.settle(outcome)
    silent = [request for request, key in keys.items() if key not in known]
    if silent:
        raise _failed(failures, len(silent), len(keys))
    return {
        request: _Answer(
            completion=_whole_characters(known[key].completion(request)),
            call=Call(
                key=key,
                usage=known[key].usage,
                paid_now=known[key].paid_by(run),
                recorded=known[key].recorded,
                latency_s=known[key].latency_s,
                hit=key in hits,
            ),
        )
        for request, key in keys.items()
    }


def _whole_characters(answer: Completion) -> Completion:
    """The answer as dialogues see it: what no file of text can hold is replaced.

    A model may write halves of surrogate pairs and null characters as escapes in JSON; a row or a
    label read of them could be written nowhere. The store keeps the answer as it was given.
    """
    text = answer.text
    if "\x00" not in text:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            pass
        else:
            return answer
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return replace(answer, text=whole.replace("\x00", "\ufffd"))


def _asked_once(
    requests: Sequence[Request],
    keys: Mapping[Request, str],
    known: dict[str, StoredCall],
    claims: Claims,
    store: CallStore,
    backend: Backend,
    purse: Purse | None,
    failures: list[Failure],
) -> Iterator[Completion | Failure]:
    """Asks for what nobody else is asking for, and waits for the rest to turn up in ``known``."""
    waiting = list(requests)
    while waiting:
        mine = claims.take(keys[request] for request in waiting)
        yield from _paid_for([r for r in waiting if keys[r] in mine], backend, purse, failures)
        waiting = [request for request in waiting if keys[request] not in mine]
        if waiting:
            known.update(store.get_many(keys[request] for request in waiting))
            waiting = [request for request in waiting if keys[request] not in known]
            if waiting and not mine:
                time.sleep(_LOOK_AGAIN_S)


def _paid_for(
    requests: Sequence[Request],
    backend: Backend,
    purse: Purse | None,
    failures: list[Failure],
) -> Iterator[Completion | Failure]:
    """Asks the backend for as many requests at a time as the budget surely covers."""
    waiting = requests
    while waiting:
        room = len(waiting) if purse is None else purse.room(waiting)
        if purse is not None and not room:
            raise purse.used_up(len(waiting))
        answered = False
        # Closed at once when the run is interrupted, so that the backend drops what is under way.
        with contextlib.closing(answers_of(backend, waiting[:room])) as outcomes:
            for outcome in outcomes:
                answered = answered or isinstance(outcome, Completion)
                if isinstance(outcome, Failure):
                    failures.append(outcome)
                yield outcome
        if not answered:
            return
        waiting = waiting[room:]


def _failed(failures: Sequence[Failure], count: int, asked: int) -> BackendError:
    if not failures:
        return BackendError(
            f"The backend left {count} of {asked} requests without an answer or a reason.",
            hint="Run again: what was answered is kept.",
        )
    first = failures[0].error
    more = f" The first: {first.message}" if count > 1 else f" {first.message}"
    return BackendError(
        f"{count} of {asked} calls came back without an answer.{more}",
        retryable=any(failure.error.retryable for failure in failures),
        hint=first.hint or "Run again: what was answered is kept and not paid twice.",
    )
