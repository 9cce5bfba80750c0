"""``calldistil report``: a run's table again, in any format, or its page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from harness.cli._page import write_figures, write_page
from harness.cli._table import FORMATS, print_table


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(FORMATS), default="terminal")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--html", is_flag=True, help="Write the page instead: one self-contained HTML file.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Where the page goes [RUN/report.html]; - for stdout.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the page's charts as SVG, PNG and CSV into a folder.",
)
@click.option(
    "--metric", "-m", help="Another metric than the experiment's: see calldistil list metrics."
)
@click.option("--relations", metavar="SYSTEM", help="Per-relation scores of one system instead.")
@click.option("--confusion", metavar="SYSTEM", help="The confusion table of one system instead.")
def command(
    run: Path,
    format_: str,
    as_json: bool,
    html: bool,
    output: Path | None,
    figures: Path | None,
    metric: str | None,
    relations: str | None,
    confusion: str | None,
) -> None:
    """Print the table of RUN, a run's folder. Reads artefacts only and calls no model."""
    if output is not None and not html:
        raise click.UsageError("--output is where the page goes: give --html as well")
    if relations is not None or confusion is not None:
        _print_scores(run, "json" if as_json else format_, metric, relations, confusion)
        return
    if html or figures is not None:
        from harness.report.page import Evidence

        evidence = Evidence(run, metric=metric)
        if figures is not None:
            write_figures(evidence, figures)
        if html:
            write_page(evidence, output or run / "report.html")
        return
    print_table(run, "json" if as_json else format_, metric=metric)


def _print_scores(
    run: Path, format_: str, metric: str | None, relations: str | None, confusion: str | None
) -> None:
    from harness.report import render_score, run_answers

    parts: tuple[tuple[str | None, Literal["relations", "confusion"]], ...] = (
        (relations, "relations"),
        (confusion, "confusion"),
    )
    for system, part in parts:
        if system is not None:
            answers = run_answers(run, system)
            text = render_score(answers, format_, metric=metric, title=system, table=part)
            click.echo(text, nl=False)
