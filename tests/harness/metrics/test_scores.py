"""What each metric counts, by example and by property."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from harness.metrics import (
    Answers,
    Metric,
    confusion,
    join_labels,
    metrics,
    micro_prf,
    per_relation,
    score,
    semeval_official,
    trivial_baselines,
    undirected_labels,
    undirected_schema,
)
from harness.relations import Schema, load_schema

Build = Callable[..., Answers]
DEMO = load_schema("newsroom-demo")
SEMEVAL = load_schema("semeval-2010-task-8")
NAMES = (
    "accuracy",
    "micro_f1",
    "micro_f1_undirected",
    "na_f1",
    "semeval_macro_f1",
    "semeval_macro_f1_undirected",
)


def pairs(
    schema: Schema, *, unread: bool = True, min_size: int = 1
) -> st.SearchStrategy[list[tuple[str, str | None]]]:
    labels = st.sampled_from(schema.label_names)
    answers = st.one_of(labels, st.none()) if unread else labels
    return st.lists(st.tuples(labels, answers), min_size=min_size, max_size=40)


def joined(rows: list[tuple[str, str | None]], schema: Schema) -> Answers:
    gold = {str(i): g for i, (g, _) in enumerate(rows)}
    return join_labels(gold, {str(i): p for i, (_, p) in enumerate(rows)}, schema)


def test_the_registry_holds_exactly_the_metrics_of_the_design() -> None:
    assert metrics.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_describes_itself(name: str) -> None:
    metric = metrics.get(name)
    assert isinstance(metric, Metric)
    assert metric.name == name
    assert metric.summary and "\n" not in metric.summary
    assert metric.source


@pytest.mark.parametrize("name", NAMES)
@given(rows=pairs(SEMEVAL))
def test_scores_lie_between_0_and_100(name: str, rows: list[tuple[str, str | None]]) -> None:
    (value,) = score(joined(rows, SEMEVAL), name)
    assert 0.0 <= value <= 100.0 + 1e-9


@pytest.mark.parametrize("name", NAMES)
@given(rows=pairs(SEMEVAL), order=st.randoms(use_true_random=False))
def test_scores_do_not_depend_on_the_order_of_examples(
    name: str, rows: list[tuple[str, str | None]], order: Random
) -> None:
    shuffled = list(rows)
    order.shuffle(shuffled)
    assert score(joined(rows, SEMEVAL), name) == score(joined(shuffled, SEMEVAL), name)


@given(rows=pairs(DEMO, unread=False))
def test_micro_f1_agrees_with_scikit_learn_over_the_positive_labels(
    rows: list[tuple[str, str]],
) -> None:
    expected = f1_score(
        [g for g, _ in rows],
        [p for _, p in rows],
        labels=list(DEMO.positive_labels),
        average="micro",
        zero_division=0,
    )
    assert score(joined(rows, DEMO), "micro_f1") == pytest.approx([100 * expected])


@given(rows=pairs(DEMO), extra=st.integers(0, 30))
def test_micro_f1_ignores_the_declared_na_label(
    rows: list[tuple[str, str | None]], extra: int
) -> None:
    padded = [*rows, *[("no_relation", "no_relation")] * extra]
    assert score(joined(rows, DEMO), "micro_f1") == score(joined(padded, DEMO), "micro_f1")


def test_na_is_what_the_schema_declares_and_not_a_name(build: Build) -> None:
    odd = replace(DEMO, na_label="nothing")
    answers = build(["nothing", "born_in"], ["born_in", "nothing"], schema=odd)
    assert score(answers, "micro_f1").tolist() == [0.0]
    assert score(build(["nothing"], ["nothing"], schema=odd), "na_f1").tolist() == [100.0]


@given(rows=pairs(DEMO))
def test_the_f1_of_the_micro_table_is_micro_f1(rows: list[tuple[str, str | None]]) -> None:
    answers = joined(rows, DEMO)
    assert score(answers, "micro_f1") == pytest.approx([micro_prf(answers).f1])


@given(rows=pairs(SEMEVAL))
def test_the_macro_f1_agrees_with_the_official_scorer_on_any_answers(
    rows: list[tuple[str, str | None]],
) -> None:
    gold = {str(i): g for i, (g, _) in enumerate(rows)}
    given_answers = {str(i): p for i, (_, p) in enumerate(rows) if p is not None}
    report = semeval_official(gold, given_answers)
    answers = joined(rows, SEMEVAL)
    assert score(answers, "semeval_macro_f1") == pytest.approx([report.score])
    undirected = score(answers, "semeval_macro_f1_undirected")
    assert undirected == pytest.approx([report.undirected.macro_f1])


@given(rows=pairs(SEMEVAL))
def test_ignoring_direction_never_lowers_a_score(rows: list[tuple[str, str | None]]) -> None:
    answers = joined(rows, SEMEVAL)
    for name in ("micro_f1", "semeval_macro_f1"):
        assert score(answers, f"{name}_undirected")[0] >= score(answers, name)[0] - 1e-9


@given(rows=pairs(SEMEVAL, unread=False))
def test_answers_without_direction_score_as_the_undirected_metric(
    rows: list[tuple[str, str]],
) -> None:
    gold = {str(i): g for i, (g, _) in enumerate(rows)}
    predicted = {str(i): p for i, (_, p) in enumerate(rows)}
    bare = join_labels(
        undirected_labels(gold, SEMEVAL),
        undirected_labels(predicted, SEMEVAL),
        undirected_schema(SEMEVAL),
    )
    expected = score(joined(rows, SEMEVAL), "micro_f1_undirected")
    assert score(bare, "micro_f1") == expected


@given(rows=pairs(DEMO))
def test_the_confusion_table_adds_up(rows: list[tuple[str, str | None]]) -> None:
    answers = joined(rows, DEMO)
    table = confusion(answers)
    assert table.counts.sum() == len(rows)
    assert table.columns[-1] is None
    assert table.counts[:, -1].sum() == answers.unparsed_count
    by_label = {r.label: r for r in per_relation(answers)}
    for row, label in enumerate(table.rows):
        assert table.counts[row].sum() == by_label[label].support
        assert table.counts[row, row] == by_label[label].scores.tp


@pytest.mark.parametrize("name", NAMES)
def test_no_examples_and_no_positives_score_without_a_warning(name: str, build: Build) -> None:
    with np.errstate(all="raise"):
        assert score(build([], []), name).tolist() == [0.0]
        (value,) = score(build(["no_relation"] * 2, ["no_relation"] * 2), name)
    assert value == (100.0 if name in {"accuracy", "na_f1"} else 0.0)


def test_the_trivial_baselines_are_na_and_the_most_frequent_relation(build: Build) -> None:
    train = ["no_relation"] * 5 + ["born_in"] * 2 + ["founded_by"]
    na, frequent = trivial_baselines(DEMO, train)
    assert (na.name, na.label) == ("always_na", "no_relation")
    assert (frequent.name, frequent.label) == ("most_frequent", "born_in")
    answers = build(["born_in", "no_relation"], [None, None])
    assert score(frequent.on(answers), "accuracy").tolist() == [50.0]
    assert score(na.on(answers), "micro_f1").tolist() == [0.0]
    assert [p.label for p in frequent.predictions(["x0", "x1"])] == ["born_in", "born_in"]
    assert [b.name for b in trivial_baselines(DEMO, [])] == ["always_na"]
