"""``calldistil quickstart``: the embedded demo."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli._experiments import experiments
from harness.cli._run import run_and_print
from harness.cli._table import FORMATS


@click.command("quickstart")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="The run's folder [runs/newsroom-demo]."
)
@click.option("--live", is_flag=True, help="Ask a local model in place of the recording.")
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="With --live: a GGUF file; left out, a small one is fetched from the hub.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="With --live: sentences to label for the test, and for training; 0 is all.",
)
@click.option("--yes", "-y", is_flag=True, help="With --live: fetch the model without asking.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="terminal")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def command(
    output: Path | None,
    live: bool,
    model: Path | None,
    limit: int,
    yes: bool,
    format_: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run the embedded newsroom demo on a recorded LLM: no key, no network, nothing paid.

    The demo's text is invented and its test set was written by the same kind of LLM that
    answers it: it shows the tool and proves nothing about an LLM.

    With --live a local model answers (llama.cpp in process, extra llamacpp), against a student
    trained on its labels and one trained on gold.
    """
    file = experiments.get("newsroom-demo")
    if not live:
        if model is not None:
            raise click.UsageError("--model is for --live")
        run_and_print(
            file, output=output, store=None, format_="json" if as_json else format_, quiet=quiet
        )
        return
    from harness.cli._live_demo import agree_to_fetch, live_experiment

    if model is None:
        agree_to_fetch(yes=yes)
    folder = output or Path("runs") / "newsroom-live"
    demo = file.resolve().parents[1] / "demo"
    # Beside the run's folder, which is the run's own.
    inputs = folder.with_name(f"{folder.name}-input")
    written = live_experiment(inputs, demo=demo, model=model, limit=limit)
    run_and_print(
        written, output=folder, store=None, format_="json" if as_json else format_, quiet=quiet
    )
