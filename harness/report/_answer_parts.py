"""What a part of a generator's answers costs: each answer up to its last row that is used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.costs import TokenCounter
from harness.pipeline import REJECTS, Charge, load_examples, read_jsonl
from harness.relations import Markers, render_marked

__all__ = ["charges_up_to"]


@dataclass(frozen=True, slots=True)
class _Sample:
    """One sample as written: where it stands in its answer, how long it is, and whether used."""

    position: int
    tokens: int
    label: str
    used: bool


def charges_up_to(
    charges: Sequence[Charge],
    *,
    content: Path,
    used: Collection[str],
    markers: Markers,
    counter: TokenCounter,
) -> tuple[Charge, ...]:
    """The calls that a generator would have made for the ``used`` rows alone.

    A call's answer ends with its last used row: of its output tokens it counts the share that
    the samples up to there have, rejected ones among them. Of the calls that write for one
    label, those after the last with a used row are left out; earlier ones count in full, and so
    do calls that wrote no sample at all.

    Args:
        charges: The stage's calls, in order.
        content: Its content folder, with rows and rejects.
        used: Ids of the rows that are used.
        markers: The schema's markers, which samples were written with.
        counter: Counts the tokens of samples.
    """
    samples: dict[str, list[_Sample]] = defaultdict(list)
    for row in load_examples(content):
        if "request" in row.meta:
            text = render_marked(row, markers)
            samples[row.meta["request"]].append(
                _Sample(
                    int(row.meta["position"]),
                    counter.count(text),
                    row.meta["asked"],
                    row.id in used,
                )
            )
    for reject in read_jsonl(content / REJECTS):
        size = counter.count(reject["text"])
        samples[reject["request"]].append(_Sample(reject["position"], size, reject["label"], False))
    last = {
        sample.label: place
        for place, charge in enumerate(charges)
        for sample in samples.get(charge.key, ())
        if sample.used
    }
    kept = []
    for place, charge in enumerate(charges):
        written = samples.get(charge.key, [])
        ends = [sample.position for sample in written if sample.used]
        if ends:
            kept.append(_cut(charge, written, max(ends)))
        elif not written or any(place < last.get(sample.label, -1) for sample in written):
            kept.append(charge)
    return tuple(kept)


def _cut(charge: Charge, written: Sequence[_Sample], end: int) -> Charge:
    whole = sum(sample.tokens for sample in written)
    part = sum(sample.tokens for sample in written if sample.position <= end)
    if part == whole or charge.usage.output_tokens is None:
        return charge
    tokens = round(charge.usage.output_tokens * part / whole)
    # Part of a reported number is no longer reported: it is counted.
    return replace(charge, usage=replace(charge.usage, output_tokens=tokens, source="counted"))
