"""What a stage is: a function of its config and inputs that writes one folder of content."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from harness.pipeline._budget import Budget, Purse
from harness.pipeline._driver import WINDOW
from harness.protocols import Backend, Progress, Usage
from harness.relations import Schema
from harness.store import CallStore, content_hash

__all__ = ["Charge", "Measures", "OfflineStage", "Stage", "StageContext", "schema_hash"]


@dataclass(frozen=True, slots=True)
class Charge:
    """One LLM call of a stage, for the ledger.

    Attributes:
        key: Its request key.
        usage: Its tokens.
        paid: Whether the run that made the artefact paid for it.
        latency_s: Seconds when it was first made; None where unknown.
    """

    key: str
    usage: Usage
    paid: bool
    latency_s: float | None


@dataclass(frozen=True, slots=True)
class Measures:
    """What a stage used; kept beside its content, outside its hash.

    Attributes:
        seconds: Wall-clock seconds of its own work; None where they say nothing, because a
            recording answered.
        units: Sentences or rows it worked on: the denominator of per-sentence figures.
        backend: Name of the backend entry whose prices apply to the calls.
        charges: Its calls, each once.
        share: Part of the machine that it used, by which its seconds are priced.
        prefix_tokens: Tokens of the longest run of messages that all calls share.
    """

    seconds: float | None = 0.0
    units: int = 0
    backend: str | None = None
    charges: tuple[Charge, ...] = ()
    prefix_tokens: int = 0
    share: float = 1.0


@dataclass(frozen=True)
class StageContext:
    """What a stage may use besides its inputs.

    Attributes:
        calls: The call store.
        run: Id of the run.
        backend: Gives the backend of an entry; the same object for the whole run.
        progress: Told of (done, total).
        budget: What the run may pay; None: no limit.
        window: Dialogues held open at a time.
        checkpoints: A folder of the stage's own that outlives an interruption; None: there is
            none.
    """

    calls: CallStore
    run: str
    backend: Callable[[str], Backend]
    progress: Progress | None = None
    budget: Budget | None = None
    window: int = WINDOW
    checkpoints: Path | None = None

    def purse(self, backend: str) -> Purse | None:
        """What calls to a backend's entry may still cost; None: no limit."""
        return None if self.budget is None else self.budget.purse(backend)


class Stage(Protocol):
    """A kind of work, made with its config as a frozen dataclass.

    ``name`` and ``version`` are part of every key; raise the version when the content changes
    for the same config and inputs.
    """

    name: ClassVar[str]
    version: ClassVar[int]

    def identity(self) -> Mapping[str, Any]:
        """The config as JSON values: everything that decides the content, and no path."""
        ...

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        """Writes the content folder from the inputs' content folders."""
        ...


@runtime_checkable
class OfflineStage(Stage, Protocol):
    """A stage that asks no LLM, so that another process may run it."""

    def work(
        self, *, inputs: Mapping[str, Path], content: Path, progress: Progress | None = None
    ) -> Measures:
        """What ``run`` does, with nothing else at hand."""
        ...


def schema_hash(schema: Schema) -> str:
    """Hash of everything a schema says."""
    return content_hash(dataclasses.asdict(schema))
