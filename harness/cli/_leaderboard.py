"""``calldistil leaderboard``: many runs on a static site."""

from __future__ import annotations

import time
from pathlib import Path

import click

from harness.cli._table import FORMATS


@click.command("leaderboard")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write a site into a folder.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="terminal")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--metric", "-m", "metrics", multiple=True,
    help="A metric of the tables, instead of the experiments' own; may be repeated.",
)  # fmt: skip
@click.option(
    "--published", multiple=True, type=click.Path(path_type=Path), metavar="PATH",
    help="A file or folder of results that others printed; may be repeated. [those installed]",
)  # fmt: skip
@click.option("--no-published", is_flag=True, help="Show our own results alone.")
@click.option("--title", default="Leaderboard", help="What it is called.")
@click.option(
    "--organisation", default="unknown", help="Who provides the results, for Every Eval Ever."
)
@click.option("--resamples", default=10_000, type=click.IntRange(min=100), show_default=True)
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
def command(
    runs: tuple[Path, ...],
    output: Path | None,
    format_: str,
    as_json: bool,
    metrics: tuple[str, ...],
    published: tuple[Path, ...],
    no_published: bool,
    title: str,
    organisation: str,
    resamples: int,
    seed: int,
) -> None:
    """Compare the systems of RUNS, and print or write the leaderboard.

    RUNS are folders of finished runs, or folders with runs somewhere below them.

    A table holds one test set, told apart by its content, and one metric. Systems that the paired
    tests (Holm-corrected over all pairs) do not separate are tied.
    """
    from harness.report.leaderboard import (
        build_leaderboard,
        load_published,
        render_leaderboard,
        write_site,
    )

    runs = tuple(run for place in runs for run in _runs_in(place))
    files = () if no_published else load_published(published or _installed())
    if output is None:
        board = build_leaderboard(
            runs, published=files, metrics=metrics, title=title, resamples=resamples, seed=seed
        )
        text = render_leaderboard(board, "json" if as_json else format_, width=_width())
        click.echo(text, nl=False)
        return
    write_site(
        runs,
        output,
        published=files,
        metrics=metrics,
        title=title,
        organisation=organisation,
        retrieved_at=time.time(),
        resamples=resamples,
        seed=seed,
    )
    click.echo(str(output / "index.html"))


def _runs_in(place: Path) -> list[Path]:
    """The folder itself if it is a run, or else the runs below it."""
    if (place / "manifest.json").exists():
        return [place]
    below = [file.parent for file in sorted(place.rglob("manifest.json"))]
    return [run for run in below if (run / "experiment.yaml").is_file()] or [place]


def _installed() -> list[Path]:
    """Folders of published results that installed packages bring."""
    from harness.registry import Registry

    found: Registry[Path] = Registry("published results", group="calldistil.published")
    return [found.get(name) for name in found.names()]


def _width() -> int:
    import shutil

    return max(shutil.get_terminal_size((120, 24)).columns, 80)
