"""Parts of the test set on which systems may do differently well."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.relations import Example, Schema

__all__ = ["Slice", "cue_words", "slices_of"]

_WORD = re.compile(r"\w+")
_BOUNDS = {"distance": (2, 5, 10), "length": (12, 20, 30)}
_FEWEST = 50  # labelled rows below which cue words say nothing


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of the test set.

    Attributes:
        by: What it was divided by.
        name: Which part.
        ids: Its examples.
    """

    by: str
    name: str
    ids: tuple[str, ...]


def slices_of(
    examples: Sequence[Example],
    *,
    trained: Iterable[Example],
    labelled: Sequence[Example],
    schema: Schema,
) -> list[Slice]:
    """Divides a test set by what of it can be read off without any system.

    - distance: words between the two entities;
    - order: which entity comes first;
    - length: words of the sentence;
    - pair: whether the two entities, in lower case, stand together in a training row;
    - cue: whether any word outside the entities is a cue of the gold relation
      (``cue_words``), for examples of a relation; those without are implicit, the case
      that arXiv 2406.14745 says is hard. Left out with fewer than 50 labelled rows.

    Args:
        examples: The test set.
        trained: Rows that a student was trained on.
        labelled: Labelled rows outside the test set, which give the cues.
        schema: The schema.
    """
    seen = {_pair(e) for e in trained}
    divisions: list[tuple[str, Callable[[Example], str | None]]] = [
        ("words between", lambda e: _bin("distance", _distance(e))),
        ("order", lambda e: "head first" if e.head.start <= e.tail.start else "tail first"),
        ("sentence length", lambda e: _bin("length", len(_WORD.findall(e.text)))),
    ]
    if seen:
        divisions.append(("pair in training", lambda e: "seen" if _pair(e) in seen else "unseen"))
    cues = cue_words(labelled, schema) if len(labelled) >= _FEWEST else {}
    if any(cues.values()):
        divisions.append(("lexical cue", lambda e: _cued(e, cues, schema)))
    found: list[Slice] = []
    for by, part_of in divisions:
        parts: dict[str, list[str]] = {}
        for example in examples:
            if (part := part_of(example)) is not None:
                parts.setdefault(part, []).append(example.id)
        if len(parts) > 1:
            found += [Slice(by, name, tuple(parts[name])) for name in sorted(parts, key=_place)]
    return found


def cue_words(rows: Sequence[Example], schema: Schema) -> Mapping[str, frozenset[str]]:
    """Words that speak for a relation: by log-odds with a prior, z above 1.96, three rows or more.

    For each relation, direction aside, the rows of the relation against all others; a word counts
    once a row, the entities' own words left out; the prior is its frequency in all rows.

    Source: Monroe et al. 2008, "Fightin' Words", equations 15-22.
    """
    by_relation: dict[str, Counter[str]] = {}
    everywhere: Counter[str] = Counter()
    for row in rows:
        words = _outside(row)
        everywhere.update(words)
        label = row.relation
        if label in schema and (relation := schema.relation_of(label or "")) is not None:
            by_relation.setdefault(relation.name, Counter()).update(words)
    total = sum(everywhere.values())
    return {
        relation: frozenset(
            word
            for word, n in counts.items()
            if n >= 3 and _z(n, counts.total(), everywhere[word], total) > 1.96
        )
        for relation, counts in by_relation.items()
    }


def _z(here: int, here_all: int, both: int, both_all: int) -> float:
    """z of the log-odds ratio of a word in one relation against all others."""
    prior = max(both * 100 / both_all, 0.01)  # a prior of 100 words in all
    there, there_all = both - here, both_all - here_all
    odds = math.log((here + prior) / (here_all + 100 - here - prior)) - math.log(
        (there + prior) / (there_all + 100 - there - prior)
    )
    return odds / math.sqrt(1 / (here + prior) + 1 / (there + prior))


def _cued(example: Example, cues: Mapping[str, frozenset[str]], schema: Schema) -> str | None:
    relation = schema.relation_of(example.relation or "") if example.relation in schema else None
    if relation is None or not cues.get(relation.name):
        return None
    return "with a cue" if _outside(example) & cues[relation.name] else "without (implicit)"


def _outside(example: Example) -> set[str]:
    """Words of the sentence outside both entities, in lower case."""
    spans = ((example.head.start, example.head.end), (example.tail.start, example.tail.end))
    return {
        m.group().lower()
        for m in _WORD.finditer(example.text)
        if not any(start < m.end() and m.start() < end for start, end in spans)
    }


def _distance(example: Example) -> int:
    first, second = sorted((example.head, example.tail), key=lambda m: m.start)
    return len(_WORD.findall(example.text[first.end : max(first.end, second.start)]))


def _pair(example: Example) -> tuple[str, str]:
    return example.head.surface.lower(), example.tail.surface.lower()


def _bin(kind: str, value: int) -> str:
    low = 0
    for bound in _BOUNDS[kind]:
        if value <= bound:
            return f"{low} to {bound}" if low else f"up to {bound}"
        low = bound + 1
    return f"{low} and more"


def _place(name: str) -> tuple[int, str]:
    """Parts by their number, the open one first at the lower end."""
    number = re.search(r"\d+", name)
    return (0 if number is None or name.startswith("up") else int(number.group()), name)
