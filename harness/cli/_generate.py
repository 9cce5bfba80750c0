"""``calldistil generate``: write training rows with an LLM."""

from __future__ import annotations

from typing import Any

import click

from harness.cli._options import agent_options
from harness.cli._single import run_agent


@click.command("generate")
@click.option(
    "--generator", "-g", default="all_at_once", help="See: calldistil list generators, explainers."
)
@agent_options
def command(generator: str, **options: Any) -> None:
    """Write training rows with an LLM: OUTPUT/examples.jsonl, and rejects.jsonl beside it.

    With an explainer (calldistil list explainers) it says why the few-shot examples have their
    labels: OUTPUT/explanations.jsonl.

    Every answer is kept in OUTPUT/calls.sqlite as it comes: called again after an interruption,
    this goes on and pays for nothing twice.
    """
    from harness.pipeline import Explain, Generate
    from harness.registry import explainers, generators

    explains = _names(explainers, generator)
    needs = explains or getattr(generators.get(generator), "needs_few_shot", False)
    if needs and options["few_shot"] is None:
        raise click.UsageError(f"{generator} works on labelled examples: add --few-shot FILE")
    stage: Any = Explain if explains else Generate
    run_agent(
        explainers if explains else generators,
        generator,
        lambda agent, schema, repeat: stage(agent=agent, schema=schema, repeat=repeat),
        lambda schema: {},
        **options,
    )


def _names(registry: Any, name: str) -> bool:
    """Whether a name, with or without its version, is in a registry."""
    return any(name in (full, full.rpartition(".v")[0]) for full in registry)
