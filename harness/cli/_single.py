"""Runs one stage for a verb and says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli._options import key_values, options_of

if TYPE_CHECKING:
    from harness.costs import ModelPrice
    from harness.pipeline import Agent, Stage
    from harness.relations import Example, Schema

__all__ = ["agent_and_price", "progress_bar", "run_agent"]


def run_agent(
    registry: Any,
    component: str,
    stage: Callable[[Agent, Schema, int], Stage],
    inputs: Callable[[Schema], Mapping[str, Sequence[Example]]],
    *,
    schema: str,
    backend: str,
    backend_option: Sequence[str],
    option: Sequence[str],
    sampling: Sequence[str],
    few_shot: Path | None,
    tokenizer: str | None,
    repeat: int,
    output: Path,
    max_calls: int | None,
    max_cost: float | None,
    price_model: str | None,
    quiet: bool,
) -> None:
    """Runs an extractor or generator on its inputs."""
    from harness.datasets import read_examples
    from harness.pipeline import BudgetLimits, run_single
    from harness.relations import load_schema

    loaded = load_schema(schema)
    agent, price = agent_and_price(
        registry,
        component,
        backend=backend,
        backend_option=backend_option,
        option=option,
        sampling=sampling,
        tokenizer=tokenizer,
        max_cost=max_cost,
        price_model=price_model,
    )
    given = dict(inputs(loaded))
    if few_shot is not None:
        given["few_shot"] = read_examples(few_shot, schema=loaded)
    with progress_bar(component, quiet=quiet) as progress:
        measures = run_single(
            stage(agent, loaded, repeat),
            inputs=given,
            output=output,
            agent=agent,
            progress=progress,
            limits=BudgetLimits(max_calls, max_cost),
            price=price,
        )
    paid = sum(charge.paid for charge in measures.charges)
    click.echo(
        f"{output}: {measures.units} results from {len(measures.charges)} calls,"
        f" {paid} of them paid now",
        err=True,
    )


def agent_and_price(
    registry: Any,
    component: str,
    *,
    backend: str,
    backend_option: Sequence[str],
    option: Sequence[str],
    sampling: Sequence[str],
    tokenizer: str | None,
    max_cost: float | None,
    price_model: str | None,
) -> tuple[Agent, ModelPrice | None]:
    """The agent that the options set up, and its model's price where a limit needs it."""
    from harness.costs import price_from_snapshot
    from harness.pipeline import agent_of, checked_sampling
    from harness.registry import backends

    agent = agent_of(
        registry,
        component,
        options=options_of(registry, component, option, "--option"),
        backend=backend,
        backend_options=options_of(backends, backend, backend_option, "--backend-option"),
        sampling=checked_sampling(key_values(sampling, "--sampling")),
        tokenizer=tokenizer,
    )
    price = None
    if max_cost is not None and agent.backend_use != "recorded":
        named = price_model or str(getattr(agent.backend_options, "model", ""))
        price = price_from_snapshot(named)
    return agent, price


class progress_bar:  # noqa: N801 (used like the function it stands for)
    """A bar on stderr while a single stage runs; nothing in logs."""

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bar = Progress(
            console=console, transient=True, disable=quiet or not console.is_terminal
        )
        self._task = self._bar.add_task(title, total=None)

    def __enter__(self) -> Callable[[int, int], None]:
        self._bar.start()
        return lambda done, total: self._bar.update(self._task, completed=done, total=total or None)

    def __exit__(self, *what: object) -> None:
        self._bar.stop()
