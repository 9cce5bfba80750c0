"""A line of an answer as a labelled example, for samples that are written as marked sentences."""

from __future__ import annotations

from collections.abc import Callable

from agents.generators._rejects import RejectedError, RejectReason
from agents.generators._sample_set import SampleSet
from agents.generators._samples import LineReader, written_lines
from agents.reasoning import visible_answer
from harness.protocols import Completion, GeneratedSet, GenerationItem
from harness.relations import (
    Example,
    MarkedTextError,
    Markers,
    MarkFault,
    Mention,
    Schema,
    parse_marked,
)

__all__ = ["SampleReader", "argument_types", "samples_of"]


def samples_of(completion: Completion) -> list[str]:
    """The lines of an answer that are not blank; reasoning before the answer is left out."""
    return written_lines(visible_answer(completion.text).text)


class SampleReader:
    """Reads answers that hold one marked sample per line."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._lines = LineReader(schema)

    def read(
        self, *, item: GenerationItem, completion: Completion, row_id: Callable[[int], str]
    ) -> GeneratedSet:
        """Reads one answer; each line that is not blank becomes a row or a reject.

        Args:
            item: What was asked for.
            completion: The answer.
            row_id: Gives the id of the row at a position.
        """
        found = SampleSet(item, markers=self._schema.markers, row_id=row_id)
        found.take(
            completion, samples_of(completion), lambda text, id: self.example(text, item.label, id)
        )
        return found.result()

    def example(self, line: str, label: str, id: str) -> Example:
        """Reads one line.

        Mentions get the entity types that the relation leaves no choice about.

        Raises:
            RejectedError: When it is no sample of the label.
        """
        written = self._lines.read(line)
        if written.label is not None and written.label != label:
            raise RejectedError(RejectReason.WRONG_LABEL)
        markers = self._schema.markers
        try:
            read = parse_marked(written.marked, markers)
        except MarkedTextError as error:
            raise RejectedError(_reason(error.fault, written.marked, markers)) from None
        head_types, tail_types = argument_types(self._schema, label)
        return Example(
            id=id,
            text=read.text,
            head=_typed(read.head, head_types),
            tail=_typed(read.tail, tail_types),
            relation=label,
        )


def argument_types(schema: Schema, label: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The entity types that head and tail of a label may have; empty means any."""
    relation = schema.relation_of(label)
    if relation is None:
        return (), ()
    if schema.label(label).reversed:
        return relation.tail_types, relation.head_types
    return relation.head_types, relation.tail_types


def _typed(mention: Mention, types: tuple[str, ...]) -> Mention:
    only = types[0] if len(types) == 1 else None
    return Mention(mention.start, mention.end, mention.surface, only)


def _reason(fault: MarkFault, marked: str, markers: Markers) -> RejectReason:
    if fault is MarkFault.MISSING:
        head, tail = (
            any(tag in marked for tag in (f"<{name}>", f"</{name}>"))
            for name in (markers.head, markers.tail)
        )
        if head != tail:
            return RejectReason.TAIL_MISSING if head else RejectReason.HEAD_MISSING
    return RejectReason(fault.value)
