"""The files inside artefacts: examples, predictions, probabilities, calls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.datasets import read_examples, read_predictions, write_examples, write_predictions
from harness.errors import ArtefactError
from harness.relations import Example, Prediction, Schema

__all__ = [
    "CALLS",
    "DEMONSTRATIONS",
    "EXAMPLES",
    "PREDICTIONS",
    "REJECTS",
    "load_confidences",
    "load_examples",
    "load_predictions",
    "load_probabilities",
    "read_jsonl",
    "save_examples",
    "save_predictions",
    "write_jsonl",
]

EXAMPLES = "examples.jsonl"
PREDICTIONS = "predictions.jsonl"
CALLS = "calls.jsonl"
REJECTS = "rejects.jsonl"
"""Rows that were written and not kept, each with its reason."""
DEMONSTRATIONS = "demonstrations.json"
"""Ids of the examples whose labels an agent showed."""
_PROBABILITIES = "probabilities.safetensors"


def write_jsonl(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes one JSON object per line, keys in their order."""
    with file.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_jsonl(file: Path) -> Iterator[dict[str, Any]]:
    """Reads what ``write_jsonl`` wrote."""
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except (OSError, ValueError, RecursionError) as error:
        raise ArtefactError(
            f"{file} cannot be read: {error}.",
            hint="Delete the artefact's folder and run again; stored calls are not repeated.",
        ) from None


def save_examples(content: Path, examples: Sequence[Example]) -> None:
    """Writes examples in the project's own JSONL."""
    write_examples(examples, content / EXAMPLES, format="jsonl")


def load_examples(content: Path) -> tuple[Example, ...]:
    """Reads examples of an artefact."""
    return read_examples(content / EXAMPLES, format="jsonl", allow_empty=True)


def save_predictions(
    content: Path,
    predictions: Sequence[Prediction],
    probabilities: NDArray[np.float64] | None = None,
) -> None:
    """Writes predictions, and the matrix of probabilities (examples, labels) beside them."""
    write_predictions(predictions, content / PREDICTIONS)
    if probabilities is not None:
        from safetensors.numpy import save_file

        save_file(
            {"probabilities": np.ascontiguousarray(probabilities, dtype=np.float32)},
            content / _PROBABILITIES,
        )


def load_predictions(content: Path, schema: Schema) -> tuple[Prediction, ...]:
    """Reads predictions of an artefact, without the matrix of probabilities."""
    return read_predictions(content / PREDICTIONS, schema)


def load_probabilities(
    content: Path, predictions: Sequence[Prediction], labels: Sequence[str]
) -> NDArray[np.float64]:
    """Probabilities of an artefact, shape (predictions, labels).

    From the matrix where there is one, else from the predictions; what is not known is 0.
    """
    if (file := content / _PROBABILITIES).is_file():
        from safetensors.numpy import load_file

        return np.asarray(load_file(file)["probabilities"], dtype=np.float64)
    columns = {label: column for column, label in enumerate(labels)}
    matrix = np.zeros((len(predictions), len(labels)))
    for row, prediction in enumerate(predictions):
        for label, probability in prediction.probabilities.items():
            if label in columns:
                matrix[row, columns[label]] = probability
    return matrix


def load_confidences(content: Path, predictions: Sequence[Prediction]) -> dict[str, float]:
    """Probability of each answer of an artefact by example id, where the system gives it."""
    if (file := content / _PROBABILITIES).is_file():
        from safetensors.numpy import load_file

        best = load_file(file)["probabilities"].max(axis=1)
        return {p.example_id: float(c) for p, c in zip(predictions, best, strict=True)}
    return {p.example_id: p.confidence for p in predictions if p.confidence is not None}
