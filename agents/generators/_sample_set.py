"""What the answers for one item gave: every written sample is a row or a typed reject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from agents.generators._rejects import RejectedError, RejectReason
from harness.protocols import (
    Completion,
    FinishReason,
    GeneratedRow,
    GeneratedSet,
    GenerationItem,
    Reject,
)
from harness.relations import Example, Markers, render_marked

__all__ = ["ReadSample", "SampleSet"]

ReadSample: TypeAlias = Callable[[str, str], Example]
"""Reads a written sample under an id, or raises ``RejectedError``."""


class SampleSet:
    """Collects the rows and rejects of one item over any number of answers.

    Args:
        item: What is asked for.
        markers: How samples are marked, by which two are compared.
        row_id: Gives the id of the sample at a place among all that were written for the item.
    """

    def __init__(
        self, item: GenerationItem, *, markers: Markers, row_id: Callable[[int], str]
    ) -> None:
        self._item = item
        self._markers = markers
        self._row_id = row_id
        self._shown = {_compared(render_marked(e, markers)) for e in item.demonstrations}
        self._seen: set[str] = set()
        self._rows: list[GeneratedRow] = []
        self._rejects: list[Reject] = []

    @property
    def examples(self) -> tuple[Example, ...]:
        """The samples that were kept so far."""
        return tuple(row.example for row in self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def complete(self) -> bool:
        """Whether there are as many samples as were asked for."""
        return len(self) >= self._item.count

    def take(
        self,
        completion: Completion,
        written: Sequence[str],
        read: ReadSample,
        *,
        most: int | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> int:
        """Takes in one answer; each sample becomes a row or a reject.

        Of an answer that was cut off, the last sample is rejected, since it may lack its end; of
        a refused one, every sample.

        Args:
            completion: The answer.
            written: Its samples as written.
            read: Reads one.
            most: Samples that this answer was asked for; the item's number if left out.
            facts: What its rows carry besides the item's facts.

        Returns:
            How many samples were kept.
        """
        before = len(self)
        room = self._item.count if most is None else min(self._item.count, before + most)
        carried = {**self._item.facts, **(facts or {})}
        for position, text in enumerate(written):
            try:
                if completion.finish is FinishReason.REFUSAL:
                    raise RejectedError(RejectReason.REFUSED)
                if completion.finish is FinishReason.LENGTH and position == len(written) - 1:
                    raise RejectedError(RejectReason.CUT_OFF)
                place = len(self._rows) + len(self._rejects)
                example = self._new(read(text, self._row_id(place)))
                if len(self) >= room:
                    raise RejectedError(RejectReason.SURPLUS)
            except RejectedError as rejected:
                self.reject(completion, text, rejected.reason, position=position)
            else:
                if carried:
                    example = replace(example, meta={**example.meta, **carried})
                self._rows.append(GeneratedRow(example, completion.request, position))
        return len(self) - before

    def reject(
        self, completion: Completion, text: str, reason: RejectReason, *, position: int = 0
    ) -> None:
        """Notes a written sample that is not kept."""
        self._rejects.append(
            Reject(
                reason=reason.value,
                text=text,
                label=self._item.label,
                request=completion.request,
                position=position,
            )
        )

    def result(self) -> GeneratedSet:
        """Everything that was written."""
        return GeneratedSet(rows=tuple(self._rows), rejects=tuple(self._rejects))

    def _new(self, example: Example) -> Example:
        compared = _compared(render_marked(example, self._markers))
        if compared in self._shown:
            raise RejectedError(RejectReason.DUPLICATE_OF_DEMONSTRATION)
        if compared in self._seen:
            raise RejectedError(RejectReason.DUPLICATE)
        self._seen.add(compared)
        return example


def _compared(marked: str) -> str:
    """What two samples share if they are the same: case and white space are left out."""
    return " ".join(marked.casefold().split())
