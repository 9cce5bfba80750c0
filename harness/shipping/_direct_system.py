"""A direct system as exported: an extractor, its backend, and what it shows."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import ArtefactError
from harness.pipeline import (
    Agent,
    Extract,
    checked_component,
    checked_sampling,
    converse,
)
from harness.protocols import Backend, Progress
from harness.registry import backends, extractors
from harness.relations import Example, Prediction, Schema
from harness.shipping._system import DirectPart, SystemPart
from harness.store import CallStore, open_call_store

__all__ = ["INPUTS", "DirectSystem", "agent_of_part"]

INPUTS = ("few_shot", "pool", "pool_features")
"""What an extractor shows, each as a folder of the export in the form of an artefact's content."""
_BACKEND = "backend"
_RUN = "shipped"
_WINDOW = 1024


def agent_of_part(part: DirectPart, folder: Path) -> Agent:
    """The extractor on its backend, checked.

    Raises:
        ConfigError: When a component is not installed here, or an option is wrong.
    """
    found = checked_component(extractors, part.extractor, part.options, folder)
    behind = checked_component(backends, part.backend, part.backend_options, folder)
    return Agent(
        component=found.name,
        options=found.options,
        backend=_BACKEND,
        backend_use=behind.name,
        backend_options=behind.options,
        sampling=checked_sampling(part.sampling),
        tokenizer=part.tokenizer,
    )


class DirectSystem:
    """Asks an LLM about each example; stored answers are not asked for again.

    Args:
        part: The extractor and its backend.
        folder: The exported folder, with what the extractor shows.
        schema: The relation schema.
        name: The system's name.
        calls: File in which every answer is stored as it comes; left out: a file that is removed
            at the end.
    """

    def __init__(
        self,
        part: DirectPart,
        *,
        folder: Path,
        schema: Schema,
        name: str = "direct",
        calls: Path | None = None,
    ) -> None:
        self._name = name
        self._stage = Extract(agent=agent_of_part(part, folder), schema=schema)
        self._inputs = {name: folder / name for name in INPUTS if (folder / name).is_dir()}
        for name, content in self._inputs.items():
            if not any(content.iterdir()):
                raise ArtefactError(
                    f"The folder {content} of the exported system is empty.",
                    hint=f"Copy the whole folder again, {name} included.",
                )
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        if calls is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="calldistil-")
            calls = Path(self._scratch.name) / "calls.sqlite"
        self._calls: CallStore = open_call_store(calls)
        self._backend: Backend | None = None

    @property
    def name(self) -> str:
        """The system's name."""
        return self._name

    @property
    def kind(self) -> SystemPart:
        """``direct``."""
        return "direct"

    @property
    def schema(self) -> Schema:
        """The schema."""
        return self._stage.schema

    def answer(
        self, examples: Sequence[Example], /, *, progress: Progress | None = None
    ) -> Sequence[Prediction]:
        """Labels examples; an answer that could not be read has no label and says why.

        Raises:
            BackendError: When a call came back without an answer; those that came are kept.
        """
        if not examples:
            return []
        agent = self._stage.agent
        # Ids of the driver are its own, since those of two requests may be equal.
        numbered = [replace(e.labelled(None), id=str(n)) for n, e in enumerate(examples)]
        results = converse(
            self._stage.dialogues(
                numbered, self._inputs, self._stage.neighbours(numbered, self._inputs)
            ),
            backend=self._opened(),
            store=self._calls,
            run=_RUN,
            counter=agent.counter(),
            window=_WINDOW,
            total=len(examples),
            progress=progress,
        )
        return [
            replace(result.value, example_id=example.id)
            for example, result in zip(examples, results, strict=True)
        ]

    def _opened(self) -> Backend:
        if self._backend is None:
            agent = self._stage.agent
            self._backend = backends.get(agent.backend_use)(options=agent.backend_options)
        return self._backend

    def close(self) -> None:
        """Closes the backend and the store."""
        if self._backend is not None:
            self._backend.close()
            self._backend = None
        self._calls.close()
        if self._scratch is not None:
            self._scratch.cleanup()
