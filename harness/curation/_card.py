"""A data card: what a reader of a set must know, beside the set."""

from __future__ import annotations

import json
from collections.abc import Sequence

from harness.curation._set_report import SetReport
from harness.relations import Example, Schema

__all__ = ["data_card"]

_MOST = 8  # facts of provenance that are listed


def data_card(report: SetReport, rows: Sequence[Example], schema: Schema) -> str:
    """The card as Markdown, in the form of the Hugging Face hub's dataset cards.

    What is not known says so. The card quotes no row: text that a model wrote stays in the rows.

    Args:
        report: The report on the set.
        rows: Its rows, whose provenance is told.
        schema: The relation schema.
    """
    profile = report.profile
    lines = [
        "---",
        "task_categories: [text-classification]",
        f"tags: [relation-extraction, synthetic, {schema.name}]",
        f"size_categories: [{_size(profile.rows)}]",
        "---",
        f"# {report.name}",
        "",
        f"{profile.rows:,} rows for the relation schema `{schema.name}`. They are for training"
        " only: a score on them says nothing.",
        "",
        "## How they were made",
        "",
        "| step | rows in | rejected | rows out |",
        "|---|---|---|---|",
        *(f"| {s.name} | {s.came:,} | {s.rejections:,} | {s.kept:,} |" for s in report.steps),
        "",
        *(f"- {fact}" for fact in _provenance(rows)),
        "",
        "Rejected rows are in `rejects.jsonl`, each with its reason.",
        "",
        "## What is known of them",
        "",
        *(f"- {fact}" for fact in _facts(report)),
        "",
        "## Rows by label",
        "",
        "| label | rows |",
        "|---|---|",
        *(f"| {found.label} | {found.rows:,} |" for found in profile.labels),
        "",
        "## Files",
        "",
        "`rows.jsonl` (one row per line: text, head and tail as character spans, relation,"
        " provenance under `meta`), `rejects.jsonl`, `set_report.json`, and `dataset`, the rows as"
        " the library `datasets` saves them, where it was installed.",
    ]
    return "\n".join(lines) + "\n"


def _provenance(rows: Sequence[Example]) -> list[str]:
    facts = []
    for key in ("generator", "model", "sampling", "repeat"):
        values = dict.fromkeys(_said(key, row.meta[key]) for row in rows if key in row.meta)
        if values:
            more = f" and {len(values) - _MOST} more" if len(values) > _MOST else ""
            facts.append(f"{key}: {', '.join(f'`{v}`' for v in list(values)[:_MOST])}{more}")
    return facts or ["provenance: unknown"]


def _said(key: str, value: str) -> str:
    """Decoding parameters without those that were left to the backend."""
    if key != "sampling":
        return value
    chosen = {name: v for name, v in json.loads(value).items() if v not in (None, [])}
    return json.dumps(chosen) if chosen else "the backend's own"


def _facts(report: SetReport) -> list[str]:
    profile = report.profile
    facts = []
    if profile.words is not None and profile.between is not None:
        facts.append(
            f"{profile.words.mean:.1f} words a sentence, {profile.between.mean:.1f} between the"
            f" mentions; the head stands first in {100 * (profile.head_first or 0):.1f}%"
        )
    facts.append(
        f"{profile.pairs:,} distinct entity pairs,"
        f" {profile.patterns:,} distinct connecting patterns"
    )
    facts += [
        f"label noise, estimated ({n.how}): {100 * (n.share or 0):.1f}%"
        f" [{100 * n.low:.1f}, {100 * n.high:.1f}] of {n.rows:,} rows"
        for n in report.noise
    ] or ["label noise: unknown"]
    if report.cost is not None and report.cost.per_kept_row is not None:
        assumed = " (assumed)" if report.cost.assumed else ""
        facts.append(f"cost: ${report.cost.per_kept_row:.2g} per kept row{assumed}")
    else:
        facts.append("cost: unknown")
    facts += [
        f"{m.name} at {m.rows} rows: {m.value:.3g} [{m.low:.3g}, {m.high:.3g}]"
        for m in report.diversity
    ]
    return [*facts, *report.notes]


def _size(rows: int) -> str:
    for limit, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K")):
        if rows < limit:
            return name
    return "100K<n<1M" if rows < 1_000_000 else "n>1M"
