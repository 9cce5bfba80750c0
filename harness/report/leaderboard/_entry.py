"""One system of one run on one test set, before it is compared with others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict

from harness.report._row import STRICT
from harness.report._system import SystemResult
from harness.report.leaderboard._test_set import BoardTest

__all__ = ["Entry", "Facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a system beside its answers and its cost; None is unknown.

    Attributes:
        method: What it is: the extractor, or the student.
        models: Names of the LLMs behind it: that which answers, or its teachers.
        licence: As declared: the model's for a direct system, the student's for a student.
        training_allowed: Whether the terms of every LLM behind it let its answers train a model,
            as declared; None where one is not declared. For a direct system, whether its own
            answers may.
        taught: Whether it is a student that an LLM had a hand in.
        bytes_on_disk: Size of a student's saved model.
        parameters: Of a direct system's model, as declared.
        contamination: Sentences of the test set that stand among the rows which it was trained
            on or shown, by kind (``exact``, ``normalised``, ``near``); a sentence counts once, in
            the first kind that it fits.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    method: str
    models: tuple[str, ...] = ()
    licence: str | None = None
    training_allowed: bool | None = None
    taught: bool = False
    bytes_on_disk: int | None = None
    parameters: int | None = None
    contamination: Mapping[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A system's answers to one test set.

    Attributes:
        run: Name of the run's experiment.
        folder: The run's folder.
        test: What it answered.
        result: Its answers there, and its cost.
        facts: What else is known of it.
        metrics: The metrics that its experiment and its schema are about.
        made_by: Keys of its answers' stages: equal keys and equal answers are one result.
        finished: When the run was done, as ISO 8601; empty where it is not said.
    """

    run: str
    folder: Path
    test: BoardTest
    result: SystemResult
    facts: Facts
    metrics: tuple[str, ...]
    made_by: tuple[str, ...]
    finished: str = ""
