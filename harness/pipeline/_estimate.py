"""What a plan will call, and what that costs at least, likely and at most."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.costs import (
    CostRange,
    CountRange,
    ModelPrice,
    Money,
    TokenCounter,
    count_prompt,
    plan_cost,
    price_from_snapshot,
    token_counter,
)
from harness.errors import CalldistilError
from harness.pipeline._experiment import BackendEntry
from harness.pipeline._plan import Node, Plan
from harness.pipeline.stages import Agent, Extract, Generate, Read, Split, Subset
from harness.protocols import Dialogue, ModelIdentity, Neighbour, PlansCalls, Request
from harness.registry import extractors, generators
from harness.relations import Example, Schema, render_marked
from harness.store import CallStore, request_key

__all__ = ["PlanEstimate", "StageEstimate", "estimate_plan", "rendered", "resolved_price"]

DEFAULT_TOKENIZER = "o200k_base"
_ANSWER = '{"relation": "%s"}'


@dataclass(frozen=True)
class StageEstimate:
    """What one stage will call.

    Attributes:
        node: The stage.
        backend: Name of its backend entry.
        calls: Calls of the first round.
        later: Calls of each later round at least, likely and at most, as far as the agent says
            them; a call that sentences share counts each time.
        stored: Those whose answers are in the call store already.
        input_tokens: Prompt tokens of the first round, counted.
        output_tokens: Tokens of the answers at least, likely and at most.
        cost: What the calls cost from scratch.
        cost_now: What those that are not stored will cost.
        sample: One rendered request.
        tokenizer: What counted.
        recorded: Whether a recording answers, which costs nothing now.
    """

    node: Node
    backend: str
    calls: int
    later: tuple[CountRange, ...]
    stored: int
    input_tokens: int
    output_tokens: CountRange
    cost: CostRange
    cost_now: CostRange
    sample: Request | None
    tokenizer: str
    recorded: bool


@dataclass(frozen=True)
class PlanEstimate:
    """What a plan will call.

    Attributes:
        stages: The stages that talk to an LLM.
        cost: Their sum from scratch.
        cost_now: Their sum as far as answers are not stored; a recording's cost nothing.
    """

    stages: tuple[StageEstimate, ...]
    cost: CostRange
    cost_now: CostRange


def resolved_price(entry: BackendEntry) -> ModelPrice | None:
    """A backend's price per token, looked up where it is a snapshot's."""
    if entry.price == "snapshot":
        return price_from_snapshot(entry.price_model or "")
    return None if entry.price == "machine" else entry.price


def estimate_plan(plan: Plan, *, calls: CallStore | None = None) -> PlanEstimate:
    """Renders the first round of every stage that talks to an LLM; calls nothing.

    Later rounds depend on answers: an extractor says how many calls they make (``PlansCalls``),
    and their prompts count as if they were as long as the first round's are on average.

    Args:
        plan: The plan.
        calls: Where answers may lie already.
    """
    data = _Data()
    found = tuple(
        _estimate(node, plan, data, calls)
        for node in plan.nodes
        if isinstance(node.stage, Extract | Generate)
    )
    nothing = CostRange(Money.zero(), Money.zero(), Money.zero())
    return PlanEstimate(
        stages=found,
        cost=sum((stage.cost for stage in found), nothing),
        cost_now=sum((stage.cost_now for stage in found), nothing),
    )


class _Data:
    """Reads data stages in memory, each once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Example, ...]] = {}

    def of(self, node: Node) -> tuple[Example, ...]:
        if node.key not in self._known:
            self._known[node.key] = self._read(node)
        return self._known[node.key]

    def _read(self, node: Node) -> tuple[Example, ...]:
        stage = node.stage
        if isinstance(stage, Read):
            return stage.examples()
        if isinstance(stage, Subset):
            return stage.select(self.of(node.inputs["examples"]))
        if isinstance(stage, Split):
            return stage.split(self.of(node.inputs["pool"])).train
        raise CalldistilError(f"The stage {node.title!r} holds no data that can be read ahead.")


