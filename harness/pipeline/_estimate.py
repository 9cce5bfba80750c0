"""What a plan will call, and what that costs at least, likely and at most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.costs import (
    CostRange,
    CountRange,
    ModelPrice,
    Money,
    price_from_snapshot,
    token_counter,
)
from harness.errors import CalldistilError
from harness.pipeline._asked import (
    asked_again,
    asked_by_explainer,
    asked_by_extractor,
    asked_by_gate,
    asked_by_generator,
    input_tokens,
)
from harness.pipeline._experiment import BackendEntry
from harness.pipeline._plan import Node, Plan
from harness.pipeline._planned_rounds import (
    RoundEstimate,
    rounds_cost,
)
from harness.pipeline._reviewed import reviewed
from harness.pipeline.stages import (
    Agent,
    Explain,
    Extract,
    Generate,
    Read,
    Refill,
    Review,
    Split,
    Subset,
    agent_behind,
)
from harness.protocols import (
    Completion,
    GenerationItem,
    ModelIdentity,
    Neighbour,
    Request,
)
from harness.relations import Example, Schema
from harness.store import CallStore, request_key

__all__ = ["PlanEstimate", "StageEstimate", "estimate_plan", "rendered", "resolved_price"]

DEFAULT_TOKENIZER = "o200k_base"


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
        items: What a generator asks for.
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
    items: tuple[GenerationItem, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that a generator asks for."""
        return sum(item.count for item in self.items)

    def na_rows(self, schema: Schema) -> dict[str, int]:
        """How many of them are NA rows, by their kind; variants of NA rows are ``gold``."""
        found: dict[str, int] = {}
        for item in self.items:
            if item.label == schema.na_label:
                usual = "gold" if "gold" in item.facts else "schema"
                kind = item.facts.get("na_kind", usual)
                found[kind] = found.get(kind, 0) + item.count
        return found


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

    Later rounds depend on answers: an agent says how many calls they make (``PlansCalls``,
    ``PlansGeneration``). Their prompts count as if they were as long as the first round's are on
    average, and longer by the samples that a generator shows in them.

    Args:
        plan: The plan.
        calls: Where answers may lie already.
    """
    data = _Data()
    found = tuple(
        _estimate(node, plan, data, calls)
        for node in plan.nodes
        if agent_behind(node.stage) is not None
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
    assert isinstance(stage, Explain | Extract | Generate | Review)
    agent = stage.agent
    entry = plan.setup.experiment.backends[agent.backend]
    few_shot = data.of(node.inputs["few_shot"]) if "few_shot" in node.inputs else ()
    examples = data.of(node.inputs["examples"]) if "examples" in node.inputs else ()
    pool = data.of(node.inputs["pool"]) if "pool" in node.inputs else ()
    neighbours = _stand_ins(examples, pool, agent)
    context = agent.context(stage.schema, few_shot, stage.repeat, neighbours)
    counter = token_counter(agent.tokenizer or DEFAULT_TOKENIZER)
    if isinstance(stage, Generate):
        known = None if calls is None else _known(entry, calls)
        asked = asked_by_generator(agent, context, counter, known)
        if isinstance(stage, Refill):
            asked = asked_again(asked, counter)
    elif isinstance(stage, Review):
        asked = asked_by_gate(agent, context, counter, reviewed(node, data.of))
    elif isinstance(stage, Explain):
        asked = asked_by_explainer(agent, context, counter, examples)
    else:
        asked = asked_by_extractor(agent, context, counter, examples)
    # A gate asks about each row; few-shot examples may stand in for several rows each.
    once = not isinstance(stage, Review)
    unique = list(dict.fromkeys(asked.requests)) if once else list(asked.requests)
    stored = _stored(unique, entry, calls)
    tokens = input_tokens(unique, counter)
    price = resolved_price(entry)
    opening = RoundEstimate(
        CountRange.exactly(len(unique)), tokens / len(unique) if unique else 0.0, asked.output
    )
    recorded = entry.use == "recorded"
    now = 0 if recorded else max(0, len(unique) - stored)
    ahead = _still(now, opening, asked.later)
    if isinstance(stage, Refill) and not recorded:
        ahead = asked.later
    if not recorded and asked.left:  # a call that items share counts once
        ahead = (replace(asked.left[0], calls=CountRange.exactly(now)), *asked.left[1:])
    return StageEstimate(
        node=node,
        backend=agent.backend,
        calls=len(unique),
        later=tuple(round_.calls for round_ in asked.later),
        stored=stored,
        input_tokens=tokens,
        output_tokens=asked.output,
        cost=rounds_cost([opening, *asked.later], price),
        cost_now=rounds_cost(ahead, price),
        sample=unique[0] if unique else None,
        tokenizer=counter.name,
        recorded=recorded,
        items=asked.items,
    )


def _still(
    now: int, opening: RoundEstimate, later: Sequence[RoundEstimate]
) -> tuple[RoundEstimate, ...]:
    """Calls still to be made: later rounds as far as the first one is not stored."""
    if not now:
        return ()
    share = now / opening.calls.likely
    return (
        replace(opening, calls=CountRange.exactly(now)),
        *(replace(r, calls=CountRange(0, share * r.calls.likely, r.calls.at_most)) for r in later),
    )


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


def _known(entry: BackendEntry, calls: CallStore) -> Callable[[Request], Completion | None]:
    """Looks up the answer to a request."""
    model = entry.options.get("model")

    def answer(request: Request) -> Completion | None:
        if not isinstance(model, str):
            return None
        found = calls.get_many([request_key(ModelIdentity(model), request)])
        return next((call.completion(request) for call in found.values()), None)

    return answer


def _stored(requests: Sequence[Request], entry: BackendEntry, calls: CallStore | None) -> int:
    model = entry.options.get("model")
    if calls is None or not isinstance(model, str):
        return 0
    return len(calls.get_many(request_key(ModelIdentity(model), r) for r in requests))


def rendered(request: Request) -> str:
    """A request as a person reads it."""
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in request.messages)
