"""``calldistil extract``: label sentences with an LLM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli._options import agent_options, executor_of, executor_options, store_options
from harness.cli._single import agent_and_price, run_agent
from harness.errors import ConfigError, Problem


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
@click.option(
    "--shard",
    type=click.IntRange(min=1),
    metavar="LINES",
    help="For very large files of JSON Lines: so many lines at a time, each a task that is kept.",
)
@store_options
@executor_options
def command(
    sentences: Path,
    format_: str | None,
    extractor: str,
    train: Path | None,
    shard: int | None,
    store: Path | str | None,
    calls: str | None,
    executor: str,
    address: str | None,
    jobs: int | None,
    resources: tuple[str, ...],
    **options: Any,
) -> None:
    """Label SENTENCES with an LLM; writes OUTPUT/predictions.jsonl.

    Every answer is kept in OUTPUT/calls.sqlite as it comes: called again after an interruption,
    this goes on and pays for nothing twice.
    """
    where = executor_of(executor, address, jobs, resources)
    if shard is not None:
        _in_shards(sentences, format_, extractor, train, shard, store, calls, where, **options)
        return
    if store is not None or calls is not None or executor != "local":
        what = "--store, --calls and --executor are for very large files"
        raise ConfigError([Problem(what, "add --shard LINES")])
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


def _in_shards(
    sentences: Path,
    format_: str | None,
    extractor: str,
    train: Path | None,
    shard: int,
    store: Path | str | None,
    calls: str | None,
    executor: Any,
    *,
    schema: str,
    few_shot: Path | None,
    repeat: int,
    output: Path,
    max_calls: int | None,
    quiet: bool,
    **options: Any,
) -> None:
    from harness.cli._progress import RunProgress
    from harness.pipeline import BudgetLimits, extract_shards
    from harness.registry import extractors
    from harness.relations import load_schema

    for file in (sentences, few_shot, train):
        if file is not None and (format_ or "jsonl") + file.suffix != "jsonl.jsonl":
            raise ConfigError([Problem(f"{file} is not JSON Lines", "--shard reads .jsonl alone")])
    agent, price = agent_and_price(extractors, extractor, **options)
    with RunProgress(quiet=quiet) as progress:
        done = extract_shards(
            sentences,
            agent=agent,
            schema=load_schema(schema),
            output=output,
            lines=shard,
            repeat=repeat,
            few_shot=few_shot,
            pool=train,
            store=store,
            calls=calls,
            executor=executor,
            observer=progress,
            limits=BudgetLimits(max_calls, options["max_cost"]),
            price=price,
        )
    click.echo(f"{done.file}: the answers of {done.shards} shards", err=True)
