"""The demo with a local model in place of the recording."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import click
import yaml

from harness.errors import ConfigError, Problem

__all__ = ["LIVE_MODEL", "agree_to_fetch", "live_experiment"]

LIVE_MODEL = "hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q8_0.gguf"
_SIZE = "about 680 MB"
_LICENCE = "Apache-2.0"


def agree_to_fetch(*, yes: bool) -> None:
    """Says what would be fetched, and asks."""
    click.echo(
        f"The model: {LIVE_MODEL.removeprefix('hf:')} of the Hugging Face hub, {_SIZE}, licence"
        f" {_LICENCE}. It is fetched once, unless it is in the hub's cache.",
        err=True,
    )
    if not yes:
        click.confirm("Fetch it?", default=True, abort=True, err=True)


def live_experiment(folder: Path, *, demo: Path, model: Path | None, limit: int) -> Path:
    """Writes the demo's experiment for a local model into a folder, and names the file.

    Args:
        folder: The run's folder; made when absent.
        demo: Folder of the demo's data.
        model: A GGUF file; None is ``LIVE_MODEL``.
        limit: Sentences that are labelled for the test, and as many for training; 0 is all.

    Raises:
        ConfigError: When the model's file is absent.
    """
    if model is not None and not model.is_file():
        raise ConfigError([Problem(f"there is no file {model}", "name a GGUF file with --model")])
    folder.mkdir(parents=True, exist_ok=True)
    data: dict[str, Any] = {
        "few_shot": {"file": str(demo / "few_shot.jsonl"), "format": "jsonl"},
    }
    for split, name in (("test", "test"), ("train", "dev")):
        file = folder / f"live-{name}.jsonl"
        with (demo / f"{name}.jsonl").open(encoding="utf-8") as rows:
            file.write_text("".join(itertools.islice(rows, limit or None)), encoding="utf-8")
        data[split] = {"file": file.name, "format": "jsonl"}
    asks = {"extractor": "zero_shot.v1", "backend": "local", "options": {"constrained": True}}
    document = {
        "calldistil": 1,
        "name": "newsroom-live",
        "title": "Newsroom demo: a local model against students trained on its labels and on gold",
        "schema": "newsroom-demo",
        "data": data,
        "few_shot": {"source": "file"},
        "seeds": {"training": [1]},
        "backends": {
            "local": {
                "use": "llama_cpp",
                "options": {"model": str(model.resolve()) if model else LIVE_MODEL},
                "sampling": {"temperature": 0, "max_tokens": 48},
                "price": "machine",
            }
        },
        "prices": {
            "date": "2026-11-20",
            "assumed": True,
            "source": "as in the recorded demo; the local model is paid for as machine time",
            "machine_per_hour": 0.10,
            "human_label": 0.10,
        },
        "systems": {
            "llm": asks,
            "labelled": {"student": "linear.v1", "train_on": [{"labelled": asks}]},
            "gold": {"student": "linear.v1", "train_on": [{"gold": "few_shot"}]},
        },
        "reference": "llm",
    }
    file = folder / "live.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file
