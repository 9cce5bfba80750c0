"""Files of predictions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from harness.datasets._collector import note_invalid
from harness.datasets._files import parse_json, read_lines, write_text
from harness.datasets._problems import PROBLEM_LIMIT, Place, ProblemLog, nearest
from harness.relations import Outcome, Prediction, Schema

__all__ = ["read_predictions", "write_predictions"]

_Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: StrictStr | StrictInt
    relation: StrictStr | None = None
    outcome: Outcome | None = None
    answer: StrictStr | None = None
    probabilities: Mapping[StrictStr, _Probability] = Field(default_factory=dict)  # {} is copied
    evidence: StrictStr | None = None


def read_predictions(
    file: Path, schema: Schema, *, limit: int = PROBLEM_LIMIT
) -> tuple[Prediction, ...]:
    """Reads predictions, in the file's order.

    Two shapes are known, told apart by the first character: JSON Lines of ``{"id", "relation",
    "probabilities"?}`` (also what ``write_predictions`` adds: ``outcome``, ``answer``,
    ``evidence``), and the official answer file of SemEval (``id<TAB>label``).

    A label that is not in the schema becomes a prediction with the outcome ``invalid_label``
    and the label as its answer: it is a wrong answer, not a fault of the file.

    Raises:
        DataError: When a line cannot be read, an id stands twice, or a probability is given for
            something that is not a label.
    """
    log = ProblemLog(file, limit)
    lines = read_lines(file)
    as_json = next((line for line in lines if line.strip()), "").lstrip().startswith("{")
    found: dict[str, Prediction] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        read = _from_json if as_json else _from_answer
        prediction = read(line, number, schema, log)
        if prediction is None:
            continue
        if prediction.example_id in found:
            what = f"the id {prediction.example_id!r} stands twice"
            log.add(what, "keep one prediction per example", place=number)
        found[prediction.example_id] = prediction
    if not found and not log.count:
        log.add("the file holds no prediction", "check that it is the right file")
    log.raise_if_any()
    return tuple(found.values())


def write_predictions(
    predictions: Sequence[Prediction], file: Path, *, format: Literal["jsonl", "semeval"] = "jsonl"
) -> None:
    """Writes predictions as JSON Lines, or as an answer file for SemEval's official scorer.

    Raises:
        DataError: When an id stands twice, or an official answer file is asked for and a
            prediction has no label, which that format cannot say.
    """
    log = ProblemLog(file)
    seen: set[str] = set()
    lines = []
    for prediction in predictions:
        place = Place(words=f"id {prediction.example_id!r}")
        if prediction.example_id in seen:
            log.add("it stands twice", "keep one prediction per example", place=place)
        seen.add(prediction.example_id)
        if format == "jsonl":
            lines.append(json.dumps(_row(prediction), ensure_ascii=False))
        elif prediction.label is None:
            fix = "write jsonl, or leave such predictions out on purpose"
            log.add(f"there is no label ({prediction.outcome})", fix, place=place)
        else:
            lines.append(f"{prediction.example_id}\t{prediction.label}")
    log.raise_if_any()
    write_text(file, "".join(line + "\n" for line in lines))


def _from_json(line: str, number: int, schema: Schema, log: ProblemLog) -> Prediction | None:
    try:
        row = _Row.model_validate(parse_json(line))
    except ValidationError as error:
        note_invalid(log, error, Place(number))
        return None
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        log.add(f"not valid JSON: {reason}", "write one JSON object per line", place=number)
        return None
    for name in row.probabilities:
        if name not in schema:
            what = f"a probability is given for {name!r}, which is not in the schema"
            log.add(what, nearest(name, schema.label_names), place=number)
    label = row.relation
    if label is not None and row.outcome not in (None, Outcome.PARSED):
        what = f"the outcome {row.outcome} cannot have a relation"
        log.add(what, "remove one of the two", place=number)
        return None
    if label is None and row.outcome is Outcome.PARSED:
        log.add("the outcome parsed needs a relation", "add it", place=number)
        return None
    return _prediction(
        str(row.id),
        label,
        schema,
        outcome=row.outcome or Outcome.EMPTY,
        answer=row.answer,
        probabilities=row.probabilities,
        evidence=row.evidence,
    )


def _from_answer(line: str, number: int, schema: Schema, log: ProblemLog) -> Prediction | None:
    parts = line.split(None, 1)
    if len(parts) != 2:
        log.add("this is not an id and a label", "write: ID<TAB>LABEL", place=number)
        return None
    return _prediction(parts[0], parts[1].strip(), schema)


def _prediction(
    id: str,
    label: str | None,
    schema: Schema,
    *,
    outcome: Outcome = Outcome.EMPTY,
    answer: str | None = None,
    probabilities: Mapping[str, float] | None = None,
    evidence: str | None = None,
) -> Prediction:
    if label is not None:
        outcome = Outcome.PARSED if label in schema else Outcome.INVALID_LABEL
    if outcome is Outcome.INVALID_LABEL and answer is None:
        answer = label
    return Prediction(
        example_id=id,
        label=label if outcome is Outcome.PARSED else None,
        outcome=outcome,
        answer=answer,
        probabilities=dict(probabilities or {}),
        evidence=evidence,
    )


def _row(prediction: Prediction) -> dict[str, Any]:
    row: dict[str, Any] = {"id": prediction.example_id, "relation": prediction.label}
    if prediction.outcome is not Outcome.PARSED:
        row["outcome"] = str(prediction.outcome)
    for key in ("answer", "evidence"):
        if getattr(prediction, key) is not None:
            row[key] = getattr(prediction, key)
    if prediction.probabilities:
        row["probabilities"] = dict(prediction.probabilities)
    return row
