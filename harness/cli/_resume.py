"""``calldistil resume``: go on with an interrupted run."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli._options import budget_options, executor_of, executor_options
from harness.cli._table import FORMATS, print_table


@click.command("resume")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(FORMATS), default="terminal")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@budget_options
@executor_options
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def command(
    run: Path,
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
    """Go on with RUN, the folder of an interrupted run, from its own copy of the experiment."""
    from harness.cli._progress import RunProgress
    from harness.pipeline import BudgetLimits, resume_run

    with RunProgress(quiet=quiet) as progress:
        resume_run(
            run,
            observer=progress,
            limits=BudgetLimits(max_calls, max_cost),
            executor=executor_of(executor, address, jobs, resources),
        )
    print_table(run, "json" if as_json else format_)
