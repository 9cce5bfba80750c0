"""From answers and costs to a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.costs import Money, SystemCost
from harness.errors import ConfigError, DataError
from harness.metrics import Answers, compare, holm, interval
from harness.report import (
    HeadToHead,
    SystemResult,
    build_head_to_head,
    render,
    same_results,
)

MakeAnswers = Callable[..., Answers]


def _build(systems: list[SystemResult], **more: object) -> HeadToHead:
    given = {"reference": "llm", "volume": 1000, "resamples": 200, **more}
    return build_head_to_head(
        experiment="e",
        systems=systems,
        test_name="t",
        **given,  # type: ignore[arg-type]
    )


def test_trivial_baselines_are_the_last_rows(table: HeadToHead) -> None:
    assert [row.system for row in table.rows[-2:]] == ["always_na", "most_frequent"]
    assert table.row("always_na").score.value == 0.0
    assert table.row("always_na").diagnostics["accuracy"] == 25.0
    assert table.row("most_frequent").notes == ("answers born_in to everything",)
    assert table.row("always_na").full_score is not None


def test_scores_and_differences_are_those_of_the_metrics(
    table: HeadToHead, make_answers: MakeAnswers
) -> None:
    llm, student = make_answers([4], unread=3), make_answers([6, 8, 7])
    found = interval(student, "micro_f1", resamples=500)
    row = table.row("distilled")
    assert (row.score.value, row.score.low, row.score.high) == (found.value, found.low, found.high)
    assert row.score.seed_sd == found.seed_sd
    comparison = compare(student, llm, "micro_f1", resamples=500)
    assert row.difference is not None
    assert row.difference.value == comparison.difference
    assert row.difference.p_randomisation == comparison.p_randomisation


def test_p_values_are_corrected_over_the_table_without_baselines(table: HeadToHead) -> None:
    gaps = [row.difference for row in table.rows if row.difference is not None]
    assert len(gaps) == 3
    raw = [gap.p_randomisation for gap in gaps if gap.p_randomisation is not None]
    assert [gap.p_holm for gap in gaps] == list(holm(raw))


def test_the_reference_has_no_difference_and_no_break_even(table: HeadToHead) -> None:
    row = table.row("llm")
    assert row.reference
    assert (row.difference, row.break_even) == (None, None)
    assert row.costs is not None
    assert (row.costs.mode, row.costs.cheapest) == ("batch", Money(1.0, True))


def test_break_even_is_against_the_cheapest_honest_mode(table: HeadToHead) -> None:
    even = table.row("distilled").break_even
    assert even is not None
    assert even.volume == pytest.approx(1.3 / (1.0 - 0.0004) * 1000)
    assert even.assumed
    dear = table.row("few-shot gold").break_even
    assert dear is not None
    assert dear.kind == "never"


def test_the_three_countings_of_unread_answers_stand_beside_each_other(
    table: HeadToHead,
) -> None:
    row = table.row("llm")
    wrong, na, out = (
        row.diagnostics[name]
        for name in ("micro_f1", "micro_f1@unparsed=na", "micro_f1@unparsed=left_out")
    )
    assert row.unparsed == 3
    assert row.coverage == 98.5
    assert wrong < na < out
    notes = render(table, "terminal", width=400)
    assert f"llm: 3 of 200 answers could not be read (invalid_label 3); micro_f1 {wrong:.1f}" in (
        notes
    )


def test_a_declared_candidate_is_the_one_the_verdict_speaks_of(table: HeadToHead) -> None:
    assert table.verdict is not None
    assert (table.verdict.system, table.verdict.candidates) == ("distilled", 1)
    assert table.verdict.assumed


def test_gold_students_are_not_candidates_unless_declared(make_answers: MakeAnswers) -> None:
    systems = [
        SystemResult("llm", "direct", make_answers([4])),
        SystemResult("gold", "gold", make_answers([2, 3])),
    ]
    without = _build(systems)
    assert without.verdict is None
    assert "No verdict" in render(without, "terminal")
    declared = _build(systems, candidate="gold")
    assert declared.verdict is not None
    assert declared.verdict.system == "gold"


def test_a_verdict_without_costs_says_that_the_cost_is_unknown(make_answers: MakeAnswers) -> None:
    systems = [
        SystemResult("llm", "direct", make_answers([40])),
        SystemResult("s", "distilled", make_answers([2, 3])),
    ]
    verdict = _build(systems).verdict
    assert verdict is not None
    assert (verdict.kind, verdict.quality) == ("cost_unknown", "holds")


def test_the_scale_of_a_cost_does_not_depend_on_its_currency(make_answers: MakeAnswers) -> None:
    euro = Money(1.5, False, "EUR")
    cost = SystemCost(euro, 1.0, euro, {}, 1.0)
    made = _build([SystemResult("llm", "direct", make_answers([4]), cost=cost)])
    assert "1.50 EUR" in render(made, "markdown")


def test_all_wrong_arguments_are_told_at_once(make_answers: MakeAnswers) -> None:
    system = SystemResult("a", "direct", make_answers([4]))
    with pytest.raises(ConfigError) as caught:
        _build([system, system], candidate="b", tolerance=-1.0, volume=0)
    assert len(caught.value.problems) == 5


def test_systems_on_different_examples_are_refused(make_answers: MakeAnswers) -> None:
    systems = [
        SystemResult("llm", "direct", make_answers([4])),
        SystemResult("s", "distilled", make_answers([4], n=100)),
    ]
    with pytest.raises(DataError, match="different examples"):
        _build(systems)


def test_results_that_differ_in_measured_times_alone_are_the_same(table: HeadToHead) -> None:
    row = table.row("distilled")
    assert row.costs is not None
    assert row.break_even is not None
    slower = replace(
        row,
        costs=replace(row.costs, one_off_seconds=400.0, one_off=Money(1.5)),
        break_even=replace(row.break_even, volume=1500.0),
    )
    again = replace(table, rows=(table.rows[0], slower, *table.rows[2:]))
    assert same_results(table, again) == []


def test_results_that_differ_otherwise_are_told_by_place(table: HeadToHead) -> None:
    row = table.row("distilled")
    assert row.costs is not None
    other = replace(
        row,
        score=replace(row.score, value=12.0),
        gold_budget=3,
        costs=replace(row.costs, one_off_seconds=None),
    )
    again = replace(table, rows=(table.rows[0], other, *table.rows[2:]), volume=7)
    assert [line.partition(":")[0] for line in same_results(table, again)] == [
        "volume",
        "rows[distilled].score.value",
        "rows[distilled].gold_budget",
        "rows[distilled].costs.one_off_seconds",
    ]
    fewer = replace(table, rows=table.rows[:2])
    assert same_results(table, fewer) == [f"rows: {len(table.rows)} against 2 entries"]


def test_a_note_that_systems_share_is_said_once_of_all_of_them(make_answers: MakeAnswers) -> None:
    note = ("born_in has 3 of 8 few-shot examples",)
    systems = [
        SystemResult("llm", "direct", make_answers([4])),
        SystemResult("a", "distilled", make_answers([5]), notes=note),
        SystemResult("b", "gold", make_answers([6]), notes=note),
    ]
    made = _build(systems, assumptions=("Rows that also stand in the test set: 2 exact.",))
    text = render(made, "terminal", width=200)
    assert "- a, b: born_in has 3 of 8 few-shot examples" in text
    assert "- Rows that also stand in the test set: 2 exact." in text