def _estimate(node: Node, plan: Plan, data: _Data, calls: CallStore | None) -> StageEstimate:
    stage = node.stage
    assert isinstance(stage, Extract | Generate)
    agent, schema = stage.agent, stage.schema
    entry = plan.setup.experiment.backends[agent.backend]
    few_shot = data.of(node.inputs["few_shot"]) if "few_shot" in node.inputs else ()
    examples = data.of(node.inputs["examples"]) if "examples" in node.inputs else ()
    pool = data.of(node.inputs["pool"]) if "pool" in node.inputs else ()
    neighbours = _stand_ins(examples, pool, agent)
    context = agent.context(schema, few_shot, stage.repeat, neighbours)
    counter = token_counter(agent.tokenizer or DEFAULT_TOKENIZER)
    later: tuple[CountRange, ...] = ()
    if isinstance(stage, Generate):
        writer = generators.get(agent.component)(context=context, options=agent.options)
        items = writer.items()
        requests = _first_rounds(writer.generate(item=item) for item in items)
        output = _rows_range(
            [(item.count, item.demonstrations) for item in items], schema, agent, counter
        )
    else:
        extractor = extractors.get(agent.component)(context=context, options=agent.options)
        later = _later_rounds(extractor, examples)
        requests = _first_rounds(extractor.extract(example=e) for e in examples)
        output = _label_range(schema, agent, counter)
    unique = list(dict.fromkeys(requests))
    stored = _stored(unique, entry, calls)
    tokens = _input_tokens(unique, counter)
    price = resolved_price(entry)
    per_call = CountRange.exactly(tokens / len(unique)) if unique else CountRange.exactly(0)
    more = sum(later, CountRange.exactly(0))
    cost = plan_cost(CountRange.exactly(len(unique)) + more, per_call, output, price)
    recorded = entry.use == "recorded"
    now = 0 if recorded else len(unique) - stored
    return StageEstimate(
        node=node,
        backend=agent.backend,
        calls=len(unique),
        later=later,
        stored=stored,
        input_tokens=tokens,
        output_tokens=output,
        cost=cost,
        cost_now=plan_cost(_still(now, len(unique), more), per_call, output, price),
        sample=unique[0] if unique else None,
        tokenizer=counter.name,
        recorded=recorded,
    )


def _still(now: int, first: int, later: CountRange) -> CountRange:
    """Calls still to be made: later rounds as far as the first one is not stored."""
    if not now:
        return CountRange.exactly(0)
    share = now / first
    most = None if later.at_most is None else now + later.at_most
    return CountRange(now, now + share * later.likely, most)


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


def _stand_ins(
    examples: Sequence[Example], pool: Sequence[Example], agent: Agent
) -> dict[str, tuple[Neighbour, ...]]:
    """Examples spread over the pool in place of the nearest: a plan encodes nothing.

    They are as many, and on average about as long.
    """
    search = agent.neighbour_search()
    if search is None or not pool:
        return {}
    count = min(search.count, len(pool))
    step = max(1, len(pool) // count)
    return {
        example.id: tuple(
            Neighbour(pool[(place + part * step) % len(pool)], 0.0) for part in range(count)
        )
        for place, example in enumerate(examples)
    }


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


def _input_tokens(requests: Sequence[Request], counter: TokenCounter) -> int:
    """Counts each distinct message once: prompts share most of their text."""
    known: dict[str, int] = {}
    total = 0
    for request in requests:
        for message in request.messages:
            if message.content not in known:
                known[message.content] = count_prompt([message], counter)
            total += known[message.content]
    return total


def _stored(requests: Sequence[Request], entry: BackendEntry, calls: CallStore | None) -> int:
    model = entry.options.get("model")
    if calls is None or not isinstance(model, str):
        return 0
    return len(calls.get_many(request_key(ModelIdentity(model), r) for r in requests))


def _label_range(schema: Schema, agent: Agent, counter: TokenCounter) -> CountRange:
    """An answer holds a label: at least the shortest, likely a mean one as JSON."""
    sizes = [counter.count(_ANSWER % name) for name in schema.label_names]
    return _bounded(1, statistics.fmean(sizes), agent)


def _rows_range(
    items: Sequence[tuple[int, Sequence[Example]]],
    schema: Schema,
    agent: Agent,
    counter: TokenCounter,
) -> CountRange:
    """A generated row is likely as long as a demonstration."""
    per_item = []
    for count, demonstrations in items:
        sizes = [counter.count(render_marked(d, schema.markers)) for d in demonstrations] or [40]
        per_item.append(count * statistics.fmean(sizes))
    return _bounded(1, statistics.fmean(per_item) if per_item else 1, agent)


def _bounded(low: float, likely: float, agent: Agent) -> CountRange:
    most = agent.sampling.max_tokens
    likely = max(low, likely if most is None else min(likely, most))
    return CountRange(low, likely, most)


def rendered(request: Request) -> str:
    """A request as a person reads it."""
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in request.messages)
