"""``calldistil report``: a run's table again, in any format."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from harness.cli._table import FORMATS, print_table


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(FORMATS), default="terminal")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--metric", "-m", help="Another metric than the experiment's: see calldistil list metrics."
)
@click.option("--relations", metavar="SYSTEM", help="Per-relation scores of one system instead.")
@click.option("--confusion", metavar="SYSTEM", help="The confusion table of one system instead.")
def command(
    run: Path,
    format_: str,
    as_json: bool,
    metric: str | None,
    relations: str | None,
    confusion: str | None,
) -> None:
    """Print the table of RUN, a run's folder. Reads artefacts only and calls no model."""
    if relations is not None or confusion is not None:
        from harness.report import render_score, run_answers

        parts: tuple[tuple[str | None, Literal["relations", "confusion"]], ...] = (
            (relations, "relations"),
            (confusion, "confusion"),
        )
        for system, part in parts:
            if system is not None:
                answers = run_answers(run, system)
                text = render_score(
                    answers,
                    "json" if as_json else format_,
                    metric=metric,
                    title=system,
                    table=part,
                )
                click.echo(text, nl=False)
        return
    print_table(run, "json" if as_json else format_, metric=metric)
