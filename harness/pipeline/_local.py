"""The local executor: each stage found or made, students side by side."""

from __future__ import annotations

import contextlib
import functools
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import TypeAdapter

from harness.errors import CalldistilError
from harness.garbage import seldom_collected
from harness.pipeline._budget import Budget
from harness.pipeline._components import checked_component
from harness.pipeline._driver import WINDOW
from harness.pipeline._plan import Node, Plan
from harness.pipeline._setup import Setup
from harness.pipeline._workers import Task, Workers, default_jobs
from harness.pipeline.stages import (
    Charge,
    Measures,
    OfflineStage,
    StageContext,
    read_jsonl,
    with_adapter,
    write_jsonl,
)
from harness.protocols import Backend, Progress
from harness.registry import backends
from harness.store import Artefact, ArtefactStore, CallStore, Draft

__all__ = [
    "LEDGER",
    "Backends",
    "Observer",
    "PayingObserver",
    "Quiet",
    "content_of_inputs",
    "drafted",
    "execute",
    "make_node",
    "measures_of",
    "note_measures",
]

LEDGER = "ledger.jsonl"
"""Beside an artefact's content: one line per LLM call of its stage."""


class Observer(Protocol):
    """Is told how a run goes; what it does with it is its own affair."""

    def found(self, node: Node, /) -> None:
        """The stage was done before."""
        ...

    def started(self, node: Node, index: int, total: int, /) -> None:
        """The stage begins, as number ``index`` (from 1) of ``total``."""
        ...

    def progress(self, done: int, total: int, /) -> None:
        """The running stage has done so many of its units."""
        ...

    def finished(self, node: Node, seconds: float, /) -> None:
        """The stage is done."""
        ...


@runtime_checkable
class PayingObserver(Observer, Protocol):
    """An observer that also shows what is paid."""

    def paying(self, budget: Budget, /) -> None:
        """Paid calls of this run, its earlier sittings included, are counted in ``budget``."""
        ...


class Quiet:
    """An observer that says nothing."""

    def found(self, node: Node, /) -> None: ...
    def started(self, node: Node, index: int, total: int, /) -> None: ...
    def progress(self, done: int, total: int, /) -> None: ...
    def finished(self, node: Node, seconds: float, /) -> None: ...


@dataclass
class Backends:
    """Makes each backend once, when it is first asked."""

    setup: Setup
    made: dict[str, Backend]

    def get(self, name: str, tuned: Path | None = None) -> Backend:
        """The backend of an entry; with an adapter that the run trained, one per adapter."""
        key = name if tuned is None else f"{name} {tuned}"
        if key not in self.made:
            entry = self.setup.experiment.backends[name]
            found = checked_component(backends, entry.use, entry.options, self.setup.base)
            options = found.options if tuned is None else with_adapter(found.options, tuned)
            self.made[key] = found.kind(options=options)
        self.made[name] = self.made[key]  # the one asked last
        return self.made[key]

    def notes(self, name: str | None) -> list[str]:
        """What a backend found out about its servers on the way, where it says so."""
        return list(getattr(self.made.get(name or ""), "notes", ()))

    def close(self) -> None:
        for backend in self.made.values():
            backend.close()


def execute(
    plan: Plan,
    *,
    artefacts: ArtefactStore,
    calls: CallStore,
    run: str,
    observer: Observer | None = None,
    budget: Budget | None = None,
    jobs: int | None = None,
) -> None:
    """Makes every artefact of a plan that is not there yet.

    Stages that ask an LLM run here, one after another; those that do not run beside them in
    worker processes.

    Args:
        plan: The plan.
        artefacts: Where artefacts are found and made.
        calls: The call store.
        run: Id of the run.
        observer: Told how it goes.
        budget: What may be paid.
        jobs: Worker processes; one core each by default, and 1 does everything here.

    Raises:
        BudgetError: When the next call might exceed the budget.
        CalldistilError: When a stage fails; what came before it stays.
    """
    artefacts.sweep()
    behind = Backends(plan.setup, {})
    with Workers(default_jobs() if jobs is None else jobs) as workers:
        try:
            _Execution(
                plan, artefacts, calls, run, observer or Quiet(), budget, behind, workers
            ).go()
        finally:
            behind.close()


@dataclass
class _Offline:
    """A stage that a worker runs, and the draft it writes into."""

    node: Node
    draft: Draft
    closing: contextlib.ExitStack
    started: float


