"""What the stages that talk to an LLM share: an agent's setup, its calls, their totals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from harness.costs import cached_prefix_tokens, count_usage, token_counter
from harness.documents import fingerprint
from harness.pipeline._driver import Call, Counter, ItemResult
from harness.pipeline.stages._files import CALLS, write_jsonl
from harness.pipeline.stages._stage import Charge, Measures
from harness.protocols import (
    AgentContext,
    Neighbour,
    NeighbourSearch,
    Sampling,
    SearchesNeighbours,
    TunedAdapter,
)
from harness.registry import backends, extractors
from harness.relations import Example, Schema

__all__ = [
    "Agent",
    "agent_behind",
    "measure_calls",
    "save_calls",
    "tuned_adapter",
    "with_adapter",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Agent:
    """An extractor or generator on a backend, as an experiment sets it up.

    Attributes:
        component: Full registry name of the agent, ``zero_shot.v1``.
        options: Its options, checked.
        backend: Name of the backend entry in the experiment.
        backend_use: Registry name of the backend.
        backend_options: The backend's options, checked.
        sampling: Decoding parameters of its requests.
        tokenizer: Named tokenizer that counts where the backend reports no usage.
    """

    component: str
    options: BaseModel
    backend: str
    backend_use: str
    backend_options: BaseModel
    sampling: Sampling
    tokenizer: str | None

    @property
    def tuned(self) -> TunedAdapter | None:
        """The adapter of its backend that the run itself trains; the input ``tuned`` holds it."""
        return tuned_adapter(self.backend_options)

    def identity(self) -> Mapping[str, Any]:
        """What of it decides answers."""
        found = backends.get(self.backend_use).fingerprint(options=self.backend_options)
        return {
            "component": self.component,
            "options": fingerprint(self.options),
            "backend": {"use": self.backend_use, **found},
            "sampling": {
                name: getattr(self.sampling, name)
                for name in Sampling.__slots__
                if getattr(self.sampling, name) not in (None, ())
            },
        }

    def context(
        self,
        schema: Schema,
        few_shot: Sequence[Example],
        repeat: int,
        neighbours: Mapping[str, tuple[Neighbour, ...]] | None = None,
    ) -> AgentContext:
        """What the agent is made with."""
        return AgentContext(
            schema=schema,
            few_shot=tuple(few_shot),
            sampling=self.sampling,
            repeat=repeat,
            neighbours=neighbours or {},
        )

    def neighbour_search(self) -> NeighbourSearch | None:
        """Which neighbours the agent needs for each example, if it needs any."""
        kind: object = extractors.get(self.component) if self.component in extractors else None
        if not isinstance(kind, SearchesNeighbours):
            return None
        return kind.neighbour_search(options=self.options)

    def counter(self) -> Counter | None:
        """Counts tokens with the declared tokenizer."""
        if self.tokenizer is None:
            return None
        count = token_counter(self.tokenizer)
        return lambda request, text: count_usage(request, text, count)


def agent_behind(stage: object) -> Agent | None:
    """The agent of a stage that talks to an LLM; None where it asks none."""
    agent = getattr(stage, "agent", None)
    return agent if isinstance(agent, Agent) else None


def save_calls(content: Path, results: Sequence[ItemResult[T]]) -> None:
    """Writes which calls each item made."""
    rows = ({"item": r.item, "calls": [call.key for call in r.calls]} for r in results)
    write_jsonl(content / CALLS, rows)


def measure_calls(
    results: Sequence[ItemResult[T]], *, agent: Agent, seconds: float, units: int
) -> Measures:
    """What a stage's calls used, as if it had made them all now."""
    calls: dict[str, Call] = {}
    for result in results:
        for call in result.calls:
            calls.setdefault(call.key, call)  # the first tells whether it was a hit
    requests = [request for result in results for request in result.requests]
    prefix = 0
    if agent.tokenizer is not None:
        prefix = cached_prefix_tokens(requests, token_counter(agent.tokenizer))
    return Measures(
        seconds=_from_scratch(seconds, calls.values()),
        units=units,
        backend=agent.backend,
        charges=tuple(
            Charge(key=call.key, usage=call.usage, paid=call.paid_now, latency_s=call.latency_s)
            for call in calls.values()
        ),
        prefix_tokens=prefix,
    )


def _from_scratch(seconds: float, calls: Iterable[Call]) -> float | None:
    """The sitting's seconds and those that its hits took when they were made, one by one.

    Unknown where a recording answered, or where a hit's own seconds are not known.
    """
    for call in calls:
        if call.recorded or (call.hit and call.latency_s is None):
            return None
        seconds += call.latency_s or 0.0 if call.hit else 0.0
    return seconds


def tuned_adapter(options: BaseModel) -> TunedAdapter | None:
    """The adapter among a backend's options that a run trains itself, if there is one."""
    values = (getattr(options, name) for name in type(options).model_fields)
    return next((value for value in values if isinstance(value, TunedAdapter)), None)


def with_adapter(options: BaseModel, tuned: Path) -> BaseModel:
    """The options with the adapter's folder in the place of its name.

    Args:
        options: A backend's options.
        tuned: Content of the stage that tuned it.
    """
    found = {
        name: tuned / value.part
        for name in type(options).model_fields
        if isinstance(value := getattr(options, name), TunedAdapter)
    }
    return options.model_copy(update=found)
