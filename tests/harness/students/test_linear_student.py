"""The linear student through its public doors."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import CalldistilError, DataError
from harness.relations import Example, Mention
from harness.students import load_student, make_student


@pytest.fixture(scope="module")
def fitted(semeval_schema, cause_rows):
    student = make_student("linear", schema=semeval_schema, options={})
    student.fit(examples=cause_rows(60), seed=1)
    return student


def _predicted(student, rows):
    shares = student.predict_proba(examples=rows)
    return [student.labels[i] for i in shares.argmax(axis=1)]


def test_linear_learns_relation_and_direction(fitted, cause_rows):
    rows = cause_rows(60, seed=9)
    assert _predicted(fitted, rows) == [row.relation for row in rows]


def test_linear_turns_the_direction_when_head_and_tail_change_places(fitted, cause_rows):
    row = cause_rows(1, seed=9)[0]
    turned = replace(row, head=row.tail, tail=row.head)
    assert _predicted(fitted, [row, turned]) == ["Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)"]


def test_linear_gives_the_same_model_again_whatever_the_seed(semeval_schema, cause_rows, tmp_path):
    contents = []
    for seed in (1, 2):
        student = make_student("linear", schema=semeval_schema, options={})
        student.fit(examples=cause_rows(30), seed=seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        student.save(folder=folder)
        contents.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert contents[0] == contents[1]


def test_linear_probabilities_are_equal_after_load(fitted, cause_rows, tmp_path):
    fitted.save(folder=tmp_path)
    rows = cause_rows(20, seed=3)
    loaded = load_student(tmp_path)
    assert loaded.labels == fitted.labels
    np.testing.assert_array_equal(
        loaded.predict_proba(examples=rows), fitted.predict_proba(examples=rows)
    )


def test_linear_gives_labels_it_never_saw_no_probability(fitted, cause_rows):
    shares = fitted.predict_proba(examples=cause_rows(3))
    unseen = [
        i for i, label in enumerate(fitted.labels) if "Cause" not in label and label != "Other"
    ]
    assert shares.shape == (3, len(fitted.labels))
    assert (shares[:, unseen] == 0).all()


@pytest.mark.parametrize("kinds", [1, 2])
def test_linear_trains_on_one_or_two_labels(semeval_schema, cause_rows, kinds):
    rows = [row for i, row in enumerate(cause_rows(30)) if i % 3 < kinds]
    student = make_student("linear", schema=semeval_schema, options={})
    student.fit(examples=rows, seed=1)
    assert _predicted(student, rows) == [row.relation for row in rows]


def test_linear_predicts_nothing_for_nothing(fitted):
    assert fitted.predict_proba(examples=[]).shape == (0, len(fitted.labels))


def test_linear_refuses_rows_without_a_label_of_the_schema(semeval_schema, cause_rows):
    rows = cause_rows(3)
    rows = [rows[0].labelled(None), rows[1].labelled("Nonsense"), rows[2]]
    student = make_student("linear", schema=semeval_schema, options={})
    with pytest.raises(DataError) as caught:
        student.fit(examples=rows, seed=1)
    assert len(caught.value.problems) == 2
    with pytest.raises(DataError, match="no training examples"):
        student.fit(examples=[], seed=1)


def test_an_untrained_linear_student_says_so(semeval_schema, cause_rows, tmp_path):
    student = make_student("linear", schema=semeval_schema, options={})
    with pytest.raises(CalldistilError, match="was not trained"):
        student.predict_proba(examples=cause_rows(1))
    with pytest.raises(CalldistilError, match="was not trained"):
        student.save(folder=tmp_path)


def _typed(row: Example, head: str | None, tail: str | None) -> Example:
    return replace(row, head=replace(row.head, type=head), tail=replace(row.tail, type=tail))


def test_linear_uses_types_only_if_every_training_mention_has_one(semeval_schema, cause_rows):
    rows = cause_rows(2)
    alike = [_typed(rows[0], "A", "B"), _typed(rows[0], "B", "A").labelled("Other")]
    student = make_student("linear", schema=semeval_schema, options={})
    student.fit(examples=alike, seed=1)
    assert _predicted(student, alike) == [row.relation for row in alike]
    with pytest.raises(DataError, match="no entity type"):
        student.predict_proba(examples=[rows[0]])

    student.fit(examples=[*alike, rows[1]], seed=1)  # one row lacks types: none are used
    shares = student.predict_proba(examples=[alike[0], alike[1], rows[0]])
    np.testing.assert_array_equal(shares[0], shares[1])
    np.testing.assert_array_equal(shares[0], shares[2])


def test_linear_with_types_asked_for_refuses_untyped_rows(semeval_schema, cause_rows):
    student = make_student("linear", schema=semeval_schema, options={"types": True})
    with pytest.raises(DataError, match="no entity type"):
        student.fit(examples=cause_rows(3), seed=1)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_linear_gives_probabilities_for_any_text_and_any_spans(fitted, data):
    text = data.draw(st.text(min_size=1, max_size=60))
    mentions = []
    for _ in range(2):
        start = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(start + 1, len(text)))
        mentions.append(Mention.of(text, start, end))
    shares = fitted.predict_proba(examples=[Example("x", text, *mentions)])
    assert np.isfinite(shares).all()
    assert shares.sum() == pytest.approx(1)
