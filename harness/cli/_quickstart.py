"""``calldistil quickstart``: the embedded demo."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli._experiments import experiments
from harness.cli._run import run_and_print
from harness.cli._table import FORMATS


@click.command("quickstart")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="The run's folder [runs/newsroom-demo]."
)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="terminal")
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def command(output: Path | None, format_: str, quiet: bool) -> None:
    """Run the embedded newsroom demo on a recorded LLM: no key, no network, nothing paid.

    The demo's text is invented and its test set was written by the same kind of LLM that
    answers it: it shows the tool and proves nothing about an LLM.
    """
    file = experiments.get("newsroom-demo")
    run_and_print(file, output=output, store=None, format_=format_, quiet=quiet)
