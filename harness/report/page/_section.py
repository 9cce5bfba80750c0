"""The sections of the page, each one file under ``parts``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.registry import Registry
from harness.report.page._blocks import Block
from harness.report.page._evidence import Evidence

__all__ = ["Section", "sections"]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page.

    Attributes:
        title: Its heading.
        order: Its place: sections stand by rising order.
        blocks: Makes its blocks from what a run shows; none leaves the section out.
        short: A word or two for the page's contents.
    """

    title: str
    order: int
    blocks: Callable[[Evidence], Sequence[Block]]
    short: str = ""


sections: Registry[Section] = Registry("page section", group="calldistil.page_sections")
"""Sections by name. Another distribution adds its own through entry points."""

_OURS = (
    "head_to_head", "frontier", "break_even", "volume", "latency", "learning_curve",
    "cascade", "slices",
    "where_f1_goes", "relations", "errors", "disagreements", "browser", "parse_outcomes",
    "synthetic_sets", "overlaps", "costs", "provenance",
)  # fmt: skip
for _name in _OURS:
    sections.add_lazy(_name, f"harness.report.page.parts._{_name}:SECTION")
