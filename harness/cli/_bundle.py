"""``calldistil bundle``: pack a run with its calls."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("bundle")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The zip file to write.",
)
@click.option("--data", is_flag=True, help="Pack the data files too: mind their licences.")
@click.option("--artefacts", is_flag=True, help="Pack finished stages, trained models among them.")
@click.option(
    "--hashes-only",
    is_flag=True,
    help="Pack the hash of each request instead of its text, which holds sentences of the data.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the table of contents as JSON.")
def command(
    run: Path, output: Path, data: bool, artefacts: bool, hashes_only: bool, as_json: bool
) -> None:
    """Pack RUN, the folder of a run, so that someone else can replay it without an LLM."""
    from harness.pipeline import bundle_run

    contents = bundle_run(run, output, data=data, artefacts=artefacts, requests=not hashes_only)
    if as_json:
        click.echo(contents.model_dump_json(indent=1))
    click.echo(f"{output}: {contents.calls:,} calls. Then: calldistil replay {output}", err=True)
    if not data:
        click.echo(
            "The data files are not in it: whoever replays it needs them at the same paths.",
            err=True,
        )
