"""``calldistil generate``: write training rows with an LLM."""

from __future__ import annotations

from typing import Any

import click

from harness.cli._options import agent_options
from harness.cli._single import run_agent


@click.command("generate")
@click.option("--generator", "-g", default="all_at_once", help="See: calldistil list generators.")
@agent_options
def command(generator: str, **options: Any) -> None:
    """Write training rows with an LLM: OUTPUT/examples.jsonl, and rejects.jsonl beside it.

    Every answer is kept in OUTPUT/calls.sqlite as it comes: called again after an interruption,
    this goes on and pays for nothing twice.
    """
    from harness.pipeline import Generate
    from harness.registry import generators

    run_agent(
        generators,
        generator,
        lambda agent, schema, repeat: Generate(agent=agent, schema=schema, repeat=repeat),
        lambda schema: {},
        **options,
    )
