"""``calldistil train``: a student, without an experiment file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from harness.cli._options import options_of


@click.command("train")
@click.argument("rows", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--schema", "-s", required=True, help="Built-in schema or YAML file.")
@click.option("--format", "format_", help="Format of ROWS [guessed from the suffix].")
@click.option("--student", default="entity_marker", help="See: calldistil list students.")
@click.option(
    "--option", "-O", multiple=True, metavar="KEY=VALUE", help="An option of the student."
)
@click.option("--seed", default=1, help="Training seed.")
@click.option("--dev", type=click.Path(path_type=Path), help="Labelled development set.")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="New folder.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def command(
    rows: Sequence[Path],
    schema: str,
    format_: str | None,
    student: str,
    option: Sequence[str],
    seed: int,
    dev: Path | None,
    output: Path,
    quiet: bool,
) -> None:
    """Train a student on ROWS, one or more labelled files; saves it in OUTPUT/model.

    Of two rows with one id that of the earlier file stays.
    """
    from harness.cli._single import progress_bar
    from harness.datasets import read_examples
    from harness.pipeline import Train, checked_component, run_single
    from harness.relations import load_schema
    from harness.students import students

    loaded = load_schema(schema)
    found = checked_component(
        students, student, options_of(students, student, option, "--option"), Path()
    )
    inputs = {
        f"source{index}": read_examples(file, format=format_, schema=loaded)
        for index, file in enumerate(rows)
    }
    if dev is not None:
        inputs["dev"] = read_examples(dev, format=format_, schema=loaded)
    stage = Train(student=found.name, options=found.options, schema=loaded, seed=seed)
    with progress_bar(f"train {found.name}", quiet=quiet) as progress:
        measures = run_single(stage, inputs=inputs, output=output, progress=progress)
    click.echo(
        f"{output / 'model'}: {found.name} trained on {measures.units} rows"
        f" in {measures.seconds or 0:.1f} s",
        err=True,
    )
