"""Set reports as text: side by side, in every format, and label by label with scores."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.synthetic import label_gaps
from harness.curation import Compared, DiversityMeasure, SetReport, SetStep, describe_set
from harness.errors import ArtefactError, ConfigError
from harness.pipeline import SetChoice, describe_sets, run_experiment
from harness.relations import Example, Mention, load_schema
from harness.report import render_sets, set_reports

SEMEVAL = load_schema("semeval-2010-task-8")
TEXT = "The storm caused a flood"


def report(name: str, value: float = 1.0, sd: float = 0.1) -> SetReport:
    row = Example("1", TEXT, Mention.of(TEXT, 4, 9), Mention.of(TEXT, 19, 24), "Other")
    steps = [
        SetStep(name=name, does="writes", came=2, kept=1, rejected={"too_short": {"Other": 1}})
    ]
    found = describe_set(
        Compared([row]), name=name, schema=SEMEVAL, steps=steps, test=Compared([row])
    )
    measure = DiversityMeasure(
        name="distinct_1", more="higher", rows=200, draws=50,
        value=value, sd=sd, low=value - sd, high=value + sd,
    )  # fmt: skip
    return found.model_copy(update={"diversity": (measure,)})


@pytest.mark.parametrize("format", ["terminal", "markdown", "csv", "json", "latex"])
def test_every_format_shows_every_set(format: str) -> None:
    text = render_sets([report("first"), report("second")], format)
    assert "first" in text
    assert "second" in text


def test_an_unknown_format_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="must be one of"):
        render_sets([report("first")], "pdf")


def test_two_sets_are_told_apart_only_where_the_interval_leaves_out_0() -> None:
    apart = render_sets([report("one", 1.0), report("two", 2.0)], "terminal", width=200)
    assert "two is more diverse by distinct_1." in apart
    close = render_sets([report("one", 1.0), report("two", 1.1)], "terminal", width=200)
    assert "not separable by distinct_1." in close


def test_what_is_not_known_reads_unknown() -> None:
    rows = list(csv.DictReader(io.StringIO(render_sets([report("one")], "csv"))))
    cells = {
        row["row"]: row["value"] for row in rows if (row["table"], row["column"]) == ("Sets", "one")
    }
    assert cells["estimated label noise"] == "unknown"
    assert cells["cost per kept row"] == "unknown"
    assert cells["rows written"] == "2"


def test_json_holds_the_whole_report() -> None:
    (found,) = json.loads(render_sets([report("one")], "json"))
    assert SetReport.model_validate(found) == report("one")


def test_sets_that_nobody_described_are_named_as_such(small_task: Any, tmp_path: Path) -> None:
    run = run_experiment(small_task.experiment, folder=tmp_path / "run", jobs=1)
    with pytest.raises(ArtefactError, match="No set of the run"):
        set_reports(run.folder)


def test_two_systems_are_joined_with_their_sets_label_by_label(
    small_task: Any, tmp_path: Path
) -> None:
    def change(document: dict[str, Any]) -> None:
        source = document["systems"]["distilled"]["train_on"][0]
        less = {**source, "curate": [{"gate": "first.v1", "options": {"n": 1}}]}
        document["systems"]["less"] = {"student": "linear.v1", "train_on": [less]}

    file = small_task.changed(change)
    run = run_experiment(file, folder=tmp_path / "run", jobs=1)
    describe_sets(file, folder=run.folder, choice=SetChoice(encoder=None), jobs=1)
    names = [found.name for found in set_reports(run.folder)]
    few = next(name for name in names if "first.v1" in name)
    gaps = label_gaps(run.folder, ("distilled", "less"), ("all_at_once.v1", few))
    assert [gap.label for gap in gaps] == ["works_for", "lives_in", "none"]
    assert [gap.support for gap in gaps] == [12, 12, 12]
    assert all(0 <= score <= 100 for gap in gaps for score in gap.f1)
    assert {gap.nearest for gap in gaps} == {None}
    with pytest.raises(ConfigError, match="no set 'nope' is described"):
        label_gaps(run.folder, ("distilled", "less"), ("all_at_once.v1", "nope"))
