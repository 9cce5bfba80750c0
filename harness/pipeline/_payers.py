"""The budget of a plan: its backends, their prices, and what was paid before."""

from __future__ import annotations

from harness.costs import ModelPrice
from harness.pipeline._budget import Budget, BudgetLimits, Payer
from harness.pipeline._estimate import DEFAULT_TOKENIZER, resolved_price
from harness.pipeline._plan import Plan
from harness.pipeline.stages import Agent, agent_behind
from harness.registry import backends
from harness.store import CallStore

__all__ = ["budget_of", "payer_of"]


def budget_of(plan: Plan, limits: BudgetLimits, calls: CallStore, run: str) -> Budget:
    """The budget of a run.

    Raises:
        ConfigError: When a limit on cost cannot be kept.
    """
    entries = plan.setup.experiment.backends
    agents = {
        agent.backend: agent
        for node in plan.nodes
        if (agent := agent_behind(node.stage)) is not None
    }
    payers = {}
    for name, agent in agents.items():
        entry = entries[name]
        if agent.backend_use != "recorded":  # its answers are never paid for
            payers[name] = payer_of(
                agent, price=resolved_price(entry), free=entry.price == "machine"
            )
    return Budget(limits, payers, earlier=(call for call in calls if call.paid_by(run)))


def payer_of(agent: Agent, *, price: ModelPrice | None, free: bool = False) -> Payer:
    """An agent's backend as one that is paid."""
    fingerprint = backends.get(agent.backend_use).fingerprint(options=agent.backend_options)
    return Payer(
        name=agent.backend,
        model=fingerprint.get("model", ""),
        price=price,
        free=free,
        sampling=agent.sampling,
        tokenizer=agent.tokenizer or DEFAULT_TOKENIZER,
    )
