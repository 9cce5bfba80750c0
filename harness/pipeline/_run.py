"""A run: an experiment carried out in a folder, resumable at any point."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import ArtefactError
from harness.pipeline._budget import BudgetLimits
from harness.pipeline._executor import Executor, LocalExecutor, Work
from harness.pipeline._local import Observer, PayingObserver, Quiet
from harness.pipeline._manifest import Manifest
from harness.pipeline._payers import budget_of
from harness.pipeline._plan import Plan, build_plan
from harness.pipeline._setup import Setup, load_setup
from harness.relations import Schema, load_schema, save_schema
from harness.store import (
    ArtefactStore,
    CallStore,
    HeldLock,
    is_storage,
    open_artefact_store,
    open_call_store,
)

__all__ = ["BegunRun", "RunFolder", "begun", "held", "resume_run", "run_experiment"]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a run keeps what.

    Attributes:
        folder: The run's folder.
        store: Folder of artefacts and calls; the run's own, unless runs share one.
        server: Address of the call store, where it is on a server.
        storage: Address of the artefacts, where they are in a storage; ``store`` then holds those
            that were made or fetched here.
    """

    folder: Path
    store: Path
    server: str | None = None
    storage: str | None = None

    @classmethod
    def at(
        cls, folder: Path, *, store: Path | str | None = None, calls: str | None = None
    ) -> RunFolder:
        """The folder of a run, whether it exists or not.

        Args:
            folder: The run's folder.
            store: A folder of artefacts and calls that several runs share, or the address of a
                storage for artefacts, such as ``s3://bucket/folder``.
            calls: Address of a server's call store.
        """
        if is_storage(store):
            return cls(folder, folder, calls, str(store))
        return cls(folder, folder if store is None else Path(store), calls)

    @classmethod
    def open(cls, folder: Path) -> RunFolder:
        """The folder of a run that exists.

        Raises:
            ArtefactError: When it is not a run.
        """
        manifest = Manifest.read(folder / "manifest.json")
        return cls.at(folder, store=manifest.store, calls=manifest.calls)

    @property
    def experiment_file(self) -> Path:
        """The run's copy of its experiment file."""
        return self.folder / "experiment.yaml"

    @property
    def manifest_file(self) -> Path:
        """What the run was made from."""
        return self.folder / "manifest.json"

    @property
    def schema_file(self) -> Path:
        """The schema as the run used it."""
        return self.folder / "schema.yaml"

    @property
    def results_file(self) -> Path:
        """The head-to-head table as JSON."""
        return self.folder / "results.json"

    @property
    def artefacts(self) -> ArtefactStore:
        """The artefact store."""
        here = self.store / "artefacts"
        return open_artefact_store(self.storage or here, cache=here)

    @property
    def calls(self) -> Path | str:
        """Where the call store is: a file, or a server's address."""
        return self.server or self.store / "calls.sqlite"

    def manifest(self) -> Manifest:
        """The run's manifest."""
        return Manifest.read(self.manifest_file)

    def schema(self) -> Schema:
        """The run's schema."""
        return load_schema(self.schema_file)

    def setup(self) -> Setup:
        """The run's experiment, checked again."""
        return load_setup(self.experiment_file, base=Path(self.manifest().base))


def run_experiment(
    file: Path,
    *,
    folder: Path,
    store: Path | str | None = None,
    calls: str | None = None,
    observer: Observer | None = None,
    limits: BudgetLimits | None = None,
    jobs: int | None = None,
    executor: Executor | None = None,
) -> RunFolder:
    """Carries out an experiment; what an earlier, interrupted run finished is kept.

    Args:
        file: The experiment file.
        folder: The run's folder; made when absent. It holds one experiment: a changed file of
            the same name goes on there, and stages whose inputs changed are made anew.
        store: A folder of artefacts and calls that several runs share, or the address of a
            storage for artefacts, such as ``s3://bucket/folder``.
        calls: Address of a server's call store (see ``open_call_store``), which workers on
            several machines may share.
        observer: Told how it goes.
        limits: What the run may pay, its earlier sittings included.
        jobs: Worker processes for what asks no LLM; one core each by default.
        executor: Where stages happen; on this machine, in ``jobs`` processes, if left out.

    Raises:
        BudgetError: When the next call might exceed the limits; run again to go on.
        ConfigError: When the file is not valid, or the folder is another experiment's.
        CalldistilError: When a stage fails; run again to go on.
    """
    setup = load_setup(file, base=None if executor is None else file.resolve().parent)
    run = RunFolder.at(folder, store=store, calls=calls)
    return _carry_out(setup, run, observer, limits, executor or LocalExecutor(jobs))


