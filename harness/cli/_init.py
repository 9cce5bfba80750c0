"""``calldistil init``: a schema and an experiment file from labelled data."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import click


@click.command("init")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--na", "na_label", help="The label that says that no relation holds. Never guessed.")
@click.option("--format", "format_", help="Format of DATA; guessed from its suffix if left out.")
@click.option("--options", default="{}", help="Options of the format, as JSON.")
@click.option("--name", help="Name of the task [DATA's name].")
@click.option("--test", type=click.Path(path_type=Path), help="Labelled test data, if apart.")
@click.option("--model", default="gpt-4.1-mini", show_default=True, help="The LLM's name.")
@click.option("--base-url", help="Your own OpenAI-compatible server: http://localhost:8000/v1.")
@click.option(
    "--student", default="entity_marker", show_default=True, help="See: calldistil list students."
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), default=Path(), help="Folder to write to."
)
def command(
    data: Path,
    na_label: str | None,
    format_: str | None,
    options: str,
    name: str | None,
    test: Path | None,
    model: str,
    base_url: str | None,
    student: str,
    output: Path,
) -> None:
    """Write NAME.schema.yaml and NAME.experiment.yaml for labelled DATA.

    Descriptions of the relations are for you to fill in: prompts need them. Without --test, DATA
    is both training and test set until you name another, which `calldistil plan` reports.
    """
    from harness.datasets import guess_format, infer_schema, read_examples
    from harness.errors import ConfigError, Problem
    from harness.relations import save_schema

    try:
        chosen = json.loads(options)
    except ValueError as error:
        raise ConfigError(
            [Problem(f"--options is not JSON: {error}", 'write it as \'{"text": "sentence"}\'')]
        ) from None
    task = name or data.stem
    format_ = format_ or guess_format(data)
    examples = read_examples(data, format=format_, options=chosen)
    schema = infer_schema(examples, name=task, na_label=na_label)
    output.mkdir(parents=True, exist_ok=True)
    schema_file = output / f"{task}.schema.yaml"
    experiment_file = output / f"{task}.experiment.yaml"
    for file in (schema_file, experiment_file):
        if file.exists():
            raise ConfigError([Problem("the file is there already", "move it away", file)])
    save_schema(schema, schema_file)
    experiment_file.write_text(
        _EXPERIMENT.format(
            name=task,
            schema=schema_file.name,
            train=_entry(data, format_, chosen),
            test=_entry(test or data, format_, chosen),
            today=datetime.date.today().isoformat(),
            backend=_backend(model, base_url),
            price=_PRICE_OF_A_SERVER if base_url else _PRICE_OF_A_PROVIDER.format(_scalar(model)),
            student=student,
        ),
        encoding="utf-8",
    )
    click.echo(f"{schema_file}: {len(schema.labels)} labels; fill in the descriptions")
    click.echo(f"{experiment_file}: check the backend and the prices")
    click.echo(f"Then: calldistil plan {experiment_file}")


def _entry(file: Path, format_: str, options: object) -> str:
    entry = {"file": str(file.resolve()), "format": format_, "options": options}
    return json.dumps(entry, ensure_ascii=False)


def _backend(model: str, base_url: str | None) -> str:
    """The options of the backend, as YAML in one line."""
    where = f", base_url: {_scalar(base_url)}" if base_url else ""
    about = "" if base_url else "   # base_url: http://localhost:8000/v1 for your own"
    return f"{{model: {_scalar(model)}{where}}}{about}"


def _scalar(text: str) -> str:
    """A string as YAML, quoted where it needs to be."""
    plain = all(c.isascii() and (c.isalnum() or c in "._-") for c in text) and text[:1].isalpha()
    return text if plain else json.dumps(text)


# A server of one's own has nobody's list price: until something is declared, its cost is unknown.
_PRICE_OF_A_SERVER = """\
    # price: machine             # on a machine of yours, which costs machine_per_hour; or figures:
    # price: {input: 0.40, output: 1.60, date: 2026-01-31, source: "USD per million tokens"}"""
_PRICE_OF_A_PROVIDER = """\
    price: snapshot              # looked up by price_model; or `machine`, or your own figures
    price_model: {}"""

_EXPERIMENT = """\
# Written by `calldistil init`. See docs/experiments.md for every key.
calldistil: 1
name: {name}
schema: {schema}

data:
  train: {train}
  test: {test}

few_shot: {{source: train, k: 8}}
seeds: {{split: [1], generation: [0], training: [1, 2, 3]}}

backends:
  teacher:
    use: openai                  # any OpenAI-compatible server; others: calldistil list backends
    options: {backend}
    sampling: {{temperature: 0, max_tokens: 4096}}
    tokenizer: o200k_base        # counts where the server reports nothing
{price}

prices:
  date: {today}
  source: "say where you read them"
  machine_per_hour: 0.10         # USD, of the machine that trains and runs students
  # human_label: 0.10            # USD, of one label given by a human; left out, it is unknown

systems:
  llm: {{extractor: zero_shot, backend: teacher}}
  gold-8: {{student: {student}, train_on: [{{gold: few_shot}}]}}
  distilled:
    student: {student}
    train_on:
      - generated: {{generator: all_at_once, backend: teacher}}
      - gold: few_shot

reference: llm
candidate: distilled
verdict: {{tolerance: 2.0, volume: 1000000}}
"""
