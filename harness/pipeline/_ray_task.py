"""What one Ray task does: it makes one artefact, on whatever machine it is."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness import __version__
from harness.errors import ArtefactError, CalldistilError
from harness.garbage import seldom_collected
from harness.pipeline._budget import Budget, BudgetLimits, Payer
from harness.pipeline._local import Backends, content_of_inputs, drafted, make_node, note_measures
from harness.pipeline._node import Node
from harness.pipeline._setup import Setup
from harness.pipeline._workers import cores
from harness.pipeline.stages import OfflineStage
from harness.store import ArtefactStore, open_artefact_store, open_call_store

__all__ = ["Bill", "Errand", "Reply", "Sight", "carry_out", "look_around"]


@dataclass(frozen=True)
class Errand:
    """What a task needs to know besides its node, the same for all tasks of a run.

    Attributes:
        setup: The experiment, whose backends are made where they are asked.
        artefacts: Where artefacts are.
        calls: Where answers are.
        run: Id of the run.
        limits: What the run may pay in all.
        payers: The backends that may be asked, as far as they cost something.
    """

    setup: Setup
    artefacts: Path | str
    calls: Path | str
    run: str
    limits: BudgetLimits
    payers: Mapping[str, Payer]


@dataclass
class Bill:
    """What a task has paid so far: answers, and their price in USD."""

    calls: int = 0
    dollars: float = 0.0


@dataclass(frozen=True)
class Reply:
    """What a task sends back; errors travel as words, since not all of them pickle.

    Attributes:
        bill: What it paid, whether it failed or not.
        seconds: How long it took.
        failed: Whether it did.
        message: What went wrong.
        hint: What to do about it.
        exit_code: The error's exit code.
    """

    bill: Bill
    seconds: float = 0.0
    failed: bool = False
    message: str = ""
    hint: str = ""
    exit_code: int = 1

    def error(self) -> CalldistilError:
        """The error that ended the task."""
        error = CalldistilError(self.message, hint=self.hint)
        error.exit_code = self.exit_code
        return error


def carry_out(node: Node, errand: Errand, cpus: float) -> Reply:
    """Makes a node's artefact, unless it is there already.

    Args:
        node: The stage; its inputs' artefacts are there.
        errand: What else is known.
        cpus: Cores that the task was given.
    """
    started = time.perf_counter()
    bill = Bill()
    try:
        artefacts = open_artefact_store(errand.artefacts)
        if not artefacts.holds(node.stage.name, node.key):
            _look_at_inputs(node, artefacts)
            if isinstance(node.stage, OfflineStage):
                _work(node, artefacts, errand.run, cpus)
            else:
                _ask(node, artefacts, errand, bill)
    except CalldistilError as error:
        return Reply(
            bill,
            failed=True,
            message=error.message,
            hint=error.hint,
            exit_code=error.exit_code,
        )
    except Exception as error:
        message = f"{node.title}: {type(error).__name__}: {error}"
        hint = "This is a bug. Run again with --executor local --jobs 1 --debug and report it."
        return Reply(bill, failed=True, message=message, hint=hint)
    return Reply(bill, time.perf_counter() - started)


def _look_at_inputs(node: Node, artefacts: ArtefactStore) -> None:
    for source in node.inputs.values():
        if not artefacts.holds(source.stage.name, source.key):
            raise ArtefactError(
                f"The machine {platform.node()} does not see what '{source.title}' made in"
                f" {artefacts.place}.",
                hint="Keep artefacts where every machine sees them: --store with a shared folder or"
                " an address such as s3://bucket/folder.",
            )


def _work(node: Node, artefacts: ArtefactStore, run: str, cpus: float) -> None:
    assert isinstance(node.stage, OfflineStage)  # its caller looked
    with drafted(node, artefacts) as draft:
        inputs = content_of_inputs(node, artefacts)
        with seldom_collected():
            measures = node.stage.work(inputs=inputs, content=draft.content)
        share = min(1.0, max(1.0, cpus) / cores())
        note_measures(draft, node, replace(measures, share=share), run=run)


def _ask(node: Node, artefacts: ArtefactStore, errand: Errand, bill: Bill) -> None:
    behind = Backends(errand.setup, {})
    with open_call_store(errand.calls, known=True) as calls:
        limited = errand.limits != BudgetLimits()
        earlier = (call for call in calls if call.paid_by(errand.run))
        budget = Budget(errand.limits, errand.payers, earlier=earlier if limited else ())
        calls_before, dollars_before = budget.calls, budget.dollars
        try:
            make_node(node, artefacts, calls, errand.run, behind, progress=None, budget=budget)
        finally:
            behind.close()
            bill.calls = budget.calls - calls_before
            bill.dollars = budget.dollars - dollars_before


@dataclass(frozen=True)
class Sight:
    """What a machine of the cluster has.

    Attributes:
        host: Its name.
        kernel: Tells whether two machines are one.
        calldistil: Its version of calldistil.
        python: Its version of Python.
        missing: Of the files that were asked about, those that it does not see.
    """

    host: str
    kernel: str
    calldistil: str
    python: str
    missing: tuple[str, ...]


def look_around(files: tuple[str, ...]) -> Sight:
    """Looks whether this machine sees what the driver sees.

    Args:
        files: Absolute paths of files that are there on the driver's machine.
    """
    boot = Path("/proc/sys/kernel/random/boot_id")
    return Sight(
        host=platform.node(),
        kernel=boot.read_text().strip() if boot.exists() else platform.node(),
        calldistil=__version__,
        python=platform.python_version(),
        missing=tuple(file for file in files if not Path(file).exists()),
    )
