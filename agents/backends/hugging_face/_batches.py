"""Batches of like length, halved where memory does not suffice."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from harness.errors import BackendError
from harness.protocols import Completion, Failure, Request

__all__ = ["Outcome", "in_batches", "is_out_of_memory"]

T = TypeVar("T")
Outcome = Completion | Failure


def in_batches(
    items: Sequence[T],
    *,
    size: int,
    length: Callable[[T], int],
    request_of: Callable[[T], Request],
    work: Callable[[Sequence[T]], Iterator[Outcome]],
    equal: bool = False,
    notes: list[str] | None = None,
) -> Iterator[Outcome]:
    """Works through items from the longest to the shortest.

    Args:
        items: What is to be done.
        size: Most items of a batch.
        length: Length of an item, in tokens.
        request_of: The request of an item.
        work: Yields the outcome of each item of a batch.
        equal: Whether a batch holds items of one length alone.
        notes: Gets a line where batches had to be halved.
    """
    waiting = sorted(items, key=lambda item: -length(item))
    while waiting:
        batch = waiting[:size]
        if equal:
            batch = [item for item in batch if length(item) == length(batch[0])]
        done: set[Request] = set()
        short = False
        try:
            for outcome in work(batch):
                done.add(outcome.request)
                yield outcome
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            short = True
        if not short:
            waiting = waiting[len(batch) :]
            continue
        _free()
        waiting = [item for item in waiting if request_of(item) not in done]
        if len(batch) == 1 and waiting:
            yield Failure(request=request_of(waiting[0]), error=_too_large(length(waiting[0])))
            waiting = waiting[1:]
        size = max(1, len(batch) // 2)
        if notes is not None:
            notes.append(f"memory ran out: batches of {size}")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch says that memory ran out."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in said or "can't allocate memory" in said
    )


def _too_large(tokens: int) -> BackendError:
    return BackendError(
        f"The memory does not suffice for one prompt of {tokens} tokens.",
        hint="Use a smaller model, quantize: 4bit, or a shorter prompt (fewer demonstrations).",
    )


def _free() -> None:
    import torch

    if torch.cuda.is_available():
        gc.collect()
        with contextlib.suppress(RuntimeError):
            torch.cuda.empty_cache()
