"""``calldistil store``: call stores, on files and servers."""

from __future__ import annotations

import json

import click


@click.group("store")
def command() -> None:
    """Look after call stores: an SQLite FILE, or postgresql://user@host/name."""


@command.command("copy")
@click.argument("source")
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def copy(source: str, target: str, as_json: bool) -> None:
    """Copy every answer of SOURCE into TARGET, which is made when absent.

    What TARGET has stays as it is. Interrupted, it goes on when run again.
    """
    from harness.store import copy_calls, open_call_store

    _exists(source)
    with open_call_store(source) as held, open_call_store(target) as into:
        new = copy_calls(held, into)
        count = into.count()
        said = f"{into.place}: {new:,} answers copied, {count:,} in all"
    if as_json:
        click.echo(json.dumps({"new": new, "calls": count}))
    click.echo(said, err=True)


@command.command("count")
@click.argument("place")
def count(place: str) -> None:
    """Say how many answers PLACE holds."""
    from harness.store import open_call_store

    _exists(place)
    with open_call_store(place) as store:
        click.echo(store.count())


def _exists(place: str) -> None:
    """A mistyped file is an error and not a new, empty store."""
    from pathlib import Path

    from harness.errors import ArtefactError
    from harness.store import is_server

    if not is_server(place) and not Path(place).is_file():
        raise ArtefactError(f"There is no call store {place}.", hint="Check the path.")
