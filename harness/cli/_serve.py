"""``calldistil serve``: an exported system over HTTP."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli._predict import RUNTIMES


@click.command("serve")
@click.argument("system", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    help="What a student runs on [what the folder says].",
)
@click.option(
    "--calls",
    type=click.Path(path_type=Path),
    help="Where an LLM's answers are stored [nowhere: they are gone at the end].",
)
@click.option("--batch", type=click.IntRange(1), default=256, help="Examples answered together.")
@click.option("--max-examples", type=click.IntRange(1), default=512, help="Of one request.")
@click.option("--max-bytes", type=click.IntRange(1), default=4 << 20, help="Of one request.")
def command(
    system: Path,
    host: str,
    port: int,
    runtime: str | None,
    calls: Path | None,
    batch: int,
    max_examples: int,
    max_bytes: int,
) -> None:
    """Serve SYSTEM, an exported folder or a saved student, over HTTP.

    POST /predict labels sentences; GET /health, /schema and /openapi.json say the rest. Any
    address but a loopback one needs a token, which requests carry as `Authorization: Bearer`: it
    is read from CALLDISTIL_TOKEN.
    """
    from harness.shipping import load_system, serve_system

    model = load_system(system, runtime=runtime, calls=calls)  # type: ignore[arg-type]
    try:
        serve_system(
            model,
            host=host,
            port=port,
            most_bytes=max_bytes,
            most_examples=max_examples,
            batch=batch,
            ready=lambda url: click.echo(f"{model.name} ({model.kind}): {url}", err=True),
        )
    finally:
        model.close()
