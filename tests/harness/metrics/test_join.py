"""Joining predictions to gold by id, and how answers that were not read count."""

from collections.abc import Callable

import numpy as np
import pytest

from harness.errors import ConfigError, DataError
from harness.metrics import OUTSIDE, Answers, diagnostics, join, join_labels, micro_prf, score
from harness.relations import Example, Outcome, Prediction, Schema

MakeExample = Callable[..., Example]


@pytest.fixture
def gold(make_example: MakeExample) -> list[Example]:
    """Three labelled examples; the first two share a sentence."""
    return [
        make_example(id="a", relation="founded_by", group="s1"),
        make_example(id="b", relation="no_relation", group="s1"),
        make_example(id="c", relation="born_in"),
    ]


def test_predictions_are_joined_by_id_in_any_order(
    gold: list[Example], demo_schema: Schema
) -> None:
    right = [Prediction(e.id, e.relation) for e in reversed(gold)]
    answers = join(gold, [right], demo_schema)
    assert answers.ids == ("a", "b", "c")
    assert (answers.predicted[0] == answers.gold).all()
    assert answers.groups[0] == answers.groups[1] != answers.groups[2]


def test_a_missing_prediction_is_outside_the_schema_with_the_outcome_missing(
    gold: list[Example], demo_schema: Schema
) -> None:
    answers = join(gold, [[Prediction("a", "founded_by")], []], demo_schema)
    assert answers.seeds == 2
    assert answers.predicted.tolist()[1] == [OUTSIDE] * 3
    assert answers.outcome_counts()[0][Outcome.MISSING] == 2
    assert answers.outcome_counts()[1][Outcome.MISSING] == 3
    assert answers.outcome_counts()[0][Outcome.PARSED] == 1


def test_outcomes_of_unread_answers_are_kept(gold: list[Example], demo_schema: Schema) -> None:
    row = [
        Prediction("a", None, Outcome.REFUSED),
        Prediction("b", None, Outcome.CUT_OFF),
        Prediction("c", None, Outcome.AMBIGUOUS),
    ]
    counts = join(gold, [row], demo_schema).outcome_counts()[0]
    assert [counts[o] for o in (Outcome.REFUSED, Outcome.CUT_OFF, Outcome.AMBIGUOUS)] == [1, 1, 1]


def test_all_faults_of_a_join_are_told_at_once(
    gold: list[Example], demo_schema: Schema, make_example: MakeExample
) -> None:
    row = [
        Prediction("a", "founded_by"),
        Prediction("a", "founded_by"),
        Prediction("z", "born_in"),
        Prediction("b", "bornin"),
    ]
    more = [*gold, make_example(id="c", relation="born_in"), make_example(id="d")]
    with pytest.raises(DataError) as caught:
        join(more, [row], demo_schema)
    told = str(caught.value)
    for part in (
        "the id 'c' stands 2 times in gold",
        "the id 'a' stands 2 times in the predictions",
        "have the id 'z', which is not in gold",
        "the label 'bornin'",
        "the gold label of 'd' is None",
    ):
        assert part in told


def test_the_problems_shown_are_limited_and_the_rest_counted(demo_schema: Schema) -> None:
    with pytest.raises(DataError) as caught:
        join_labels({}, {str(i): None for i in range(50)}, demo_schema)
    assert len(caught.value.problems) == 20
    assert caught.value.more == 30


def test_a_published_label_must_equal_a_schema_label_exactly(demo_schema: Schema) -> None:
    gold = dict.fromkeys("abcd", "born_in")
    answers = join_labels(
        gold, {"a": "born_in", "b": "Born_in", "c": " born_in", "d": None}, demo_schema
    )
    assert (answers.predicted[0] == OUTSIDE).tolist() == [False, True, True, True]
    assert answers.outcome_counts()[0][Outcome.INVALID_LABEL] == 2
    assert answers.outcome_counts()[0][Outcome.MISSING] == 1


