"""What each kind of agent will ask in a stage: its first requests, and the rounds after them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.costs import CountRange, TokenCounter, count_prompt
from harness.pipeline._planned_rounds import RoundEstimate, generation_rounds, rounds_answered
from harness.pipeline.stages import Agent
from harness.protocols import (
    AgentContext,
    Completion,
    Dialogue,
    GenerationItem,
    PlansCalls,
    Request,
)
from harness.registry import explainers, extractors, gates, generators
from harness.relations import Example, Schema

__all__ = [
    "Asked",
    "asked_again",
    "asked_by_explainer",
    "asked_by_extractor",
    "asked_by_gate",
    "asked_by_generator",
    "input_tokens",
]

_NO_ROUND = RoundEstimate(CountRange.exactly(0), 0.0, CountRange.exactly(0))
_ANSWER = '{"relation": "%s"}'


@dataclass(frozen=True)
class Asked:
    """What an agent will ask.

    Attributes:
        requests: Those of the first round.
        output: Tokens of an answer in it.
        later: The rounds after it.
        left: The rounds, the first among them, as far as their answers are not stored; empty
            where only the first round tells.
        items: What a generator asks for.
    """

    requests: Sequence[Request]
    output: CountRange
    later: tuple[RoundEstimate, ...] = ()
    left: tuple[RoundEstimate, ...] = ()
    items: tuple[GenerationItem, ...] = ()


def asked_by_generator(
    agent: Agent,
    context: AgentContext,
    counter: TokenCounter,
    known: Callable[[Request], Completion | None] | None,
) -> Asked:
    """What a generator asks for each of its items.

    Args:
        agent: The generator as it is set up.
        context: What it is made with.
        counter: Counts tokens.
        known: Gives answers that are stored already, where there is a store.
    """
    writer = generators.get(agent.component)(context=context, options=agent.options)
    items = tuple(writer.items())
    first = [_first_rounds(iter([writer.generate(item=item)])) for item in items]
    prompts = {place: _mean_tokens(round_, counter) for place, round_ in enumerate(first)}

    def rounds(done: Mapping[int, int | None] | None = None) -> tuple[RoundEstimate, ...]:
        return generation_rounds(
            writer,
            items,
            prompts,
            schema=context.schema,
            counter=counter,
            bounded=lambda likely: _bounded(1, likely, agent),
            done=done,
        )

    opening, *later = rounds() or (_NO_ROUND,)
    left: tuple[RoundEstimate, ...] = ()
    if known is not None:
        left = rounds(
            {n: rounds_answered(writer.generate(item=i), known) for n, i in enumerate(items)}
        )
    requests = [request for round_ in first for request in round_]
    return Asked(requests, opening.output_tokens, tuple(later), left, items)


def asked_again(asked: Asked, counter: TokenCounter) -> Asked:
    """What a generator may be asked for once more: anything between nothing and all of it."""
    first = RoundEstimate(
        CountRange.exactly(len(asked.requests)), _mean_tokens(asked.requests, counter), asked.output
    )
    return Asked(
        requests=(),
        output=asked.output,
        later=tuple(
            replace(round_, calls=CountRange(0, 0, round_.calls.at_most))
            for round_ in (first, *asked.later)
        ),
    )


def asked_by_gate(
    agent: Agent, context: AgentContext, counter: TokenCounter, rows: Sequence[Example]
) -> Asked:
    """What a gate asks about rows: one request for each in the first round."""
    kind: Any = gates.get(agent.component)
    gate = kind(context=context, options=agent.options)
    requests = _first_rounds(gate.review(row=row) for row in rows)
    return Asked(requests, _label_range(context.schema, agent, counter))


def asked_by_explainer(
    agent: Agent, context: AgentContext, counter: TokenCounter, examples: Sequence[Example]
) -> Asked:
    """What an explainer asks about labelled examples."""
    explainer = explainers.get(agent.component)(context=context, options=agent.options)
    requests = _first_rounds(explainer.explain(example=e) for e in examples)
    return Asked(requests, _explanation_range(examples, agent, counter))


def asked_by_extractor(
    agent: Agent, context: AgentContext, counter: TokenCounter, examples: Sequence[Example]
) -> Asked:
    """What an extractor asks about examples."""
    extractor = extractors.get(agent.component)(context=context, options=agent.options)
    requests = _first_rounds(extractor.extract(example=e) for e in examples)
    output = _label_range(context.schema, agent, counter)
    mean = _mean_tokens(list(dict.fromkeys(requests)), counter)
    later = (RoundEstimate(r, mean, output) for r in _later_rounds(extractor, examples))
    return Asked(requests, output, tuple(later))


def _later_rounds(extractor: object, examples: Sequence[Example]) -> tuple[CountRange, ...]:
    """The calls of each round after the first, over all examples."""
    if not isinstance(extractor, PlansCalls):
        return ()
    rounds: list[CountRange] = []
    for example in examples:
        for place, planned in enumerate(extractor.later_rounds(example=example)):
            if place == len(rounds):
                rounds.append(CountRange.exactly(0))
            rounds[place] += CountRange(planned.at_least, planned.likely, planned.at_most)
    return tuple(rounds)


def _first_rounds(dialogues: Iterator[Dialogue[object]]) -> list[Request]:
    requests: list[Request] = []
    for dialogue in dialogues:
        try:
            requests += next(dialogue)
        except StopIteration:
            continue
        finally:
            dialogue.close()
    return requests


def input_tokens(requests: Sequence[Request], counter: TokenCounter) -> int:
    """Counts each distinct message once: prompts share most of their text."""
    known: dict[str, int] = {}
    total = 0
    for request in requests:
        for message in request.messages:
            if message.content not in known:
                known[message.content] = count_prompt([message], counter)
            total += known[message.content]
    return total


def _mean_tokens(requests: Sequence[Request], counter: TokenCounter) -> float:
    return input_tokens(requests, counter) / len(requests) if requests else 0.0


def _label_range(schema: Schema, agent: Agent, counter: TokenCounter) -> CountRange:
    """An answer holds a label: at least the shortest, likely a mean one as JSON."""
    sizes = [counter.count(_ANSWER % name) for name in schema.label_names]
    return _bounded(1, statistics.fmean(sizes), agent)


def _explanation_range(
    examples: Sequence[Example], agent: Agent, counter: TokenCounter
) -> CountRange:
    """An explanation is likely twice as long as its sentence, as the recorded ones are."""
    sizes = [counter.count(example.text) for example in examples] or [0]
    return _bounded(1, 2 * statistics.fmean(sizes), agent)


def _bounded(low: float, likely: float, agent: Agent) -> CountRange:
    most = agent.sampling.max_tokens
    likely = max(low, likely if most is None else min(likely, most))
    return CountRange(low, likely, most)
