"""``calldistil batch``: calls out to a file, answers back from one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli._experiments import experiment_file
from harness.cli._options import store_options
from harness.cli._shown import shown

if TYPE_CHECKING:
    from harness.costs import CostRange
    from harness.pipeline import BatchStage

_MANY = 50_000  # what OpenAI's batch service takes in one file
_SHOWN = 10


@click.group("batch")
def command() -> None:
    """Make a run's LLM calls through batch files, at half price or on another machine."""


@command.command("export")
@click.argument("experiment")
@click.option(
    "--file",
    "-o",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    help="The request file to write.",
)
@click.option("--output", type=click.Path(path_type=Path), help="The run's folder [runs/NAME].")
@store_options
@click.option("--backend", help="Only the calls of this backend entry.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export(
    experiment: str,
    file: Path,
    output: Path | None,
    store: Path | str | None,
    calls: str | None,
    backend: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Write every call that EXPERIMENT needs next, in the OpenAI Batch format.

    Agents that ask in rounds have one round in the file: import its answers and export again.
    """
    from harness.pipeline import export_batch, load_setup

    setup = load_setup(experiment_file(experiment))
    folder = output or Path("runs") / setup.experiment.name
    stages = export_batch(setup, file, folder=folder, store=store, calls=calls, backend=backend)
    count = sum(stage.calls for stage in stages)
    if as_json:
        rows = [_document(stage) for stage in stages]
        click.echo(json.dumps({"calls": count, "run": str(folder), "stages": rows}, indent=2))
    for stage in stages:
        click.echo(_told(stage), err=True)
    if count:
        click.echo(f"{file}: {count:,} calls. Then: calldistil batch import", err=True)
    else:
        click.echo("The run needs no call that could be made now.", err=True)
    if count > _MANY:
        click.echo(f"Services may take no more than {_MANY:,} lines in a file: split it.", err=True)


@command.command("import")
@click.argument("experiment")
@click.argument("answers", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="The run's folder [runs/NAME].")
@store_options
@click.option(
    "--partial", is_flag=True, help="Keep the answers that are right where other lines are not."
)
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def import_(
    experiment: str,
    answers: Path,
    output: Path | None,
    store: Path | str | None,
    calls: str | None,
    partial: bool,
    as_json: bool,
) -> None:
    """Put the ANSWERS of a batch into the run of EXPERIMENT, each checked against its request."""
    from harness.pipeline import import_batch, load_setup

    setup = load_setup(experiment_file(experiment))
    folder = output or Path("runs") / setup.experiment.name
    found = import_batch(setup, answers, folder=folder, store=store, calls=calls, partial=partial)
    if as_json:
        told = asdict(found) | {"failures": [str(problem) for problem in found.failures]}
        click.echo(json.dumps(told, indent=2))
    for problem in found.failures[:_SHOWN]:
        click.echo(shown(str(problem)), err=True)
    if len(found.failures) > _SHOWN:
        click.echo(f"... and {len(found.failures) - _SHOWN:,} more", err=True)
    click.echo(
        f"{found.new:,} answers stored, {found.known:,} known before,"
        f" {len(found.failures):,} lines without an answer (recorded),"
        f" {found.waiting:,} calls of this round still open",
        err=True,
    )


def _told(stage: BatchStage) -> str:
    if stage.waits_for is not None:
        return f"{stage.title}: waits for '{stage.waits_for}'"
    cost, batch = stage.cost, stage.batch_cost
    return (
        f"{stage.title}: {stage.calls:,} calls to {stage.model}, {stage.input_tokens:,} prompt"
        f" tokens ({stage.tokenizer}); {cost.at_least.text()} to {cost.at_most.text()},"
        f" batch price {batch.at_least.text()} to {batch.at_most.text()}"
    )


def _document(stage: BatchStage) -> dict[str, Any]:
    def money(cost: CostRange) -> dict[str, float | None]:
        return {"at_least": cost.at_least.amount, "at_most": cost.at_most.amount}

    return {
        "stage": stage.title,
        "backend": stage.backend,
        "model": stage.model,
        "calls": stage.calls,
        "input_tokens": stage.input_tokens,
        "tokenizer": stage.tokenizer,
        "cost": money(stage.cost),
        "batch_cost": money(stage.batch_cost),
        "waits_for": stage.waits_for,
    }
