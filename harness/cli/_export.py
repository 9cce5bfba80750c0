"""``calldistil export``: a system of a run in a folder of its own."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("system")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), required=True, help="A new folder."
)
@click.option(
    "--seed", type=int, help="Training seed to export [the first declared; never the best]."
)
@click.option("--onnx", is_flag=True, help="Write a student as ONNX too, and measure it.")
@click.option("--int8", is_flag=True, help="And with 8-bit weights; implies --onnx.")
@click.option("--licence", "--license", help="Name of the licence, for the model card.")
@click.option("--json", "as_json", is_flag=True, help="Print what was measured as JSON.")
def command(
    run: Path,
    system: str,
    output: Path,
    seed: int | None,
    onnx: bool,
    int8: bool,
    licence: str | None,
    as_json: bool,
) -> None:
    """Export SYSTEM of RUN, a finished run's folder, with all that it takes to run it elsewhere.

    A student's folder holds its weights, tokenizer, schema and model card; a direct system's its
    prompts, schema, decoding and backend settings, without keys; a cascade's both and the
    threshold. `calldistil predict` and `calldistil serve` run any of them.
    """
    from harness.shipping import export_system

    exported = export_system(
        run, system, output, seed=seed, onnx=onnx or int8, int8=int8, licence=licence
    )
    if as_json:
        click.echo(json.dumps([asdict(runtime) for runtime in exported.runtimes]))
    else:
        for found in exported.runtimes:
            click.echo(
                f"{found.runtime}: {found.metric} {found.score:.2f} on {found.examples} examples,"
                f" {found.lost:.2f} lost, {found.agreement:.2%} the same answers"
            )
    click.echo(f"{output}: {exported.about.kind} {system}", err=True)