@dataclass
class _Execution:
    """One pass over a plan."""

    plan: Plan
    artefacts: ArtefactStore
    calls: CallStore
    run: str
    observer: Observer
    budget: Budget | None
    behind: Backends
    workers: Workers
    begun: int = 0

    def go(self) -> None:
        """Makes what is missing."""
        waiting: dict[str, Node] = {}
        for node in self.plan.nodes:
            if self.artefacts.holds(node.stage.name, node.key):
                self.observer.found(node)
            else:
                waiting[node.key] = node
        self.begun = len(self.plan.nodes) - len(waiting)
        at_work: dict[Path, _Offline] = {}
        with contextlib.ExitStack() as drafts:
            try:
                self._advance(waiting, at_work, drafts)
            except CalldistilError:
                while at_work:  # what the other workers have begun is not lost
                    with contextlib.suppress(CalldistilError):
                        self._take_back(at_work)
                raise
            except BaseException:
                self.workers.stop()  # before the drafts they write into are removed
                raise

    def _advance(
        self,
        waiting: dict[str, Node],
        at_work: dict[Path, _Offline],
        drafts: contextlib.ExitStack,
    ) -> None:
        while waiting or at_work:
            undone = {*waiting, *(job.node.key for job in at_work.values())}
            ready = [
                node
                for node in waiting.values()
                if undone.isdisjoint(source.key for source in node.inputs.values())
            ]
            offline = [node for node in ready if self._goes_to_worker(node)]
            here = [node for node in ready if not self._goes_to_worker(node)]
            if offline and self.workers.free:
                job = self._hand_over(waiting.pop(offline[0].key), drafts)
                at_work[job.draft.content] = job
            elif here:
                self._make_here(waiting.pop(here[0].key))
            else:
                self._take_back(at_work)

    def _goes_to_worker(self, node: Node) -> bool:
        return self.workers.jobs > 1 and isinstance(node.stage, OfflineStage)

    def _start(self, node: Node) -> float:
        self.begun += 1
        self.observer.started(node, self.begun, len(self.plan.nodes))
        return time.perf_counter()

    def _make_here(self, node: Node) -> None:
        started = self._start(node)
        make_node(
            node,
            self.artefacts,
            self.calls,
            self.run,
            self.behind,
            progress=self.observer.progress,
            budget=self.budget,
        )
        self.observer.finished(node, time.perf_counter() - started)

    def _hand_over(self, node: Node, drafts: contextlib.ExitStack) -> _Offline:
        started = self._start(node)
        closing = contextlib.ExitStack()
        drafts.push(closing)
        draft = closing.enter_context(drafted(node, self.artefacts))
        inputs = content_of_inputs(node, self.artefacts)
        assert isinstance(node.stage, OfflineStage)  # only such a stage is handed over
        self.workers.start(Task(node.stage, node.title, inputs, draft.content))
        return _Offline(node, draft, closing, started)

    def _take_back(self, at_work: dict[Path, _Offline]) -> None:
        done = self.workers.next_finished()
        job = at_work.pop(done.task.content)
        if done.measures is None:
            raise done.error or CalldistilError(f"The stage '{job.node.title}' failed.")
        measures = replace(done.measures, share=self.workers.share)
        note_measures(job.draft, job.node, measures, run=self.run)
        job.closing.close()
        self.observer.finished(job.node, time.perf_counter() - job.started)


def content_of_inputs(node: Node, artefacts: ArtefactStore) -> dict[str, Path]:
    """The content folders of a stage's inputs, which are there."""
    inputs = {}
    for name, source in node.inputs.items():
        found = artefacts.find(source.stage.name, source.key)
        assert found is not None  # inputs come before what reads them
        inputs[name] = found.content
    return inputs


def drafted(node: Node, artefacts: ArtefactStore) -> contextlib.AbstractContextManager[Draft]:
    """A draft of a stage's artefact."""
    return artefacts.writing(
        node.stage.name,
        node.key,
        inputs={name: source.key for name, source in node.inputs.items()},
        config=dict(node.stage.identity()),
    )


def note_measures(
    draft: Draft,
    node: Node,
    measures: Measures,
    *,
    run: str,
    backend_notes: Sequence[str] = (),
) -> None:
    """Writes beside the content what its stage used.

    Args:
        draft: The artefact.
        node: Its stage.
        measures: What the stage used.
        run: Id of the run.
        backend_notes: What the backend found out on the way.
    """
    if measures.seconds is not None:
        draft.timings["work"] = measures.seconds
    draft.notes.update(
        title=node.title,
        run=run,
        units=measures.units,
        backend=measures.backend,
        prefix_tokens=measures.prefix_tokens,
        backend_notes=list(backend_notes),
        share=measures.share,
    )
    write_jsonl(draft.folder / LEDGER, (asdict(charge) for charge in measures.charges))


def make_node(
    node: Node,
    artefacts: ArtefactStore,
    calls: CallStore,
    run: str,
    behind: Backends,
    *,
    progress: Progress | None,
    budget: Budget | None = None,
    window: int = WINDOW,
) -> None:
    """Makes one artefact from its inputs, which are there."""
    with drafted(node, artefacts) as draft:
        inputs = content_of_inputs(node, artefacts)
        checkpoints = artefacts.checkpoints_of(node.stage.name, node.key)
        context = StageContext(
            calls=calls,
            run=run,
            backend=functools.partial(behind.get, tuned=inputs.get("tuned")),
            progress=progress,
            budget=budget,
            window=window,
            checkpoints=checkpoints,
        )
        with seldom_collected():
            measures = node.stage.run(inputs=inputs, content=draft.content, context=context)
        notes = behind.notes(measures.backend)
        note_measures(draft, node, measures, run=run, backend_notes=notes)
    shutil.rmtree(checkpoints, ignore_errors=True)


def measures_of(artefact: Artefact) -> Measures:
    """What the stage that made an artefact used."""
    notes = artefact.about.notes
    charge = TypeAdapter(Charge)
    return Measures(
        seconds=artefact.about.timings.get("work"),
        units=notes["units"],
        backend=notes["backend"],
        charges=tuple(charge.validate_python(row) for row in read_jsonl(artefact.folder / LEDGER)),
        prefix_tokens=notes["prefix_tokens"],
        share=notes["share"],
    )
