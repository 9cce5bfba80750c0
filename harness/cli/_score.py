"""``calldistil score``: a prediction file against a gold file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from harness.cli._table import FORMATS


@click.command("score")
@click.argument("gold", type=click.Path(path_type=Path))
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option("--schema", "-s", required=True, help="A built-in schema or a YAML file.")
@click.option("--gold-format", help="Format of GOLD; guessed from its suffix if left out.")
@click.option("--metric", "-m", help="Metric with an interval [the schema's own].")
@click.option("--official", is_flag=True, help="Print what SemEval's official scorer prints.")
@click.option("--table", type=click.Choice(("relations", "confusion")), default="relations")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="terminal")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    gold: Path,
    predictions: Path,
    schema: str,
    gold_format: str | None,
    metric: str | None,
    official: bool,
    table: Literal["relations", "confusion"],
    format_: str,
    as_json: bool,
) -> None:
    """Score PREDICTIONS (JSONL, or SemEval's answer format) against GOLD, joined by id.

    An answer that is missing or outside the schema counts as wrong; what it would be worth as
    NA or left out stands beside it.
    """
    from harness.datasets import read_examples, read_predictions
    from harness.metrics import format_official, join, semeval_official
    from harness.relations import load_schema
    from harness.report import render_score

    loaded = load_schema(schema)
    examples = read_examples(gold, format=gold_format, schema=loaded)
    answers = read_predictions(predictions, loaded)
    if official:
        labels = {e.id: e.relation or "" for e in examples}
        given = {p.example_id: p.label for p in answers if p.label is not None}
        click.echo(format_official(semeval_official(labels, given)), nl=False)
        return
    joined = join(examples, [answers], loaded)
    text = render_score(
        joined, "json" if as_json else format_, metric=metric, title=predictions.name, table=table
    )
    click.echo(text, nl=False)
