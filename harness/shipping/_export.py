"""Exports a system of a run: everything that it takes to run it elsewhere, in one folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import __version__
from harness.errors import ArtefactError, ConfigError, Problem
from harness.pipeline import (
    MODEL,
    CascadeEntry,
    NodeRecord,
    RepetitionRecord,
    SystemRecord,
    checked_component,
    load_cascade,
    load_examples,
    matching,
    two_answers,
    with_adapter,
)
from harness.protocols import Exportable
from harness.registry import backends, extractors
from harness.relations import save_schema
from harness.report import report_run
from harness.shipping._card import SourceCard, model_card
from harness.shipping._direct_system import INPUTS
from harness.shipping._files import taken_along
from harness.shipping._load import DIRECT, STUDENT
from harness.shipping._measured import RuntimeScore, score_runtime, stored_score
from harness.shipping._prompts import write_prompts
from harness.shipping._run_parts import RunParts
from harness.shipping._system import SYSTEM_FILE, DirectPart, SeedsRecord, SystemFile
from harness.students import GRAPHS, ExportedRuntime, load_student, quantise_graph

__all__ = ["Exported", "export_system"]

_KINDS = {"generate": "generated", "label": "labelled"}
RUNTIMES_FILE = "runtimes.json"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported.

    Attributes:
        folder: Where.
        about: What it is.
        runtimes: What its graphs lose, where some were written.
    """

    folder: Path
    about: SystemFile
    runtimes: tuple[RuntimeScore, ...] = ()


