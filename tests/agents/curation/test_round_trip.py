"""The round trip: a blind reading of each row, judged against what was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.backends import RecordedBackend, RecordedOptions
from agents.curation import RoundTrip, RoundTripOptions
from agents.generators import AllAtOnce, AllAtOnceDiverse, AllAtOnceOptions
from harness.datasets import few_shot_from_ids, read_examples
from harness.protocols import AgentContext, AskingGate, Completion, FinishReason, Judgement
from harness.relations import Example, Mention, load_schema

SEMEVAL = load_schema("semeval-2010-task-8")
RECORDINGS = Path(__file__).resolve().parents[3] / "benchmarks/recordings/semeval-2010-task-8"
TEXT = "The storm caused a flood ."
CAUSE = "Cause-Effect(e1,e2)"


def row(relation: str = CAUSE) -> Example:
    return Example("1", TEXT, Mention.of(TEXT, 4, 9), Mention.of(TEXT, 19, 24), relation=relation)


def gate(**options: Any) -> RoundTrip:
    return RoundTrip(
        context=AgentContext(schema=SEMEVAL), options=RoundTripOptions.model_validate(options)
    )


def judged(
    answer: str, asked: str = CAUSE, finish: FinishReason = FinishReason.STOP, **options: Any
) -> Judgement:
    dialogue = gate(**options).review(row=row(asked))
    (request,) = next(dialogue)
    with pytest.raises(StopIteration) as stopped:
        dialogue.send([Completion(request=request, text=answer, finish=finish)])
    value: Judgement = stopped.value.value
    return value


@pytest.mark.parametrize(
    ("read", "asked", "reason"),
    [
        (CAUSE, CAUSE, None),
        ("Cause-Effect(e2,e1)", CAUSE, "other_direction"),
        ("Component-Whole(e1,e2)", CAUSE, "other_label"),
        ("Other", CAUSE, "read_as_na"),
        (CAUSE, "Other", "na_read_as_relation"),
        ("no such label", CAUSE, "unreadable"),
    ],
)
def test_a_reading_is_judged_by_what_was_asked(read: str, asked: str, reason: str | None) -> None:
    assert judged(json.dumps({"relation": read}), asked).reason == reason


def test_a_turned_direction_may_be_let_through() -> None:
    answer = json.dumps({"relation": "Cause-Effect(e2,e1)"})
    assert judged(answer, direction=False).kept


@given(st.text(), st.sampled_from(SEMEVAL.label_names), st.sampled_from(list(FinishReason)))
def test_whatever_the_teacher_answers_is_a_judgement(
    answer: str, asked: str, finish: FinishReason
) -> None:
    found = judged(answer, asked, finish)
    assert found.kept or found.reason in (
        "other_direction", "other_label", "read_as_na", "na_read_as_relation", "unreadable",
    )  # fmt: skip


def test_the_reader_is_not_told_what_was_asked() -> None:
    asked = [next(gate().review(row=row(label))) for label in (CAUSE, "Other")]
    assert asked[0] == asked[1]
    assert isinstance(gate(), AskingGate)


def test_an_extractor_that_cannot_read_rows_is_refused_with_its_problem() -> None:
    with pytest.raises(ValidationError, match="not a known extractor"):
        RoundTripOptions(extractor="no_such.v1")
    with pytest.raises(ValidationError, match="option form"):
        RoundTripOptions(extractor_options={"form": "poem"})
    with pytest.raises(ValidationError, match="searches for neighbours"):
        RoundTripOptions(extractor="retrieval.v1")
    options = RoundTripOptions(extractor="few_shot.v1")
    assert RoundTrip.shows_few_shot(options=options)
    assert not RoundTrip.shows_few_shot(options=RoundTripOptions())


def read_again(kind: Any, recording: str, home: Path) -> Iterator[Judgement]:
    """Recorded rows of a mode, each judged by its recorded second reading."""
    pool = read_examples(home / "semeval2010_task8/TRAIN_FILE.TXT", format="semeval")
    drawn = few_shot_from_ids(
        pool, file=RECORDINGS / "few_shot_ids.json", key="k8-seed1", k=8
    ).train
    files = tuple(RECORDINGS / name for name in (recording, "round_trip.zero_shot.v1.jsonl"))
    backend = RecordedBackend(options=RecordedOptions(recordings=files, model="recorded"))
    writer = kind(context=AgentContext(schema=SEMEVAL, few_shot=drawn), options=AllAtOnceOptions())
    for item in writer.items():
        writing = writer.generate(item=item)
        answers = list(backend.complete(next(writing)))
        with pytest.raises(StopIteration) as written:
            writing.send(answers)
        for generated in written.value.value.rows:
            reviewing = gate().review(row=generated.example)
            answers = list(backend.complete(next(reviewing)))
            with pytest.raises(StopIteration) as said:
                reviewing.send(answers)
            yield said.value.value


@pytest.mark.data
@pytest.mark.parametrize(
    ("kind", "recording", "kept"),
    [
        (AllAtOnce, "generate.all_at_once.v1.jsonl", 581),
        (AllAtOnceDiverse, "generate.all_at_once_diverse.v1.jsonl", 597),
    ],
)
def test_recorded_second_readings_give_the_asked_label_to_most_rows(
    kind: Any, recording: str, kept: int, data_home: Path
) -> None:
    found = list(read_again(kind, recording, data_home))
    assert len(found) == 608
    assert sum(judgement.kept for judgement in found) == kept  # 95.6% and 98.2%
