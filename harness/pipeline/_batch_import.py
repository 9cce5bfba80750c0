"""The answers of a batch file, put into a run's call store one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import BackendError, CalldistilError, DataError, Problem
from harness.pipeline._pending import PendingStage, pending_calls
from harness.pipeline._run import RunFolder, begun
from harness.pipeline._setup import Setup
from harness.pipeline.stages import agent_behind
from harness.protocols import Batchable, Request
from harness.store import StoredCall

__all__ = ["ImportedAnswers", "import_batch"]

_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class ImportedAnswers:
    """What came of an answer file.

    Attributes:
        new: Answers put into the call store.
        known: Answers that were there before.
        failures: Lines that hold no answer, told with their line; recorded as failed attempts.
        waiting: Calls of the round that are still without an answer.
    """

    new: int
    known: int
    failures: tuple[Problem, ...]
    waiting: int


def import_batch(
    setup: Setup,
    file: Path,
    *,
    folder: Path,
    store: Path | str | None = None,
    calls: str | None = None,
    partial: bool = False,
) -> ImportedAnswers:
    """Puts the answers of a batch into a run's call store, each checked against its request.

    Args:
        setup: The experiment.
        file: The service's output file, one answer per line in any order.
        folder: The run's folder, as at the export.
        store: As at the export.
        calls: As at the export.
        partial: Keep the answers that are right even where other lines are not.

    Raises:
        DataError: With every line that is malformed, unknown to the run or there twice. Nothing
            is stored then, unless ``partial``.
    """
    with begun(setup, RunFolder.at(folder, store=store, calls=calls)) as at:
        pending = pending_calls(
            at.plan, artefacts=at.run.artefacts, calls=at.calls, run=at.manifest.run
        )
        reading = _Reading(file, {key: stage for stage in pending for key in stage.by_key()})
        for line in reading.lines():
            reading.take(line, known=line.key in at.calls, run=at.manifest.run)
        if partial or not reading.problems:
            new = at.calls.put_many(reading.answers)
            for key, problem in reading.failures:
                at.calls.record_failure(key, problem.what)
        if reading.problems:
            shown, more = reading.problems[:_MOST_PROBLEMS], len(reading.problems)
            kept = f"{new} answers were stored." if partial else "Nothing was stored."
            raise DataError(
                shown,
                more=more - len(shown),
                hint=f"{kept} Mend or remove these lines"
                + ("." if partial else ", or keep the others with --partial."),
            )
        return ImportedAnswers(
            new=new,
            known=reading.known,
            failures=tuple(problem for _, problem in reading.failures),
            waiting=len(reading.expected) - new,
        )


@dataclass(frozen=True)
class _Line:
    number: int
    key: str
    document: Mapping[str, Any]


@dataclass
class _Reading:
    """An answer file under way."""

    file: Path
    expected: Mapping[str, PendingStage]
    answers: list[StoredCall] = field(default_factory=list)
    failures: list[tuple[str, Problem]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    known: int = 0
    _requests: dict[str, Request] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for stage in dict.fromkeys(self.expected.values()):
            self._requests |= stage.by_key()

    def lines(self) -> Iterator[_Line]:
        try:
            stream = self.file.open("rb")
        except OSError as error:
            what = f"the answer file cannot be read: {error.strerror}"
            raise DataError([Problem(what, "check the path", self.file)]) from None
        with stream:
            for number, raw in enumerate(stream, start=1):
                if not raw.strip():
                    continue
                try:
                    document = json.loads(raw.decode("utf-8"))
                except (ValueError, RecursionError) as error:
                    self._problem(number, f"not valid JSON: {error}", "mend or remove the line")
                    continue
                key = document.get("custom_id") if isinstance(document, dict) else None
                if not isinstance(key, str):
                    fix = "give the service's output file, one object per line"
                    self._problem(number, "a line is an object with a custom_id", fix)
                    continue
                yield _Line(number, key, document)

    def take(self, line: _Line, *, known: bool, run: str) -> None:
        """Checks one line against its request."""
        first = self._seen.setdefault(line.key, line.number)
        if first != line.number:
            what = f"the custom_id {line.key[:16]}... stands at line {first} already"
            self._problem(line.number, what, "keep one of the two")
            return
        stage = self.expected.get(line.key)
        if stage is None and known:
            self.known += 1
            return
        if stage is None:
            what = f"the custom_id {line.key[:16]!r} is no call that the run waits for"
            self._problem(line.number, what, "import it into the run that it was exported from")
            return
        try:
            self.answers.append(self._answer(line, stage, run))
        except CalldistilError as error:
            told = Problem(error.message, "export again to ask again", self.file, line.number)
            self.failures.append((line.key, told))

    def _answer(self, line: _Line, stage: PendingStage, run: str) -> StoredCall:
        response = line.document.get("response")
        error = line.document.get("error")
        body = response.get("body") if isinstance(response, dict) else None
        status = response.get("status_code", 200) if isinstance(response, dict) else None
        if error or status != 200 or not isinstance(body, dict):
            said = error or (body or {}).get("error", body) if isinstance(body, dict) else error
            raise BackendError(f"the service did not answer (status {status}): {_short(said)}")
        asked = stage.asked
        assert isinstance(asked, Batchable)  # it was exported
        completion = asked.batch_answer(self._requests[line.key], body)
        if completion.usage.source == "unknown":
            agent = agent_behind(stage.node.stage)
            counter = None if agent is None else agent.counter()
            if counter is not None:
                counted = counter(completion.request, completion.text)
                completion = replace(completion, usage=counted)
        return StoredCall.of(model=asked.model, completion=completion, run=run)

    def _problem(self, number: int, what: str, fix: str) -> None:
        self.problems.append(Problem(what, fix, self.file, number))


def _short(said: object) -> str:
    if isinstance(said, Mapping):
        said = said.get("message", said)
    return str(said)[:200]