def test_an_unread_answer_is_a_false_positive_and_a_false_negative(demo_schema: Schema) -> None:
    gold = {"a": "born_in", "b": "born_in", "c": "no_relation"}
    answers = join_labels(gold, {"a": "born_in"}, demo_schema)
    prf = micro_prf(answers)
    assert (prf.tp, prf.fp, prf.fn) == (1, 2, 1)
    assert score(answers, "micro_f1") == pytest.approx([40.0])


def test_the_variants_of_unread_answers_differ_as_named(demo_schema: Schema) -> None:
    gold = {"a": "born_in", "b": "born_in", "c": "no_relation"}
    answers = join_labels(gold, {"a": "born_in"}, demo_schema)
    assert score(answers, "micro_f1@unparsed=wrong") == pytest.approx([40.0])
    assert score(answers, "micro_f1@unparsed=na") == pytest.approx([200 / 3])
    assert score(answers, "micro_f1@unparsed=left_out") == pytest.approx([100.0])
    assert score(answers, "accuracy@unparsed=na") == pytest.approx([200 / 3])
    assert score(answers, "accuracy@unparsed=left_out") == pytest.approx([100.0])


def test_a_variant_can_be_taken_back(demo_schema: Schema) -> None:
    answers = join_labels({"a": "born_in"}, {}, demo_schema)
    again = answers.with_unparsed("na").with_unparsed("left_out").with_unparsed("wrong")
    assert (again.predicted == answers.predicted).all()
    assert answers.with_unparsed("na").unparsed_count == 1


def test_an_unknown_metric_or_variant_names_what_there_is(demo_schema: Schema) -> None:
    answers = join_labels({"a": "born_in"}, {}, demo_schema)
    with pytest.raises(ConfigError, match="did you mean 'micro_f1'"):
        score(answers, "micro_f")
    with pytest.raises(ConfigError, match="must be one of: unparsed=wrong"):
        score(answers, "micro_f1@unparsed=maybe")


def test_a_subset_follows_the_order_asked_for(gold: list[Example], demo_schema: Schema) -> None:
    answers = join(gold, [[Prediction(e.id, e.relation) for e in gold]], demo_schema)
    part = answers.subset(["c", "a"])
    assert part.ids == ("c", "a")
    assert sorted(part.groups.tolist()) == [0, 1]
    assert (part.predicted[0] == part.gold).all()
    with pytest.raises(DataError, match="no answer was joined for the id 'q'"):
        answers.subset(["q"])
    with pytest.raises(DataError, match="stands 2 times"):
        answers.subset(["a", "a"])


def test_one_seed_of_several_can_be_taken(gold: list[Example], demo_schema: Schema) -> None:
    right = [Prediction(e.id, e.relation) for e in gold]
    answers = join(gold, [[], right], demo_schema)
    assert score(answers, "accuracy").tolist() == [0.0, 100.0]
    assert score(answers.seed(1), "accuracy").tolist() == [100.0]


def test_diagnostics_count_flips_and_coverage(semeval_schema: Schema) -> None:
    gold = {"1": "Cause-Effect(e1,e2)", "2": "Other", "3": "Other", "4": "Entity-Origin(e1,e2)"}
    predicted = {"1": "Cause-Effect(e2,e1)", "2": "Other", "3": "nonsense"}
    found = diagnostics(join_labels(gold, predicted, semeval_schema))
    assert (found.accuracy, found.direction_flips, found.coverage) == (25.0, 1.0, 50.0)
    assert found.na_f1 == pytest.approx(200 / 3)
    assert found.outcomes[Outcome.INVALID_LABEL] == found.outcomes[Outcome.MISSING] == 1


def test_arrays_of_the_wrong_shape_are_refused(demo_schema: Schema) -> None:
    good = join_labels({"a": "born_in"}, {}, demo_schema)
    with pytest.raises(ValueError, match="shape"):
        Answers(demo_schema, ("a", "b"), good.gold, good.predicted, good.groups, good.outcomes)
    with pytest.raises(ValueError, match="at least one seed"):
        none = np.zeros((0, 1), np.int64)
        Answers(demo_schema, ("a",), good.gold, none, good.groups, none.astype(np.int8))