def export_system(
    run: Path,
    system: str,
    folder: Path,
    *,
    seed: int | None = None,
    onnx: bool = False,
    int8: bool = False,
    licence: str | None = None,
) -> Exported:
    """Exports a system of a finished run, whole or not at all.

    Args:
        run: The run's folder.
        system: Name of the system.
        folder: A new or empty folder.
        seed: Training seed to export; left out, the first that the experiment declares. It is
            never chosen by its score.
        onnx: Write a student's network as an ONNX graph, and measure it.
        int8: Write one with 8-bit weights too, and measure it. ``system.json`` then names it as
            the runtime, and ``onnx`` where that alone was asked for.
        licence: Name of the licence, for the card.

    Raises:
        ConfigError: When there is no such system or seed, or it has no ONNX form.
        ArtefactError: When the run is not finished, or the folder holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArtefactError(f"{folder} holds files already.", hint="Name a new or empty folder.")
    export = _Export(RunParts(run), seed=seed, onnx=onnx, int8=int8, licence=licence)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as aside:
        draft = Path(aside) / folder.name
        draft.mkdir()
        exported = export.write(export.parts.record(system), draft)
        if folder.exists():
            folder.rmdir()
        draft.replace(folder)
    return Exported(folder, exported.about, exported.runtimes)


class _Export:
    def __init__(
        self, parts: RunParts, *, seed: int | None, onnx: bool, int8: bool, licence: str | None
    ) -> None:
        self.parts = parts
        self.table = report_run(parts.run.folder)
        self._seed, self._onnx, self._int8, self._licence = seed, onnx, int8, licence

    def write(self, record: SystemRecord, folder: Path) -> Exported:
        """Writes a system into an empty folder."""
        entry = self.parts.entry(record)
        if entry.calibrate is not None:
            raise self._refused(
                f"{record.name!r} is corrected by all answers of a test set (calibrate)",
                "export the system without",
            )
        repetition = self._repetition(record)
        if entry.cascade is not None:
            return self._cascade(record, repetition, entry.cascade, folder)
        if record.kind == "direct":
            if self._onnx or self._int8:
                raise self._refused(f"{record.name!r} is no student", "leave --onnx and --int8 out")
            return self._direct(record, repetition, folder)
        return self._student(record, repetition, folder)

    # -- parts -----------------------------------------------------------------------------

    def _student(
        self, record: SystemRecord, repetition: RepetitionRecord, folder: Path
    ) -> Exported:
        answers = self.parts.manifest.node(repetition.answers)
        trained = self.parts.manifest.node(answers.inputs["model"])
        model = self.parts.content(trained.key) / MODEL
        shutil.copytree(model, folder, dirs_exist_ok=True)
        constrained = self.parts.entry(record).type_constraints
        runtimes: tuple[RuntimeScore, ...] = ()
        if self._onnx or self._int8:
            runtimes = self._graphs(record, answers, folder, constrained)
        about = self._about(record, repetition).model_copy(
            update={
                "kind": "student",
                "type_constraints": constrained,
                "runtime": "int8" if self._int8 else "onnx" if self._onnx else "torch",
            }
        )
        self._finish(folder, about, sources=self._sources(trained), runtimes=runtimes)
        return Exported(folder, about, runtimes)

    def _graphs(
        self, record: SystemRecord, answers: NodeRecord, folder: Path, constrained: bool
    ) -> tuple[RuntimeScore, ...]:
        student = load_student(folder)
        if not isinstance(student, Exportable):
            raise self._refused(
                f"{type(student).name} cannot be written as ONNX", "leave --onnx and --int8 out"
            )
        graph = folder / GRAPHS["onnx"]
        student.export_onnx(file=graph)
        if self._int8:
            quantise_graph(graph, folder / GRAPHS["int8"])
        content = self.parts.content(answers.key)
        examples = load_examples(self.parts.content(answers.inputs["examples"]))
        both = two_answers(examples, content, content, self.parts.schema)
        found = [stored_score(both, self.parts.schema, self.table.metric)]
        runtimes: tuple[ExportedRuntime, ...] = ("onnx", "int8") if self._int8 else ("onnx",)
        for runtime in runtimes:
            scored = score_runtime(
                folder,
                runtime,
                both,
                self.parts.schema,
                self.table.metric,
                type_constraints=constrained,
            )
            found.append(scored)
        text = json.dumps([asdict(runtime) for runtime in found], indent=1) + "\n"
        (folder / RUNTIMES_FILE).write_text(text, encoding="utf-8")
        return tuple(found)

    def _direct(self, record: SystemRecord, repetition: RepetitionRecord, folder: Path) -> Exported:
        answers = self.parts.manifest.node(repetition.answers)
        for name in INPUTS:
            if name in answers.inputs:
                shutil.copytree(self.parts.content(answers.inputs[name]), folder / name)
        entry = self.parts.entry(record)
        base = Path(self.parts.manifest.base)
        behind = self.parts.experiment.backends[entry.backend or ""]
        extractor = checked_component(extractors, entry.extractor or "", entry.options, base)
        backend = checked_component(backends, behind.use, behind.options, base)
        settings = backend.options
        if "tuned" in answers.inputs:  # an adapter that the run trained goes along
            settings = with_adapter(settings, self.parts.content(answers.inputs["tuned"]))
        part = DirectPart(
            extractor=extractor.name,
            options=taken_along(extractor.options, folder),
            backend=backend.name,
            backend_options=taken_along(settings, folder),
            sampling=DirectPart.sampling_of(behind.sampling.to_sampling()),
            tokenizer=behind.tokenizer,
        )
        save_schema(self.parts.schema, folder / "schema.yaml")
        write_prompts(part, folder, self.parts.schema)
        about = self._about(record, repetition).model_copy(
            update={"kind": "direct", "direct": part}
        )
        self._finish(folder, about)
        return Exported(folder, about)

    def _cascade(
        self,
        record: SystemRecord,
        repetition: RepetitionRecord,
        entry: CascadeEntry,
        folder: Path,
    ) -> Exported:
        facts = load_cascade(self.parts.content(repetition.answers))
        direct = self.parts.record(entry.direct)
        second = next(r for r in direct.repetitions if matching(repetition.seeds, r.seeds))
        (folder / STUDENT).mkdir()
        first = self.parts.record(entry.student)
        trained = next(r for r in first.repetitions if r.seeds == repetition.seeds)
        student = self._student(first, trained, folder / STUDENT)
        (folder / DIRECT).mkdir()
        self._direct(direct, second, folder / DIRECT)
        save_schema(self.parts.schema, folder / "schema.yaml")
        about = self._about(record, repetition).model_copy(
            update={"kind": "cascade", "threshold": float(facts["threshold"])}
        )
        self._finish(folder, about, runtimes=student.runtimes)
        return Exported(folder, about, student.runtimes)

    # -- words -----------------------------------------------------------------------------

    def _about(self, record: SystemRecord, repetition: RepetitionRecord) -> SystemFile:
        return SystemFile(
            calldistil=__version__,
            name=record.name,
            experiment=self.parts.experiment.name,
            kind="student",
            seeds=SeedsRecord(
                split=repetition.split,
                generation=repetition.generation,
                training=repetition.training,
            ),
        )

    def _finish(
        self,
        folder: Path,
        about: SystemFile,
        *,
        sources: tuple[SourceCard, ...] = (),
        runtimes: tuple[RuntimeScore, ...] = (),
    ) -> None:
        text = about.model_dump_json(indent=1, exclude_none=True) + "\n"
        (folder / SYSTEM_FILE).write_text(text, encoding="utf-8")
        card = model_card(
            about,
            self.table,
            self.parts.schema,
            licence=self._licence,
            sources=sources,
            runtimes=runtimes,
            plain=_plain(folder),
            folder=folder.name,
        )
        (folder / "README.md").write_text(card, encoding="utf-8")

    def _sources(self, trained: NodeRecord) -> tuple[SourceCard, ...]:
        found = []
        for name, key in trained.inputs.items():
            if not name.startswith("source"):
                continue
            node = self.parts.manifest.node(key)
            rows = load_examples(self.parts.content(key))
            counts = Counter(example.relation or "" for example in rows)
            labels = {label: counts[label] for label in self.parts.schema.label_names}
            found.append(SourceCard(node.title, _KINDS.get(node.stage, "gold"), labels))
        return tuple(found)

    def _repetition(self, record: SystemRecord) -> RepetitionRecord:
        """The first repetition of the seed that is asked for, or of all."""
        if self._seed is None:
            return record.repetitions[0]
        for repetition in record.repetitions:
            if repetition.training == self._seed:
                return repetition
        known = sorted({r.training for r in record.repetitions if r.training is not None})
        raise self._refused(
            f"{record.name!r} has no training seed {self._seed}",
            f"one of: {', '.join(map(str, known)) or 'it has none'}",
        )

    def _refused(self, what: str, fix: str) -> ConfigError:
        return ConfigError([Problem(what, fix)])


def _plain(folder: Path) -> str:
    """How plain transformers reads a student's encoder, where it has one."""
    if not (folder / "classifier.safetensors").is_file():
        return ""
    return (
        'Plain transformers reads the encoder and its tokenizer: `AutoModel.from_pretrained("'
        f'{folder.name}")`. What classifies its states is `classifier.safetensors`, which no class'
        " of transformers knows: there is no `AutoModelForSequenceClassification` of this folder."
    )
