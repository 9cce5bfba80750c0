"""One system against gold: its score, each label, and its confusions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from harness.metrics import (
    Answers,
    Confusion,
    Interval,
    confusion,
    diagnostics,
    interval,
    micro_prf,
    score,
)
from harness.report._document import Document, Heading, Sheet
from harness.report._figures import count
from harness.report._figures import interval as bounds
from harness.report._figures import score as percent
from harness.report._measures import definition_of
from harness.report._render import check_format, render_document
from harness.report._score_files import (
    OUTSIDE_LABEL,
    LabelScore,
    confusion_csv,
    label_scores,
    relations_csv,
    score_json,
)

__all__ = ["render_confusion", "render_relations", "render_score"]

_MATRIX_LABELS = 12  # a wider confusion table does not fit a page; its commonest cells do
_SHOWN = 20


def render_score(
    answers: Answers,
    format: str = "terminal",
    *,
    metric: str | None = None,
    title: str = "Score",
    table: Literal["all", "relations", "confusion"] = "all",
    resamples: int = 10_000,
    seed: int = 0,
    width: int = 100,
    colour: bool = False,
) -> str:
    """Renders how well one system's answers agree with gold.

    Args:
        answers: Joined answers.
        format: ``terminal``, ``markdown``, ``csv``, ``json`` or ``latex``.
        metric: The headline metric; that which the schema calls its own by default.
        title: What the tables are called.
        table: Which of the tables; CSV holds one, ``relations`` for ``all``, and JSON holds all.
        resamples: Resamples behind the interval.
        seed: Seed of the resampling.
        width: Columns of the terminal.
        colour: Whether the terminal text may hold colours and bold.

    Raises:
        ConfigError: When the format or the metric is unknown.
        DataError: When there is no example.
    """
    check_format(format)
    name = answers.schema.official_metric if metric is None else metric
    if format == "csv":
        return confusion_csv(answers) if table == "confusion" else relations_csv(answers)
    headline = interval(answers, name, resamples=resamples, seed=seed)
    if format == "json":
        return score_json(answers, name, headline)
    sheets = []
    if table != "confusion":
        sheets.append(_relations(answers, title))
    if table != "relations":
        found = confusion(answers)
        sheets.append(_commonest(found) if len(found.rows) > _MATRIX_LABELS else _matrix(found))
    document = Document(tuple(sheets), _headline(name, headline), _notes(answers, name))
    return render_document(document, format, width=width, colour=colour)


def render_relations(answers: Answers, format: str = "terminal", *, width: int = 100) -> str:
    """Precision, recall and F1 of each label; see ``render_score``."""
    return render_score(answers, format, table="relations", width=width)


def render_confusion(answers: Answers, format: str = "terminal", *, width: int = 100) -> str:
    """How often each label was answered for each gold label; see ``render_score``."""
    return render_score(answers, format, table="confusion", width=width)


def _headline(name: str, found: Interval) -> str:
    seeds = (
        "" if found.seed_sd is None else f" ±{percent(found.seed_sd)} between {found.seeds} seeds"
    )
    interval_ = bounds(found.low, found.high)
    return f"{name}: {percent(found.value)} {interval_}{seeds}, {count(found.examples)} examples"


def _notes(answers: Answers, name: str) -> tuple[str, ...]:
    figures = diagnostics(answers)
    names = [n for n in dict.fromkeys(["micro_f1", answers.schema.official_metric]) if n != name]
    beside = [f"{n} {percent(float(score(answers, n).mean()))}" for n in names]
    beside += [f"accuracy {percent(figures.accuracy)}", f"na_f1 {percent(figures.na_f1)}"]
    micro = [micro_prf(answers, index) for index in range(answers.seeds)]
    notes = [
        f"{name}: {definition_of(name)}; in percent, with a 95% bootstrap"
        " interval over examples and seeds.",
        f"Beside it: {', '.join(beside)}; micro precision"
        f" {percent(float(np.mean([m.precision for m in micro])))}, micro recall"
        f" {percent(float(np.mean([m.recall for m in micro])))};"
        f" {percent(figures.direction_flips)} direction flips.",
    ]
    if answers.seeds > 1:
        notes.append(
            f"Figures of labels are means over {answers.seeds} training seeds, confusions sums."
        )
    if unread := answers.unparsed_count:
        kinds = ", ".join(
            f"{outcome} {count(n)}"
            for outcome, n in figures.outcomes.items()
            if n and outcome != "parsed"
        )
        bare = name.partition("@")[0]
        variants = ", ".join(
            f"{percent(float(score(answers, bare + variant).mean()))} {how}"
            for variant, how in (
                ("@unparsed=wrong", "with them counted wrong"),
                ("@unparsed=na", "as NA"),
                ("@unparsed=left_out", "left out"),
            )
        )
        asked = answers.predicted.size
        notes.append(
            f"{count(unread)} of {count(asked)} answers could not be read ({kinds});"
            f" {bare} {variants}."
        )
    return tuple(notes)


def _relations(answers: Answers, title: str) -> Sheet:
    columns: tuple[tuple[str, Callable[[LabelScore], str]], ...] = (
        ("precision", lambda found: percent(found.precision)),
        ("recall", lambda found: percent(found.recall)),
        ("F1", lambda found: percent(found.f1)),
        ("gold", lambda found: count(found.support)),
        ("answered", lambda found: percent(found.answered).removesuffix(".0")),
    )
    names = [Heading(("label",), right=False, wraps=True), *(Heading((n,)) for n, _ in columns)]
    na = answers.schema.na_label
    rows = tuple(
        (
            f"{found.label} (NA)" if found.label == na else found.label,
            *(cell(found) for _, cell in columns),
        )
        for found in label_scores(answers)
    )
    return Sheet(f"{title}: each label", tuple(names), rows)


def _matrix(found: Confusion) -> Sheet:
    """All cells; columns carry the numbers of the rows' labels."""
    names = [Heading(("gold", "answered"), right=False, wraps=True)]
    names += [
        Heading(("none",)) if label is None else Heading((f"{number}",))
        for number, label in enumerate(found.columns, start=1)
    ]
    rows = tuple(
        (f"{number} {label}", *(count(int(n)) if n else "." for n in counts))
        for number, (label, counts) in enumerate(
            zip(found.rows, found.counts, strict=True), start=1
        )
    )
    return Sheet("Confusion: gold label by answer", tuple(names), rows)


def _commonest(found: Confusion) -> Sheet:
    wrong = [
        (int(found.counts[i, j]), i, j)
        for i, gold in enumerate(found.rows)
        for j, answered in enumerate(found.columns)
        if gold != answered and found.counts[i, j]
    ]
    wrong.sort(key=lambda entry: (-entry[0], *entry[1:]))
    rows = tuple(
        (found.rows[i], found.columns[j] or OUTSIDE_LABEL, count(n)) for n, i, j in wrong[:_SHOWN]
    )
    names = (
        Heading(("gold",), right=False, wraps=True),
        Heading(("answered",), right=False, wraps=True),
        Heading(("count",)),
    )
    return Sheet(f"The {len(rows)} commonest of {len(wrong)} confusions", names, rows)