def resume_run(
    folder: Path,
    *,
    observer: Observer | None = None,
    limits: BudgetLimits | None = None,
    jobs: int | None = None,
    executor: Executor | None = None,
) -> RunFolder:
    """Goes on with a run from its own copy of the experiment."""
    run = RunFolder.open(folder)
    return _carry_out(run.setup(), run, observer, limits, executor or LocalExecutor(jobs))


def _carry_out(
    setup: Setup,
    run: RunFolder,
    observer: Observer | None,
    limits: BudgetLimits | None,
    executor: Executor,
) -> RunFolder:
    with begun(setup, run) as at:
        budget = None
        limited = limits is not None and limits != BudgetLimits()
        if limited or isinstance(observer, PayingObserver):
            budget = budget_of(at.plan, limits or BudgetLimits(), at.calls, at.manifest.run)
        if budget is not None and isinstance(observer, PayingObserver):
            observer.paying(budget)
        executor.execute(
            Work(
                plan=at.plan,
                artefacts=at.run.artefacts,
                calls=at.calls,
                calls_at=at.run.calls,
                run=at.manifest.run,
                observer=observer or Quiet(),
                budget=budget,
            )
        )
        _write(at.run.manifest_file, at.manifest.finished())
    return at.run


@dataclass(frozen=True)
class BegunRun:
    """A run that this process holds and works on.

    Attributes:
        run: Its folder.
        plan: What it does.
        manifest: What it is made from; on disk already.
        calls: Its call store, open.
    """

    run: RunFolder
    plan: Plan
    manifest: Manifest
    calls: CallStore


@contextlib.contextmanager
def begun(setup: Setup, run: RunFolder) -> Iterator[BegunRun]:
    """Takes hold of a run's folder, new or begun before, and writes what it is made from.

    Raises:
        ArtefactError: When another process holds it, or it is another experiment's.
    """
    plan = build_plan(setup)
    shared = run.store if run.store != run.folder else None
    store = run.storage or (None if shared is None else str(shared.resolve()))
    with held(run.folder), open_call_store(run.calls) as calls:
        run_id, started_at = _identity(run, setup)
        manifest = Manifest.of(
            plan, run=run_id, store=store, calls=run.server, started_at=started_at
        )
        if setup.file.resolve() != run.experiment_file.resolve():
            with _whole(run.experiment_file) as aside:
                shutil.copyfile(setup.file, aside)
        with _whole(run.schema_file) as aside:
            save_schema(setup.schema, aside)
        _write(run.manifest_file, manifest)
        yield BegunRun(run, plan, manifest, calls)


def _identity(run: RunFolder, setup: Setup) -> tuple[str, datetime]:
    """The id and start of an earlier start of this run, or new ones."""
    if not run.manifest_file.exists():
        return secrets.token_hex(8), datetime.now(UTC)
    earlier = run.manifest()
    if earlier.experiment != setup.experiment.name:
        raise ArtefactError(
            f"{run.folder} holds a run of the experiment {earlier.experiment!r}, not of"
            f" {setup.experiment.name!r}.",
            hint="Name another folder with --output.",
        )
    return earlier.run, earlier.started_at


def _write(file: Path, manifest: Manifest) -> None:
    with _whole(file) as aside:
        aside.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")


@contextlib.contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """A file beside ``file`` that takes its place at the end: a kill leaves the old or the new."""
    aside = file.with_suffix(".tmp")
    yield aside
    aside.replace(file)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keeps a second process out of the run's folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = HeldLock.take(folder / ".run.lock", wait=False)
    except OSError as error:
        raise ArtefactError(
            f"The run's folder {folder} cannot be written: {error.strerror or error}.",
            hint="Name a folder that you may write to with --output.",
        ) from None
    if lock is None:
        raise ArtefactError(
            f"Another process is working on the run in {folder}.",
            hint="Wait for it or stop it; or name another folder with --output.",
        )
    try:
        yield
    finally:
        lock.release(remove=False)
