"""``calldistil describe``: what the training sets of experiments are like, side by side."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from harness.cli._experiments import experiment_file
from harness.cli._options import budget_options, jobs_option, store_options
from harness.cli._table import FORMATS


@click.command("describe")
@click.argument("experiments", nargs=-1, required=True, metavar="EXPERIMENT...")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="The run's folder [runs/NAME]."
)
@store_options
@click.option(
    "--set",
    "only",
    multiple=True,
    metavar="NAME",
    help="Only this set, or those with it in their name.",
)
@click.option("--at", default=200, type=click.IntRange(min=2), help="Rows that are compared [200].")
@click.option("--encoder", default="all-MiniLM-L6-v2", help="Of sentences; 'none' encodes nothing.")
@click.option(
    "--export",
    type=click.Path(path_type=Path),
    help="A folder to write each set into, with a data card.",
)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="terminal")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@budget_options
@jobs_option
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def command(
    experiments: tuple[str, ...],
    output: Path | None,
    store: Path | str | None,
    calls: str | None,
    only: tuple[str, ...],
    at: int,
    encoder: str,
    export: Path | None,
    format_: str,
    as_json: bool,
    max_calls: int | None,
    max_cost: float | None,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Make and describe the generated and labelled sets of each EXPERIMENT, side by side.

    EXPERIMENT is a file, or the name of one that is installed. What a run in the same folder made
    is used, and kept for the next run. Nothing is trained.
    """
    from harness.cli._progress import RunProgress
    from harness.errors import ConfigError, Problem
    from harness.pipeline import BudgetLimits, SetChoice, describe_sets, load_setup
    from harness.report import export_sets, render_sets, set_reports

    if output is not None and len(experiments) > 1:
        raise ConfigError([Problem("--output names one run's folder", "describe one experiment")])
    width = max(shutil.get_terminal_size((120, 24)).columns, 80)
    choice = SetChoice(only=only, at=at, encoder=None if encoder == "none" else encoder)
    for name in experiments:
        file = experiment_file(name)
        title = load_setup(file).experiment.name
        with RunProgress(quiet=quiet) as progress:
            run = describe_sets(
                file,
                folder=output or Path("runs") / title,
                choice=choice,
                store=store,
                calls=calls,
                observer=progress,
                limits=BudgetLimits(max_calls, max_cost),
                jobs=jobs,
            )
        text = render_sets(set_reports(run.folder), "json" if as_json else format_, width=width)
        if len(experiments) > 1 and not as_json and format_ in ("terminal", "markdown"):
            click.echo(f"## {title}\n" if format_ == "markdown" else f"{title}\n")
        click.echo(text, nl=False)
        if export is not None:
            folder = export / title if len(experiments) > 1 else export
            for made in export_sets(run.folder, folder):
                click.echo(f"{made}: written", err=True)
