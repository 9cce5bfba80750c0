"""The systems of a run, one entry for each test set that they answered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import ArtefactError
from harness.metrics import Answers
from harness.pipeline import (
    MODEL,
    OVERLAPS,
    Manifest,
    NodeRecord,
    RunFolder,
    SystemEntry,
    SystemRecord,
    load_examples,
    read_experiment,
)
from harness.relations import Example
from harness.report._run import run_systems
from harness.report._system import SystemResult
from harness.report.leaderboard._entry import Entry, Facts
from harness.report.leaderboard._test_set import BoardTest, hash_of_test
from harness.store import Artefact

__all__ = ["entries_of"]


def entries_of(folder: Path) -> tuple[Entry, ...]:
    """The entries of a finished run.

    A system that answered a part of the test set stands on that part alone, as another test set:
    what was not answered by all cannot be compared.

    Raises:
        ArtefactError: When the folder is not a run, or the run is not finished.
    """
    return tuple(_Entries(folder).all())


class _Entries:
    """Reads one run."""

    def __init__(self, folder: Path) -> None:
        self.run = RunFolder.open(folder)
        self.manifest: Manifest = self.run.manifest()
        if self.manifest.finished_at is None:
            raise ArtefactError(
                f"The run in {folder} is not finished.",
                hint=f"Go on with: calldistil resume {folder}",
            )
        self.schema = self.run.schema()
        self.experiment = read_experiment(self.run.experiment_file, base=Path(self.manifest.base))
        own = self.experiment.metric or self.schema.official_metric
        self.metrics = tuple(dict.fromkeys([own, self.schema.official_metric]))
        self._tests: dict[tuple[str, ...], BoardTest] = {}
        self._gold: dict[str, Example] = {}

    def all(self) -> Iterator[Entry]:
        for key in (self.manifest.test, self.manifest.full_test):
            if key is not None:
                self._gold |= {e.id: e for e in load_examples(self._artefact(key).content)}
        for record, result in zip(self.manifest.systems, run_systems(self.run.folder), strict=True):
            sets = [result.answers]
            full = result.full_answers
            if full is not None and set(full.ids) != set(result.answers.ids):
                sets.append(full)
            for answers in sets:
                yield self._entry(record, result, answers)

    def _entry(self, record: SystemRecord, result: SystemResult, answers: Answers) -> Entry:
        finished = self.manifest.finished_at
        return Entry(
            run=self.manifest.experiment,
            folder=self.run.folder,
            test=self._test(answers),
            result=replace(result, answers=answers, full_answers=None),
            facts=self._facts(record, answers),
            metrics=self.metrics,
            made_by=tuple(repetition.final for repetition in record.repetitions),
            finished=finished.isoformat() if finished is not None else "",
        )

    def _test(self, answers: Answers) -> BoardTest:
        if answers.ids not in self._tests:
            asked = [self._gold[i] for i in answers.ids]
            hash_ = hash_of_test(asked, self.schema)
            self._tests[answers.ids] = BoardTest(self.schema.name, len(asked), hash_)
        return self._tests[answers.ids]

    def _artefact(self, key: str) -> Artefact:
        node = self.manifest.node(key)
        found = self.run.artefacts.find(node.stage, key)
        if found is None:
            raise ArtefactError(
                f"The stage '{node.title}' of the run in {self.run.folder} is not done.",
                hint=f"Go on with: calldistil resume {self.run.folder}",
            )
        return found

    # -- facts -----------------------------------------------------------------------------

    def _facts(self, record: SystemRecord, answers: Answers) -> Facts:
        system = self.experiment.systems[record.name]
        behind = self._behind(record)
        asked = [node.backend for node in behind if node.backend is not None]
        names = [name for name in dict.fromkeys(asked) if name in self.experiment.backends]
        entries = [self.experiment.backends[name] for name in names]
        direct = record.kind == "direct"
        own = self.experiment.backends[system.backend] if system.backend is not None else None
        return Facts(
            method=_method(system),
            models=tuple(
                str(entry.options.get("model", name))
                for name, entry in zip(names, entries, strict=True)
            ),
            licence=own.licence if own is not None else system.licence,
            training_allowed=_all([entry.terms_allow_training for entry in entries]),
            taught=not direct and bool(names),
            bytes_on_disk=None if direct else self._size(record),
            parameters=own.parameters if own is not None else None,
            contamination=self._contamination({node.key for node in behind}, set(answers.ids)),
        )

    def _behind(self, record: SystemRecord) -> list[NodeRecord]:
        """The stage with the answers of each repetition and all that they stand on."""
        found = {}
        for repetition in record.repetitions:
            for node in (
                self.manifest.node(repetition.answers),
                *self.manifest.ancestors(repetition.answers),
            ):
                found[node.key] = node
        return list(found.values())

    def _size(self, record: SystemRecord) -> int | None:
        """Bytes of the first repetition's saved student."""
        inputs = self.manifest.node(record.repetitions[0].answers).inputs
        if "model" not in inputs:
            return None
        model = self._artefact(inputs["model"]).content / MODEL
        return sum(file.stat().st_size for file in model.rglob("*") if file.is_file())

    def _contamination(self, behind: set[str], asked: set[str]) -> dict[str, int]:
        """Test sentences among the rows that a system saw; each once."""
        by_kind: dict[str, set[str]] = {"exact": set(), "normalised": set(), "near": set()}
        for overlap in self.manifest.overlaps:
            if self.manifest.node(overlap.key).inputs["rows"] not in behind:
                continue
            file = self._artefact(overlap.key).content / OVERLAPS
            for kind, pairs in json.loads(file.read_text(encoding="utf-8")).items():
                by_kind.setdefault(kind, set()).update(pair["right"] for pair in pairs)
        counts, counted = {}, set[str]()
        for kind, ids in by_kind.items():
            counts[kind] = len((ids & asked) - counted)
            counted |= ids
        return counts


def _method(system: SystemEntry) -> str:
    """The extractor, the student, or a cascade's two parts."""
    if (cascade := system.cascade) is not None:
        return f"{cascade.student}, then {cascade.direct}"
    return system.extractor or system.student or ""


def _all(declared: Sequence[bool | None]) -> bool | None:
    """No as soon as one says no; unknown while one is not declared, or there is none."""
    if False in declared:
        return False
    return True if declared and None not in declared else None
