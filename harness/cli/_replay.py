"""``calldistil replay``: carry out a bundled run again, without an LLM."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli._options import jobs_option
from harness.cli._table import FORMATS, print_table


@click.command("replay")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="The run's folder [runs/NAME]."
)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="terminal")
@jobs_option
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def command(bundle: Path, output: Path | None, format_: str, jobs: int | None, quiet: bool) -> None:
    """Unpack BUNDLE, check every file of it, carry out what it lacks, and print its table.

    Every call is answered from the bundle; a call that is not there ends the run with an error.
    """
    from harness.cli._progress import RunProgress
    from harness.pipeline import run_experiment, unbundle

    folder = output or Path("runs") / bundle.stem
    unbundle(bundle, folder)
    with RunProgress(quiet=quiet) as progress:
        run_experiment(folder / "experiment.yaml", folder=folder, observer=progress, jobs=jobs)
    print_table(folder, format_)
