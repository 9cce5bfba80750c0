"""Files of predictions, ours and SemEval's official answers."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.datasets import read_predictions, write_predictions
from harness.errors import DataError
from harness.relations import Outcome, Prediction, Schema, load_schema

SCHEMA = load_schema("semeval-2010-task-8")


def _read(tmp_path: Path, content: str) -> tuple[Prediction, ...]:
    file = tmp_path / "predictions"
    file.write_text(content, encoding="utf-8")
    return read_predictions(file, SCHEMA)


def test_official_answers_are_read_with_tabs_or_spaces(tmp_path: Path) -> None:
    found = _read(tmp_path, "8001\tMessage-Topic(e1,e2)\r\n8002 Other\r\n")
    assert found == (Prediction("8001", "Message-Topic(e1,e2)"), Prediction("8002", "Other"))


def test_json_lines_are_read_with_probabilities(tmp_path: Path) -> None:
    line = '{"id": 8001, "relation": "Other", "probabilities": {"Other": 0.75}}\n'
    (found,) = _read(tmp_path, line)
    assert (found.example_id, found.confidence) == ("8001", 0.75)


def test_a_label_outside_the_schema_is_a_wrong_answer_and_not_dropped(tmp_path: Path) -> None:
    (found,) = _read(tmp_path, "6\tMessage-Topc(e1,e2)\n")
    assert found == Prediction("6", None, Outcome.INVALID_LABEL, answer="Message-Topc(e1,e2)")
    assert _read(tmp_path, '{"id": "6", "relation": "Message-Topc(e1,e2)"}\n') == (
        Prediction("6", None, Outcome.INVALID_LABEL, answer="Message-Topc(e1,e2)"),
    )


def test_an_answer_without_a_label_says_why(tmp_path: Path) -> None:
    refused = '{"id": "1", "relation": null, "outcome": "refused", "answer": "I cannot."}\n'
    assert _read(tmp_path, refused) == (Prediction("1", None, Outcome.REFUSED, answer="I cannot."),)
    assert _read(tmp_path, '{"id": "1"}\n')[0].outcome is Outcome.EMPTY


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("1\tOther\n1\tOther\n", ":2: the id '1' stands twice"),
        ("1\tOther\n\n2\n", ":3: this is not an id and a label"),
        ('{"id": "1", "label": "Other"}\n', ":1: label: is not a known key"),
        ('{"id": "1", "probabilities": {"Oter": 1}}\n', "given for 'Oter', which is not in the"),
        ('{"id": "1", "probabilities": {"Other": 1.5}}\n', "less than or equal to 1"),
        ('{"id": "1", "relation": "Other", "outcome": "empty"}\n', "empty cannot have a relation"),
        ('{"id": "1", "outcome": "parsed"}\n', "the outcome parsed needs a relation"),
        ('{"id": "1"}\n{"id"\n', ":2: not valid JSON"),
        ("", "holds no prediction"),
    ],
)
def test_a_broken_file_of_predictions_is_told_by_line(
    content: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="1 problem") as raised:
        _read(tmp_path, content)
    assert told in raised.value.message


def test_the_official_answer_file_cannot_say_that_there_is_no_label(tmp_path: Path) -> None:
    file = tmp_path / "answers.txt"
    write_predictions([Prediction("1", "Other")], file, format="semeval")
    assert file.read_text(encoding="utf-8") == "1\tOther\n"
    with pytest.raises(DataError, match=r"id '2': there is no label \(cut_off\)"):
        write_predictions([Prediction("2", None, Outcome.CUT_OFF)], file, format="semeval")


_outcomes = st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.PARSED])
_words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)


@st.composite
def _predictions(draw: st.DrawFn, schema: Schema = SCHEMA) -> list[Prediction]:
    found = []
    for id in draw(st.sets(st.text("abc12", min_size=1), min_size=1, max_size=5)):
        outcome = draw(st.one_of(st.just(Outcome.PARSED), _outcomes))
        label = draw(st.sampled_from(schema.label_names))
        found.append(
            Prediction(
                example_id=id,
                label=label if outcome is Outcome.PARSED else None,
                outcome=outcome,
                answer=draw(st.none() | _words),
                probabilities=draw(
                    st.dictionaries(st.sampled_from(schema.label_names), st.floats(0, 1))
                ),
                evidence=draw(st.none() | _words),
            )
        )
    return found


@settings(deadline=None)
@given(predictions=_predictions())
def test_what_is_written_is_read_back(predictions: list[Prediction]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_predictions(predictions, Path(folder) / "p.jsonl")
        assert read_predictions(Path(folder) / "p.jsonl", SCHEMA) == tuple(predictions)


@settings(deadline=None)
@given(content=st.binary(max_size=200) | st.text('{}":,id relationOther01\t\n').map(str.encode))
def test_garbage_is_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "p"
        file.write_bytes(content)
        try:
            found = read_predictions(file, SCHEMA)
        except DataError:
            return
        assert len({prediction.example_id for prediction in found}) == len(found)
