"""An answer's samples as rows, and a typed reason for each that is not kept."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from agents.generators._samples import LineReader, written_lines
from agents.reasoning import visible_answer
from harness.protocols import (
    Completion,
    FinishReason,
    GeneratedRow,
    GeneratedSet,
    GenerationItem,
    Reject,
)
from harness.relations import (
    Example,
    MarkedText,
    MarkedTextError,
    Markers,
    MarkFault,
    Mention,
    Schema,
    parse_marked,
    render_marked,
)

__all__ = ["RejectReason", "SampleReader"]


class RejectReason(StrEnum):
    """Why a written sample is not kept.

    Faults of marking carry the names of ``harness.relations.MarkFault``; where one argument is
    marked and the other not at all, the reason says which one is missing. ``surplus`` is what
    was written beyond the number asked for.
    """

    MARKER_MISSING = MarkFault.MISSING.value
    MARKER_DOUBLED = MarkFault.DOUBLED.value
    MARKER_NESTED = MarkFault.NESTED.value
    SPAN_EMPTY = MarkFault.EMPTY.value
    HEAD_MISSING = "head_missing"
    TAIL_MISSING = "tail_missing"
    WRONG_LABEL = "wrong_label"
    DUPLICATE = "duplicate"
    DUPLICATE_OF_DEMONSTRATION = "duplicate_of_demonstration"
    SURPLUS = "surplus"
    CUT_OFF = "cut_off"
    REFUSED = "refused"


class _RejectedError(Exception):
    def __init__(self, reason: RejectReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class SampleReader:
    """Reads answers that hold one marked sample per line."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._lines = LineReader(schema)

    def read(
        self, *, item: GenerationItem, completion: Completion, row_id: Callable[[int], str]
    ) -> GeneratedSet:
        """Reads one answer; each line that is not blank becomes a row or a reject.

        Reasoning before the answer is left out. Of an answer that was cut off, the last line
        is rejected, since its sentence may lack its end; of a refused one, every line.

        Args:
            item: What was asked for.
            completion: The answer.
            row_id: Gives the id of the row at a position.
        """
        rows: list[GeneratedRow] = []
        rejects: list[Reject] = []
        markers = self._schema.markers
        shown = {_compared(render_marked(e, markers)) for e in item.demonstrations}
        seen: set[str] = set()
        lines = written_lines(visible_answer(completion.text).text)
        for position, line in enumerate(lines):
            try:
                if completion.finish is FinishReason.REFUSAL:
                    raise _RejectedError(RejectReason.REFUSED)
                if completion.finish is FinishReason.LENGTH and position == len(lines) - 1:
                    raise _RejectedError(RejectReason.CUT_OFF)
                example = self._example(line, item, row_id(position), shown, seen)
                if len(rows) >= item.count:
                    raise _RejectedError(RejectReason.SURPLUS)
            except _RejectedError as rejected:
                rejects.append(
                    Reject(
                        reason=rejected.reason.value,
                        text=line,
                        label=item.label,
                        request=completion.request,
                        position=position,
                    )
                )
            else:
                rows.append(
                    GeneratedRow(example=example, request=completion.request, position=position)
                )
        return GeneratedSet(rows=tuple(rows), rejects=tuple(rejects))

    def _example(
        self, line: str, item: GenerationItem, id: str, shown: set[str], seen: set[str]
    ) -> Example:
        written = self._lines.read(line)
        if written.label is not None and written.label != item.label:
            raise _RejectedError(RejectReason.WRONG_LABEL)
        markers = self._schema.markers
        try:
            read = parse_marked(written.marked, markers)
        except MarkedTextError as error:
            raise _RejectedError(_reason(error.fault, written.marked, markers)) from None
        example = self._labelled(read, item.label, id)
        compared = _compared(render_marked(example, markers))
        if compared in shown:
            raise _RejectedError(RejectReason.DUPLICATE_OF_DEMONSTRATION)
        if compared in seen:
            raise _RejectedError(RejectReason.DUPLICATE)
        seen.add(compared)
        return example

    def _labelled(self, read: MarkedText, label: str, id: str) -> Example:
        """Gives mentions the types that the relation leaves no choice about."""
        relation = self._schema.relation_of(label)
        head_types = relation.head_types if relation is not None else ()
        tail_types = relation.tail_types if relation is not None else ()
        if self._schema.label(label).reversed:
            head_types, tail_types = tail_types, head_types
        return Example(
            id=id,
            text=read.text,
            head=_typed(read.head, head_types),
            tail=_typed(read.tail, tail_types),
            relation=label,
        )


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


def _compared(marked: str) -> str:
    """What two samples share if they are the same: case and white space are left out."""
    return " ".join(marked.casefold().split())
