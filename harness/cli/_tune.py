"""``calldistil tune``: an adapter of an LLM, without an experiment file."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from harness.cli._options import options_of


@click.command("tune")
@click.argument("tuner")
@click.argument("rows", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--schema", "-s", required=True, help="Built-in schema or YAML file.")
@click.option("--format", "format_", help="Format of ROWS [guessed from the suffix].")
@click.option(
    "--option", "-O", multiple=True, metavar="KEY=VALUE", help="An option of the tuner, as model."
)
@click.option("--seed", default=1, help="Seed of everything random.")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="New folder.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def command(
    tuner: str,
    rows: Sequence[Path],
    schema: str,
    format_: str | None,
    option: Sequence[str],
    seed: int,
    output: Path,
    quiet: bool,
) -> None:
    """Tune an LLM by TUNER (sft, dpo) on ROWS, one or more labelled files.

    Writes OUTPUT/adapter (sft), or OUTPUT/first and OUTPUT/second (dpo), which the backend hf
    takes as its adapter. Called again after an interruption, this goes on from the last
    checkpoint. Start it with accelerate launch to use several GPUs.
    """
    from harness.cli._single import progress_bar
    from harness.datasets import read_examples
    from harness.pipeline import SECONDS, Tune, checked_component, run_single
    from harness.registry import tuners
    from harness.relations import load_schema

    loaded = load_schema(schema)
    found = checked_component(tuners, tuner, options_of(tuners, tuner, option, "--option"), Path())
    stage = Tune(tuner=found.name, options=found.options, schema=loaded, seed=seed)
    inputs = {
        f"source{index}": read_examples(file, format=format_, schema=loaded)
        for index, file in enumerate(rows)
    }
    # Of several processes on one model the first writes; the others go through the same motions.
    first = os.environ.get("RANK", "0") == "0"
    with ExitStack() as closing:
        own = output if first else Path(closing.enter_context(tempfile.TemporaryDirectory()))
        quiet = quiet or not first
        progress = closing.enter_context(progress_bar(f"tune {found.name}", quiet=quiet))
        measures = run_single(
            stage,
            inputs=inputs,
            output=own,
            progress=progress,
            checkpoints=output / ".draft-checkpoints",
        )
    if first:
        said = json.dumps({"seconds": measures.seconds})
        (output / SECONDS).write_text(said, encoding="utf-8")  # for who takes the adapter over
        click.echo(
            f"{output}: {found.name} tuned on {measures.units} items"
            f" in {measures.seconds or 0:.1f} s",
            err=True,
        )
