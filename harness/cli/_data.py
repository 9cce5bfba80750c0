"""``calldistil data``: get public data sets."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("data")
def command() -> None:
    """Get public data sets, which are not part of the package."""


@command.command("fetch")
@click.argument("name")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    help="Folder of data sets [CALLDISTIL_DATA, else ../shared/data].",
)
@click.option(
    "--from",
    "from_folder",
    type=click.Path(path_type=Path),
    help="Take the files from this folder in place of the network.",
)
def fetch(name: str, to: Path | None, from_folder: Path | None) -> None:
    """Get the data set NAME from its public release or the hub, and check it."""
    from harness.datasets import data_home, fetch_dataset

    target = to or data_home()
    folder = fetch_dataset(name, to=target, from_folder=from_folder)
    click.echo(folder)
    if target != data_home():
        click.echo(f"Use it with: export CALLDISTIL_DATA={target.resolve()}", err=True)
