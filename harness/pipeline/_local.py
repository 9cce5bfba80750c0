"""The local executor: one stage after another, each found or made."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Protocol

from pydantic import TypeAdapter

from harness.pipeline._budget import Budget
from harness.pipeline._check import Setup, checked_component
from harness.pipeline._driver import WINDOW
from harness.pipeline._plan import Node, Plan
from harness.pipeline.stages import Charge, Measures, StageContext, read_jsonl, write_jsonl
from harness.protocols import Backend, Progress
from harness.registry import backends
from harness.store import Artefact, ArtefactStore, CallStore

__all__ = ["LEDGER", "Backends", "Observer", "Quiet", "execute", "make_node", "measures_of"]

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

    def get(self, name: str) -> Backend:
        if name not in self.made:
            entry = self.setup.experiment.backends[name]
            found = checked_component(backends, entry.use, entry.options, self.setup.base)
            self.made[name] = found.kind(options=found.options)
        return self.made[name]

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
) -> None:
    """Makes every artefact of a plan that is not there yet.

    Raises:
        BudgetError: When the next call might exceed the budget.
        CalldistilError: When a stage fails; what came before it stays.
    """
    observer = observer or Quiet()
    artefacts.sweep()
    behind = Backends(plan.setup, {})
    try:
        nodes = plan.nodes
        for index, node in enumerate(nodes, start=1):
            if artefacts.find(node.stage.name, node.key) is not None:
                observer.found(node)
                continue
            observer.started(node, index, len(nodes))
            started = time.perf_counter()
            make_node(
                node, artefacts, calls, run, behind, progress=observer.progress, budget=budget
            )
            observer.finished(node, time.perf_counter() - started)
    finally:
        behind.close()


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
    inputs = {}
    for name, source in node.inputs.items():
        found = artefacts.find(source.stage.name, source.key)
        assert found is not None  # inputs come before what reads them
        inputs[name] = found.content
    with artefacts.writing(
        node.stage.name,
        node.key,
        inputs={name: source.key for name, source in node.inputs.items()},
        config=dict(node.stage.identity()),
    ) as draft:
        context = StageContext(
            calls=calls,
            run=run,
            backend=behind.get,
            progress=progress,
            budget=budget,
            window=window,
        )
        measures = node.stage.run(inputs=inputs, content=draft.content, context=context)
        if measures.seconds is not None:
            draft.timings["work"] = measures.seconds
        draft.notes.update(
            title=node.title,
            run=run,
            units=measures.units,
            backend=measures.backend,
            prefix_tokens=measures.prefix_tokens,
            backend_notes=behind.notes(measures.backend),
        )
        write_jsonl(draft.folder / LEDGER, (asdict(charge) for charge in measures.charges))


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
    )
