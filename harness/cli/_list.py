"""``calldistil list``: what is installed."""

from __future__ import annotations

import json
from typing import Any

import click

_KINDS = (
    "backends", "extractors", "generators", "explainers", "gates", "students", "tuners", "datasets",
    "metrics", "tokenizers", "schemas", "experiments",
)  # fmt: skip


@click.command("list")
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str, as_json: bool) -> None:
    """List every installed KIND with its version, source and one line about it."""
    rows = _rows(kind)
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("name", "version", "about", "source"):
        table.add_column(heading, no_wrap=heading in ("name", "version"))
    for row in rows:
        table.add_row(row["name"], row["version"] or "", row["about"], row["source"])
    Console(highlight=False, markup=False).print(table)


def _rows(kind: str) -> list[dict[str, str | None]]:
    if kind == "schemas":
        return _schemas()
    if kind == "experiments":
        return _experiments()
    return [_row(name, thing) for name, thing in _things(kind)]


def _things(kind: str) -> list[tuple[str, Any]]:
    from harness import registry as agents
    from harness.costs import token_counters
    from harness.datasets import dataset_formats
    from harness.metrics import metrics
    from harness.students import students

    found: Any = {
        "backends": agents.backends,
        "extractors": agents.extractors,
        "generators": agents.generators,
        "gates": agents.gates,
        "explainers": agents.explainers,
        "students": students,
        "tuners": agents.tuners,
        "datasets": dataset_formats,
        "metrics": metrics,
        "tokenizers": token_counters,
    }[kind]
    return [(name, found.get(name)) for name in found.names()]


def _row(name: str, thing: Any) -> dict[str, str | None]:
    base, _, version = name.rpartition(".v")
    about = getattr(thing, "summary", None) or (thing.__doc__ or "").split("\n")[0]
    return {
        "name": name,
        "version": f"v{version}" if base and version.isdigit() else None,
        "about": about,
        "source": getattr(thing, "source", "calldistil"),
    }


def _schemas() -> list[dict[str, str | None]]:
    from harness.relations import builtin_schemas, load_schema

    return [
        {
            "name": name,
            "version": None,
            "about": load_schema(name).title,
            "source": f"{len(load_schema(name).labels)} labels",
        }
        for name in builtin_schemas()
    ]


def _experiments() -> list[dict[str, str | None]]:
    from harness.cli._experiments import experiments
    from harness.pipeline import read_experiment

    rows: list[dict[str, str | None]] = []
    for name in experiments.names():
        file = experiments.get(name)
        read = read_experiment(file, base=file.parent)
        rows.append({"name": name, "version": None, "about": read.title, "source": file.name})
    return rows
