"""The experiment that asks every extractor about SemEval-2010 Task 8."""

import json
import re
from pathlib import Path

import pytest

from benchmarks.experiments import EXTRACTORS_SEMEVAL
from harness.pipeline import Extract, build_plan, estimate_plan, load_setup
from harness.registry import extractors

MOST_CALLS = 60_000
DOCS = Path(__file__).parents[2] / "docs" / "methods"


@pytest.fixture(scope="module")
def estimate(data_home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALLDISTIL_DATA", str(data_home))
        return estimate_plan(build_plan(load_setup(EXTRACTORS_SEMEVAL)))


def calls(stage):
    """Calls of all rounds at least and at most."""
    least = stage.calls + sum(r.at_least for r in stage.later)
    return int(least), int(stage.calls + sum(r.at_most for r in stage.later))


@pytest.mark.data
def test_every_extractor_of_the_project_is_asked(estimate, data_home):
    ours = {name for name in extractors if extractors.get(name).__module__.startswith("agents.")}
    asked = {stage.node.stage.agent.component for stage in estimate.stages}
    assert asked == ours
    assert all(isinstance(stage.node.stage, Extract) for stage in estimate.stages)


@pytest.mark.data
def test_all_calls_together_stay_within_the_bound_and_are_what_the_docs_say(estimate, data_home):
    counted = [calls(stage) for stage in estimate.stages]
    least, most = (sum(column) for column in zip(*counted, strict=True))
    assert most <= MOST_CALLS
    page = (DOCS / "README.md").read_text(encoding="utf-8")
    said = re.search(r"([\d,]+) to ([\d,]+) calls", page)
    assert [int(number.replace(",", "")) for number in said.groups()] == [least, most]


@pytest.mark.data
def test_a_method_that_asks_per_relation_answers_sixty_sentences(estimate, data_home):
    (stage,) = (s for s in estimate.stages if s.node.stage.agent.component == "summarize_ask.v1")
    assert calls(stage) == (60 * 111, 60 * 111)


def test_the_sixty_are_among_the_recorded_six_hundred():
    folder = EXTRACTORS_SEMEVAL.parents[1] / "recordings" / "semeval-2010-task-8"
    read = {
        name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("extract_test_ids", "per_relation_test_ids")
    }
    assert len(set(read["per_relation_test_ids"])) == 60
    assert set(read["per_relation_test_ids"]) <= set(read["extract_test_ids"])


def test_every_extractor_has_a_page_that_names_its_source_and_what_differs():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for name in extractors:
        if not extractors.get(name).__module__.startswith("agents."):
            continue
        page = name.rpartition(".v")[0] + ".md"
        text = (DOCS / page).read_text(encoding="utf-8")
        assert f"]({page})" in index and text.startswith(f"# `{name}`")
        for option in extractors.get(name).Options.model_fields:
            assert f"`{option}`" in text, f"{page} does not say what {option} means"
        if name != "zero_shot.v1":  # our own wording
            assert all(word in text for word in ("**Source.**", "**Same as published.**"))
            assert "**Different.**" in text
