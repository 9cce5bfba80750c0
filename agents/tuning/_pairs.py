"""Preference pairs after Li, Dai and Li 2025 (arXiv 2505.23108): a new sample, not a copy."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from agents.prompts import generate_messages
from harness.protocols import Message
from harness.relations import Example, Mention, Schema, render_marked

__all__ = ["PairKind", "PreferencePair", "halves_of", "preference_pairs"]

_TEMPLATE = "generate.one_by_one.v1"
# Edits that leave what a sentence says as it is: what may stand there, and what is put instead.
_EDITS = (
    (re.compile(r"\b(?:very|really|quite|also|already|now) "), ""),
    (re.compile(r"\band\b"), "as well as"),
    (re.compile(r"\bbut\b"), "yet"),
    (re.compile(r"\bbecause\b"), "since"),
    (re.compile(r"\bmany\b"), "several"),
    (re.compile(r"\bthe\b"), "this"),
    (re.compile(r"\ba\b"), "one"),
)


class PairKind(StrEnum):
    """Why the dispreferred sample is worse than the preferred one."""

    OTHER_RELATION = "other_relation"
    EDITED = "edited"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two answers to one request, and which of them is preferred.

    Attributes:
        label: The label that is asked for.
        messages: The request, with the demonstrations of its step.
        preferred: A gold sample of the label that is not among the demonstrations.
        dispreferred: What is not wanted.
        kind: Why not.
    """

    label: str
    messages: tuple[Message, ...]
    preferred: str
    dispreferred: str
    kind: PairKind


def halves_of(schema: Schema, *, seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The labels in two halves, both directions of a relation in the same one.

    A model that was tuned on one half generates for the other, so that none writes samples of a
    relation whose gold samples it was tuned to prefer.
    """
    groups: dict[str, list[str]] = {}
    for name in schema.label_names:
        relation = schema.relation_of(name)
        groups.setdefault(name if relation is None else relation.name, []).append(name)
    names = sorted(groups)
    random.Random(f"halves {seed}").shuffle(names)
    half = (len(names) + 1) // 2
    chosen = {label for name in names[:half] for label in groups[name]}
    order = schema.label_names
    return (
        tuple(label for label in order if label in chosen),
        tuple(label for label in order if label not in chosen),
    )


def preference_pairs(
    examples: Sequence[Example],
    *,
    schema: Schema,
    labels: Sequence[str],
    seed: int,
    first: int = 1,
    diverse: bool = False,
) -> list[PreferencePair]:
    """The pairs of some labels: three for every gold sample that follows demonstrations.

    The demonstrations grow as in one-by-one generation: with ``first`` samples shown the next one
    is preferred, then joins them. Against it stand a sample of another relation, a demonstration
    with other entities and a small edit, and a demonstration as it is.

    Args:
        examples: Gold samples; those of other labels serve as samples of another relation.
        schema: The relation schema.
        labels: The labels that are asked for.
        seed: Draws the order of the samples and what stands against them.
        first: Demonstrations of the first step.
        diverse: Whether the request asks for a sample unlike those shown.
    """
    pairs = []
    for label in labels:
        own = [example for example in examples if example.relation == label]
        others = [example for example in examples if example.relation not in (label, None)]
        draw = random.Random(f"pairs {seed} {label}")
        draw.shuffle(own)
        for step in range(first, len(own)):
            shown, preferred = own[:step], own[step]
            messages = generate_messages(
                schema=schema,
                label=label,
                demonstrations=shown,
                n=1,
                template=_TEMPLATE,
                diverse=diverse,
            )
            written = render_marked(preferred, schema.markers)
            for kind, sample in _against(shown, others, draw):
                marked = render_marked(sample, schema.markers)
                if marked != written:
                    pairs.append(PreferencePair(label, messages, written, marked, kind))
    return pairs


def _against(
    shown: Sequence[Example], others: Sequence[Example], draw: random.Random
) -> Iterator[tuple[PairKind, Example]]:
    if others:
        yield PairKind.OTHER_RELATION, draw.choice(others)
    yield PairKind.EDITED, _edited(draw.choice(shown), [*shown, *others], draw)
    yield PairKind.COPY, draw.choice(shown)


def _edited(example: Example, pool: Sequence[Example], draw: random.Random) -> Example:
    """The sample with other entities, of the same types where there are any, and one edit."""
    found = {}
    for role in ("head", "tail"):
        mention: Mention = getattr(example, role)
        candidates = [
            other
            for source in pool
            for other in (getattr(source, role),)
            if other.surface != mention.surface and other.type == mention.type
        ]
        found[role] = draw.choice(candidates).surface if candidates else mention.surface
    return _lightly(_with_surfaces(example, found), draw)


def _with_surfaces(example: Example, surfaces: Mapping[str, str]) -> Example:
    """The example with other words in place of its mentions; as it is where these overlap."""
    if example.head.overlaps(example.tail):
        return example
    return _spliced(
        example,
        [(m.start, m.end, surfaces[role]) for role, m in _mentions(example)],
    )


def _lightly(example: Example, draw: random.Random) -> Example:
    """The example with one small edit outside its mentions; as it is where none applies."""
    spans = [(m.start, m.end) for _, m in _mentions(example)]
    options = [
        (found.start(), found.end(), instead)
        for pattern, instead in _EDITS
        for found in pattern.finditer(example.text)
        if all(found.end() <= start or end <= found.start() for start, end in spans)
    ]
    return _spliced(example, [draw.choice(options)]) if options else example


def _mentions(example: Example) -> tuple[tuple[str, Mention], tuple[str, Mention]]:
    return ("head", example.head), ("tail", example.tail)


def _spliced(example: Example, edits: Sequence[tuple[int, int, str]]) -> Example:
    """Replaces pieces of the text; an edit covers a mention exactly or does not touch it."""
    text, mentions = example.text, dict(_mentions(example))
    for start, end, instead in sorted(edits, reverse=True):
        text = text[:start] + instead + text[end:]
        shift = len(instead) - (end - start)
        for role, mention in mentions.items():
            if mention.start >= end:
                mentions[role] = replace(
                    mention, start=mention.start + shift, end=mention.end + shift
                )
            elif (mention.start, mention.end) == (start, end):
                mentions[role] = replace(mention, end=mention.end + shift, surface=instead)
    return replace(example, text=text, head=mentions["head"], tail=mentions["tail"])
