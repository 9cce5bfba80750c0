"""``calldistil extract``: label sentences with an LLM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli._options import agent_options
from harness.cli._single import run_agent


@click.command("extract")
@click.argument("sentences", type=click.Path(path_type=Path))
@click.option("--format", "format_", help="Format of SENTENCES [guessed from the suffix].")
@click.option("--extractor", "-e", default="zero_shot", help="See: calldistil list extractors.")
@click.option(
    "--train",
    type=click.Path(path_type=Path),
    help="Labelled sentences from which an extractor takes those near to each sentence.",
)
@agent_options
def command(
    sentences: Path, format_: str | None, extractor: str, train: Path | None, **options: Any
) -> None:
    """Label SENTENCES with an LLM; writes OUTPUT/predictions.jsonl.

    Every answer is kept in OUTPUT/calls.sqlite as it comes: called again after an interruption,
    this goes on and pays for nothing twice.
    """
    from harness.datasets import read_examples
    from harness.pipeline import Extract
    from harness.registry import extractors

    run_agent(
        extractors,
        extractor,
        lambda agent, schema, repeat: Extract(agent=agent, schema=schema, repeat=repeat),
        lambda schema: {
            "examples": read_examples(sentences, format=format_, schema=schema),
            **({"pool": read_examples(train, schema=schema)} if train is not None else {}),
        },
        **options,
    )
