"""Why a written sample is not kept."""

from __future__ import annotations

from enum import StrEnum

from harness.relations import MarkFault

__all__ = ["RejectReason", "RejectedError"]


class RejectReason(StrEnum):
    """Why a written sample is not kept.

    Faults of marking carry the names of ``harness.relations.MarkFault``; where one argument is
    marked and the other not at all, the reason says which one is missing. ``surplus`` is what
    was written beyond the number asked for. The reasons from ``malformed`` on are those of
    samples in named fields, of paraphrases, of new names and of attributes.
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
    MALFORMED = "malformed"
    FIELD_MISSING = "field_missing"
    HEAD_NOT_IN_TEXT = "head_not_in_text"
    TAIL_NOT_IN_TEXT = "tail_not_in_text"
    ARGUMENTS_OVERLAP = "arguments_overlap"
    TYPE_UNKNOWN = "type_unknown"
    ENTITY_CHANGED = "entity_changed"
    ENTITY_UNCHANGED = "entity_unchanged"
    ATTRIBUTES_UNREADABLE = "attributes_unreadable"


class RejectedError(Exception):
    """A written sample cannot be kept."""

    def __init__(self, reason: RejectReason) -> None:
        super().__init__(reason.value)
        self.reason = reason
