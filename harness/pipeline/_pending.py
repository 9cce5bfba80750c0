"""The calls that a run still needs, found by going as far as the stored answers reach."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.pipeline._local import Backends, make_node
from harness.pipeline._plan import Node, Plan
from harness.pipeline.stages import agent_behind
from harness.protocols import Backend, Completion, Failure, ModelIdentity, Request
from harness.store import ArtefactStore, CallStore, request_key

__all__ = ["PendingStage", "pending_calls"]


@dataclass(frozen=True)
class PendingStage:
    """A stage that waits for answers.

    Attributes:
        node: The stage.
        backend: Name of its backend entry.
        asked: The backend itself.
        requests: What the store lacks of its next round, each once; empty where the stage waits
            for an earlier one.
        waits_for: Title of that earlier stage.
    """

    node: Node
    backend: str
    asked: Backend
    requests: tuple[Request, ...] = ()
    waits_for: str | None = None

    def by_key(self) -> dict[str, Request]:
        """The requests by their keys."""
        return {request_key(self.asked.model, request): request for request in self.requests}


def pending_calls(
    plan: Plan, *, artefacts: ArtefactStore, calls: CallStore, run: str
) -> tuple[PendingStage, ...]:
    """Carries out what leads up to the LLM's stages and stops before every call.

    A stage whose answers are all there is made, as a run would; recordings answer, since they
    cost nothing. Agents that ask in rounds wait for one round at a time.
    """
    behind = _Collecting(plan.setup, {})
    try:
        found = []
        pending: dict[str, Node] = {}
        for node in _leading_to_calls(plan):
            if artefacts.find(node.stage.name, node.key) is not None:
                continue
            blocked = next((i for i in node.inputs.values() if i.key in pending), None)
            requests: tuple[Request, ...] = ()
            if blocked is None:
                try:
                    make_node(
                        node, artefacts, calls, run, behind, progress=None, window=sys.maxsize
                    )
                except _RoundPending as round_:
                    requests = round_.requests
                else:
                    continue
            pending[node.key] = node
            if (agent := agent_behind(node.stage)) is not None:
                name = agent.backend
                waits_for = None if blocked is None else blocked.title
                found.append(PendingStage(node, name, behind.real(name), requests, waits_for))
        return tuple(found)
    finally:
        behind.close()


def _leading_to_calls(plan: Plan) -> Iterator[Node]:
    """Stages that talk to an LLM and those that they stand on, inputs first."""
    wanted: set[str] = set()
    for node in plan.nodes:
        if agent_behind(node.stage) is not None:
            wanted |= {node.key, *(ancestor.key for ancestor in node.ancestors())}
    return (node for node in plan.nodes if node.key in wanted)


class _RoundPending(Exception):  # noqa: N818 (it is no error)
    """A round that the store cannot answer."""

    def __init__(self, requests: Sequence[Request]) -> None:
        super().__init__(f"{len(requests)} calls")
        self.requests = tuple(dict.fromkeys(requests))


class _Collecting(Backends):
    """Backends that note what they are asked instead of answering; recordings do answer."""

    def get(self, name: str, tuned: Path | None = None) -> Backend:
        real = super().get(name, tuned)
        if self.setup.experiment.backends[name].use == "recorded":
            return real
        stand_in: Any = _StandIn(real)
        return stand_in  # type: ignore[no-any-return]

    def real(self, name: str) -> Backend:
        return super().get(name)


class _StandIn:
    """Has a backend's model and answers nothing."""

    def __init__(self, real: Backend) -> None:
        self._real = real

    @property
    def model(self) -> ModelIdentity:
        return self._real.model

    def complete(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        raise _RoundPending(requests)

    def score_labels(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        raise _RoundPending(requests)
