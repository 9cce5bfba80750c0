"""``calldistil run``: carry out an experiment and print its table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli._experiments import experiment_file
from harness.cli._options import budget_options, executor_of, executor_options, store_options
from harness.cli._table import FORMATS, print_table

if TYPE_CHECKING:
    from harness.pipeline import Executor


@click.command("run")
@click.argument("experiment")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="The run's folder [runs/NAME]."
)
@store_options
@click.option("--format", "format_", type=click.Choice(FORMATS), default="terminal")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
@budget_options
@executor_options
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def command(
    experiment: str,
    output: Path | None,
    store: Path | str | None,
    calls: str | None,
    format_: str,
    as_json: bool,
    max_calls: int | None,
    max_cost: float | None,
    jobs: int | None,
    executor: str,
    address: str | None,
    resources: tuple[str, ...],
    quiet: bool,
) -> None:
    """Carry out EXPERIMENT (a file, or the name of one that is installed).

    An interrupted run goes on where it stopped: finished stages and paid answers are kept.
    """
    run_and_print(
        experiment_file(experiment),
        output=output,
        store=store,
        calls=calls,
        format_="json" if as_json else format_,
        quiet=quiet,
        max_calls=max_calls,
        max_cost=max_cost,
        executor=executor_of(executor, address, jobs, resources),
    )


def run_and_print(
    file: Path,
    *,
    output: Path | None,
    store: Path | str | None,
    format_: str,
    quiet: bool,
    calls: str | None = None,
    max_calls: int | None = None,
    max_cost: float | None = None,
    executor: Executor | None = None,
) -> None:
    """Carries out an experiment file and prints the table."""
    from harness.cli._progress import RunProgress
    from harness.pipeline import BudgetLimits, load_setup, run_experiment

    folder = output or Path("runs") / load_setup(file).experiment.name
    with RunProgress(quiet=quiet) as progress:
        run = run_experiment(
            file,
            folder=folder,
            store=store,
            calls=calls,
            observer=progress,
            limits=BudgetLimits(max_calls, max_cost),
            executor=executor,
        )
    print_table(run.folder, format_)
