"""``calldistil predict``: a saved or exported system on new text."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.shipping import System

RUNTIMES = ("torch", "onnx", "int8", "openvino")


@click.command("predict")
@click.argument("system", type=click.Path(path_type=Path))
@click.argument("text", type=click.Path(path_type=Path), default="-")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Write here instead of to stdout."
)
@click.option("--probabilities", is_flag=True, help="Write every label's probability.")
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    help="What a student runs on: its weights, or its exported graph [what the folder says].",
)
@click.option(
    "--calls",
    type=click.Path(path_type=Path),
    help="Where an LLM's answers are stored [OUTPUT.calls.sqlite; without OUTPUT they are not].",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def command(
    system: Path,
    text: Path,
    output: Path | None,
    probabilities: bool,
    runtime: str | None,
    calls: Path | None,
    quiet: bool,
) -> None:
    """Label TEXT (a file, or - for stdin) with SYSTEM, an exported folder or a saved student.

    TEXT is JSON Lines in the project's own format, or one sentence per line with its arguments
    marked: The <e1>cup</e1> held <e2>tea</e2>. Each line of the answer is
    {"id", "relation", "probability"}. Lines are read as they come, in flat memory.

    OUTPUT is there whole or not at all: an interrupted call leaves its rows beside it, and the
    same call goes on from there.
    """
    from harness.cli._single import progress_bar
    from harness.shipping import load_system, predict_file

    if calls is None and output is not None and not output.is_dir():
        calls = output.with_name(f"{output.name}.calls.sqlite")
    model = load_system(system, runtime=runtime, calls=calls)  # type: ignore[arg-type]
    try:
        if output is None or str(text) == "-":
            _stream(model, text, output, probabilities)
            return
        with progress_bar(f"predict {text.name}", quiet=quiet) as progress:
            done = predict_file(
                model,
                text,
                output,
                identity=f"{system.resolve()} {runtime}",
                probabilities=probabilities,
                progress=progress,
            )
    finally:
        model.close()
    before = f", {done.found} of them from before" if done.found else ""
    click.echo(f"{output}: {done.rows} answers{before}", err=True)


def _stream(model: System, text: Path, output: Path | None, probabilities: bool) -> None:
    """Answers as they come, from any stream to any stream."""
    from harness.errors import DataError, Problem
    from harness.shipping import answer_row, read_chunks

    piped = str(text) == "-"
    try:
        source = sys.stdin if piped else text.open(encoding="utf-8")
    except OSError as error:
        what = f"the text cannot be read: {error.strerror}"
        raise DataError([Problem(what, "check the path", text)]) from None
    aside = None if output is None else output.with_name(f"{output.name}.part")
    target = sys.stdout if aside is None else aside.open("w", encoding="utf-8")
    try:
        lines = enumerate(source, start=1)
        for examples in read_chunks(lines, model.schema, Path("<stdin>") if piped else text):
            for answer in model.answer(examples):
                row = answer_row(answer, probabilities=probabilities)
                target.write(json.dumps(row, ensure_ascii=False) + "\n")
            target.flush()
    finally:
        if source is not sys.stdin:
            source.close()
        if target is not sys.stdout:
            target.close()
    if aside is not None and output is not None:
        aside.replace(output)
