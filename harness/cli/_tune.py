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


class _Tuners(click.Group):
    """Every installed tuner is a command, beside those that do something with its adapters."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _tune

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from harness.registry import tuners

        with formatter.section("Tuners"):
            formatter.write_dl([(name, tuners.get(name).summary) for name in tuners])
        super().format_commands(ctx, formatter)


@click.group("tune", cls=_Tuners, subcommand_metavar="TUNER ROWS...")
def command() -> None:
    """Tune an LLM by TUNER (sft, dpo) on ROWS, one or more labelled files.

    `calldistil tune sft --help` lists the options. The commands below take adapters that are
    there already.
    """


@click.command("tuner")
@click.argument("rows", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--schema", "-s", required=True, help="Built-in schema or YAML file.")
@click.option("--format", "format_", help="Format of ROWS [guessed from the suffix].")
@click.option(
    "--option", "-O", multiple=True, metavar="KEY=VALUE", help="An option of the tuner, as model."
)
@click.option("--seed", default=1, help="Seed of everything random.")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="New folder.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@click.pass_context
def _tune(
    context: click.Context,
    rows: Sequence[Path],
    schema: str,
    format_: str | None,
    option: Sequence[str],
    seed: int,
    output: Path,
    quiet: bool,
) -> None:
    """Tune an LLM on ROWS, one or more labelled files.

    Writes OUTPUT/adapter (sft), or OUTPUT/first and OUTPUT/second (dpo), which the backends hf
    and llama_cpp take. Called again after an interruption, this goes on from the last
    checkpoint. Start it with accelerate launch to use several GPUs.
    """
    from harness.cli._single import progress_bar
    from harness.datasets import read_examples
    from harness.pipeline import SECONDS, Tune, checked_component, run_single
    from harness.registry import tuners
    from harness.relations import load_schema

    tuner = context.info_name or ""
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


@command.command("export-gguf", short_help="Write an adapter as a GGUF file for llama.cpp.")
@click.argument("adapter", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path), help="A new file [ADAPTER.gguf].")
@click.option("--model", "-m", help="Folder or hub name of its model [as the adapter says].")
@click.option(
    "--dtype", type=click.Choice(["f32", "f16", "q8_0"]), default="f32", show_default=True,
    help="Type of the weights in the file.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export_gguf(
    adapter: Path, output: Path | None, model: str | None, dtype: str, as_json: bool
) -> None:
    """Write ADAPTER, a folder with a LoRA adapter, as a GGUF file for llama.cpp.

    The backend llama_cpp takes it as its lora, and so do llama.cpp's own programs (--lora). Of
    the model only its config.json is read.
    """
    from harness.errors import CalldistilError
    from harness.protocols import ExportsAdapters
    from harness.registry import backends

    kind: object = backends.get("llama_cpp")
    if not isinstance(kind, ExportsAdapters):
        raise CalldistilError(
            "The backend 'llama_cpp' that is installed exports no adapters.",
            hint="Check the installation with: calldistil doctor",
        )
    file = adapter.parent / f"{adapter.resolve().name}.gguf" if output is None else output
    found = kind.export_adapter(adapter=adapter, file=file, model=model, dtype=dtype)
    if as_json:
        said = {"file": str(found.file), "layers": found.layers, "parameters": found.parameters}
        click.echo(json.dumps(said | {"bytes": found.size}))
    click.echo(
        f"{file}: an adapter of {found.layers} layers with {found.parameters:,} weights,"
        f" {found.size / 1e6:,.2f} MB",
        err=True,
    )
