"""``calldistil reprice``: a run's table or page at other prices."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from harness.cli._page import write_page
from harness.cli._table import FORMATS


@click.command("reprice")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("prices", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(FORMATS), default="terminal")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--html", is_flag=True, help="Write the page instead.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Where the page goes [report-PRICES.html in RUN]; - for stdout.",
)
def command(
    run: Path, prices: Path, format_: str, as_json: bool, html: bool, output: Path | None
) -> None:
    """Print the table of RUN at other PRICES. The run and its results.json stay as they are.

    PRICES is a YAML file: `backends` names prices per million tokens by backend, `prices` those of
    the machine and of human labels; what it leaves out stays. A price may be a range, [low, high].
    """
    from harness.report import load_price_list, render, report_run

    if output is not None and not html:
        raise click.UsageError("--output is where the page goes: give --html as well")
    other = load_price_list(prices)
    if html:
        from harness.report.page import Evidence

        write_page(Evidence(run, prices=other), output or run / f"report-{prices.stem}.html")
        return
    table = report_run(run, prices=other)
    width = max(shutil.get_terminal_size((120, 24)).columns, 80)
    click.echo(render(table, "json" if as_json else format_, width=width), nl=False)
