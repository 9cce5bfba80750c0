"""Few-shot splits: drawn per seed and label, or taken from a file of ids."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.datasets._files import read_json
from harness.datasets._problems import Place, ProblemLog, nearest
from harness.errors import ConfigError, DataError, Problem
from harness.relations import Example, Schema

__all__ = ["FewShotPlan", "FewShotSplit", "Shortfall", "draw_few_shot", "few_shot_from_ids"]


@dataclass(frozen=True, slots=True)
class FewShotPlan:
    """How a few-shot split is drawn.

    Attributes:
        k: Training examples per label.
        seed: Seed of the split.
        count_na: Whether ``k`` examples of the NA label are drawn too; else none of it is, in
            train and in a k-shot dev.
        dev: ``none``; ``k_shot``: ``k`` further examples per label; ``full``: all that is left.

    Raises:
        ConfigError: When ``k`` is below 1.
    """

    k: int
    seed: int
    count_na: bool = True
    dev: Literal["none", "k_shot", "full"] = "none"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ConfigError([Problem(f"k is {self.k}", "draw at least 1 example per label")])
        if self.dev not in ("none", "k_shot", "full"):
            raise ConfigError([Problem(f"dev is {self.dev!r}", "choose none, k_shot or full")])


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A label with fewer examples than were wanted.

    Attributes:
        label: The label.
        wanted: How many were wanted.
        found: How many there were, all of which were taken.
        part: The part that falls short.
    """

    label: str
    wanted: int
    found: int
    part: Literal["train", "dev"] = "train"

    def __str__(self) -> str:
        return f"{self.label}: {self.found} of {self.wanted} wanted {self.part} examples"


@dataclass(frozen=True, slots=True)
class FewShotSplit:
    """A few-shot split.

    Attributes:
        train: Label by label in the schema's order, and in the data's order within a label;
            from a file of ids, in that file's order.
        dev: In the same order; for ``full``, in the data's.
        shortfalls: Labels that lack examples.
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()


def draw_few_shot(
    examples: Sequence[Example], *, schema: Schema, plan: FewShotPlan
) -> FewShotSplit:
    """Draws a split.

    An example's rank is the SHA-256 of seed, label and id; a label's first ``k`` are drawn. So
    each label's train set depends on the seed and that label's own examples alone, the draw of
    a smaller ``k`` is part of that of a larger one, and no library's generator matters. Dev
    examples never share a group with train.

    Args:
        examples: Labelled examples of one data set.
        schema: Says the labels and their order.
        plan: How to draw.

    Raises:
        DataError: When an example has no label, or one that is not in the schema.
    """
    log = ProblemLog(None)
    pools: dict[str, list[Example]] = {name: [] for name in schema.label_names}
    for example in examples:
        if example.relation in pools:
            pools[example.relation].append(example)
            continue
        what = f"the label {example.relation!r} is not in the schema"
        fix = nearest(example.relation or "", pools)
        if example.relation is None:
            what, fix = "there is no label", "draw from labelled examples"
        log.add(what, fix, place=Place(words=f"id {example.id!r}"))
    log.raise_if_any()
    labels = schema.label_names if plan.count_na else schema.positive_labels
    ranked = {name: sorted(pools[name], key=lambda e: _rank(e, plan.seed)) for name in labels}
    train_ids = {e.id for name in labels for e in ranked[name][: plan.k]}
    train = tuple(e for name in labels for e in pools[name] if e.id in train_ids)
    shortfalls = [
        Shortfall(name, plan.k, len(pools[name])) for name in labels if len(pools[name]) < plan.k
    ]
    seen = {example.group_key for example in train}
    dev: tuple[Example, ...] = ()
    if plan.dev == "full":
        dev = tuple(e for e in examples if e.id not in train_ids and e.group_key not in seen)
    elif plan.dev == "k_shot":
        for name in labels:
            rest = [e for e in ranked[name][plan.k :] if e.group_key not in seen][: plan.k]
            chosen = {e.id for e in rest}
            dev += tuple(e for e in pools[name] if e.id in chosen)
            if len(rest) < plan.k:
                shortfalls.append(Shortfall(name, plan.k, len(rest), "dev"))
    return FewShotSplit(train, dev, tuple(shortfalls))


def few_shot_from_ids(
    examples: Sequence[Example], *, file: Path, key: str, k: int | None = None
) -> FewShotSplit:
    """Takes the examples that a file of ids names, in that file's order.

    Args:
        examples: The data set that the ids are of.
        file: A JSON object from key (``k8-seed1``) to a list of ids, numbers or strings.
        key: Which list.
        k: Where given, labels with fewer than ``k`` examples in the list are shortfalls.

    Raises:
        DataError: When the file, the key or an id is not known, or an id stands twice.
    """
    content = read_json(file)
    if not isinstance(content, dict):
        fix = 'write {"k8-seed1": [1, 2, ...], ...}'
        raise DataError([Problem("the file is not an object from key to ids", fix, file)])
    if key not in content:
        raise DataError([Problem(f"there is no key {key!r}", nearest(key, content), file)])
    log = ProblemLog(file)
    known = {example.id: example for example in examples}
    train: dict[str, Example] = {}
    ids = content[key]
    if not isinstance(ids, list) or not ids:
        log.add(f"{key!r} is not a list of ids", "write [1, 2, ...]")
        ids = []
    for index, given in enumerate(ids):
        place = Place(words=f"{key}, item {index + 1}")
        id = str(given)
        if isinstance(given, bool) or not isinstance(given, int | str):
            log.add(f"{given!r} is not an id", "write a number or a string", place=place)
        elif id in train:
            log.add(f"the id {id!r} stands twice", "remove one of them", place=place)
        elif id not in known:
            fix = "are they the ids of this data set? " + _nearest_id(id, known)
            log.add(f"no example has the id {id!r}", fix.strip(), place=place)
        else:
            train[id] = known[id]
    log.raise_if_any()
    counts = Counter(e.relation for e in examples if e.relation is not None)
    found = Counter(e.relation for e in train.values())
    shortfalls = [Shortfall(n, k, found[n]) for n in counts if k is not None and found[n] < k]
    return FewShotSplit(tuple(train.values()), (), tuple(shortfalls))


def _rank(example: Example, seed: int) -> str:
    key = "\x1f".join([str(seed), example.relation or "", example.id])
    return hashlib.sha256(key.encode()).hexdigest()


def _nearest_id(id: str, known: dict[str, Example]) -> str:
    if id.isdigit():
        numbers = [int(other) for other in known if other.isdecimal() and other.isascii()]
        if numbers:
            return f"the nearest is {min(numbers, key=lambda n: abs(n - int(id)))}"
    return nearest(id, known)
