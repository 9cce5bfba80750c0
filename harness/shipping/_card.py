"""The model card of an exported system, from its run's artefacts alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.relations import Schema
from harness.report import Estimate, HeadToHead, Row
from harness.shipping._measured import RuntimeScore
from harness.shipping._system import SystemFile

__all__ = ["SourceCard", "model_card"]


@dataclass(frozen=True, slots=True)
class SourceCard:
    """Rows that a student was trained on.

    Attributes:
        title: Where they come from.
        kind: ``gold``, ``generated`` or ``labelled``.
        labels: Rows per label.
    """

    title: str
    kind: str
    labels: Mapping[str, int]


_KINDS = {
    "gold": "real sentences with human labels",
    "generated": "sentences that the LLM wrote",
    "labelled": "real sentences that the LLM labelled",
}
_USE = {
    "student": """\
```python
from pathlib import Path
from harness.students import load_student
student = load_student(Path("{folder}"))
```

`harness.shipping.load_system` reads it too, on the runtime that `system.json` names.""",
    "direct": """\
```python
from pathlib import Path
from harness.shipping import load_system
system = load_system(Path("{folder}"))
```

Keys are read from the environment; none stand in this folder.""",
    "cascade": """\
```python
from pathlib import Path
from harness.shipping import load_system
system = load_system(Path("{folder}"))
```

`student/` answers first; `direct/` is asked where its confidence is under the threshold.""",
}


def model_card(
    about: SystemFile,
    table: HeadToHead,
    schema: Schema,
    *,
    licence: str | None,
    sources: Sequence[SourceCard] = (),
    runtimes: Sequence[RuntimeScore] = (),
    plain: str = "",
    folder: str = "",
) -> str:
    """The card as Markdown with the front matter of a model hub.

    Args:
        about: The exported system.
        table: The run's table.
        schema: The relation schema.
        licence: The declared licence; None says that there is none.
        sources: What a student was trained on.
        runtimes: What its exported graphs lose.
        plain: How plain transformers reads it, where it does.
        folder: Name of the folder, for the example.
    """
    row = table.row(about.name)
    parts = [
        _front_matter(licence),
        f"# {about.name}",
        f"A {_what(about)} for relation extraction from sentences with a marked head and tail,"
        f" exported by calldistil {about.calldistil} from the experiment {about.experiment}"
        f" ({_seeds(about)}). Which seed is exported was declared, not chosen by its score.",
        "## Use",
        _USE[about.kind].format(folder=folder or about.name),
        plain,
        "## Task",
        _task(schema),
        "## Scores",
        _scores(about, table, row, runtimes),
        *(["## Training data", _sources(sources, row)] if about.kind == "student" else []),
        "## Cost",
        _cost(row),
        "## Licence",
        licence
        or "None was declared. The licences of the backbone and of the training data, and the terms"
        " of the LLM that wrote or labelled it, bear on it: name one with `--licence`.",
        "## What to know",
        "\n".join(f"- {note}" for note in (*row.notes, *table.assumptions)) or "Nothing further.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(licence: str | None) -> str:
    lines = [
        "---",
        f"license: {json.dumps((licence or 'unknown').lower())}",
        "library_name: calldistil",
        "pipeline_tag: text-classification",
        'tags: ["relation-extraction"]',
        "---",
    ]
    return "\n".join(lines)


def _what(about: SystemFile) -> str:
    if about.kind == "cascade":
        return f"cascade (a student, and an LLM under a confidence of {about.threshold:.4g})"
    if about.direct is not None:
        return f"direct system ({about.direct.extractor} on {about.direct.backend})"
    return "student (a small model)"


def _seeds(about: SystemFile) -> str:
    named = [f"{k} seed {v}" for k, v in about.seeds.model_dump().items() if v is not None]
    return ", ".join(named) or "no seeds"


def _task(schema: Schema) -> str:
    lines = [
        f"Schema `{schema.name}`: {len(schema.label_names)} labels, NA label `{schema.na_label}`.",
        "",
    ]
    for label in schema.label_names:
        relation = schema.relation_of(label)
        said = f": {relation.description}" if relation and relation.description else ""
        lines.append(f"- `{label}`{said}")
    return "\n".join(lines)


def _estimate(found: Estimate) -> str:
    bounds = (
        f" [{found.low:.1f}, {found.high:.1f}]"
        if found.low is not None and found.high is not None
        else ""
    )
    return f"{found.value:.1f}{bounds}"


def _scores(
    about: SystemFile, table: HeadToHead, row: Row, runtimes: Sequence[RuntimeScore]
) -> str:
    lines = [
        "| test set | metric | score [95%] | seeds |",
        "|---|---|---|---|",
        f"| {table.test.name} ({table.test.examples}) | `{table.metric}` |"
        f" {_estimate(row.score)} | {row.seeds} |",
    ]
    if row.full_score is not None and table.full_test is not None:
        lines.append(
            f"| {table.full_test.name} ({table.full_test.examples}) | `{table.metric}` |"
            f" {_estimate(row.full_score)} | {row.seeds} |"
        )
    lines += ["", f"`{table.metric}`: {table.definitions[table.metric]}."]
    if row.seeds > 1:
        every = ", ".join(f"{value:.1f}" for value in row.score.by_seed)
        lines.append(f"The score is the mean over seeds; each of them: {every}.")
    if (gap := row.difference) is not None:
        lines.append(
            f"Against {table.reference} on the same examples: {gap.value:+.1f}"
            f" [{gap.low:+.1f}, {gap.high:+.1f}]."
        )
    if runtimes:
        lines += [
            "",
            "The exported seed by what runs it, on the run's widest test set:",
            "",
            "| runtime | score | lost | same answers | examples |",
            "|---|---|---|---|---|",
            *(
                f"| {r.runtime} | {r.score:.2f} | {r.lost:.2f} | {r.agreement:.2%} | {r.examples} |"
                for r in runtimes
            ),
        ]
    return "\n".join(lines)


def _sources(sources: Sequence[SourceCard], row: Row) -> str:
    lines = []
    for source in sources:
        spread = ", ".join(f"{label} {n}" for label, n in source.labels.items())
        lines.append(
            f"- {source.title}: {sum(source.labels.values())} {_KINDS[source.kind]} ({spread})"
        )
    lines.append(f"- Human labels that it saw in all: {row.gold_budget}")
    return "\n".join(lines)


def _cost(row: Row) -> str:
    costs = row.costs
    if costs is None:
        return "Unknown."
    time = costs.seconds_per_1000
    seconds = "unknown" if time is None else f"{time:.2f} s"
    return (
        f"Once: {costs.one_off.text()}. 1,000 sentences: {costs.cheapest.text()}"
        f"{f' ({costs.mode})' if costs.mode else ''}, {seconds} on the run's machine."
    )
