"""Which model answers, told from its files without loading it."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from agents.backends.hugging_face._options import HuggingFaceOptions
from harness.errors import BackendError
from harness.protocols import TunedAdapter

__all__ = ["deviations", "weights_hash"]

_KEPT = frozenset({".safetensors", ".json", ".jinja", ".model", ".txt"})
_LEFT_OUT = frozenset({"trainer_state.json", "all_results.json", "train_results.json"})
# Where an adapter was trained on says nothing of what it does.
_ADAPTER_PLACES = ("base_model_name_or_path", "revision")


def weights_hash(options: HuggingFaceOptions) -> str:
    """The hash of a local model's files, or where on the hub it lies; with its adapter's hash."""
    folder = options.folder
    base = f"hub:{options.model}@{options.revision}" if folder is None else _of_folder(folder)
    if options.adapter is None:
        return base
    if isinstance(options.adapter, TunedAdapter):  # not there yet; the stage that trains it counts
        return _digest({"base": base, "tuned": options.adapter.part})
    return _digest({"base": base, "adapter": _of_folder(options.adapter)})


def deviations(options: HuggingFaceOptions) -> dict[str, str]:
    """Options that change answers, where they are not the default."""
    found = {
        name: str(getattr(options, name))
        for name in ("dtype", "quantize", "template", "context_length", "max_tokens")
        if getattr(options, name) != HuggingFaceOptions.model_fields[name].default
    }
    if options.template_options:
        found["template_options"] = json.dumps(options.template_options, sort_keys=True)
    return found


def _of_folder(folder: Path) -> str:
    try:
        files = sorted(
            file
            for file in folder.iterdir()
            if file.suffix in _KEPT and file.name not in _LEFT_OUT and file.is_file()
        )
        return _digest({file.name: _of_file(file, _stamp(file)) for file in files})
    except FileNotFoundError:
        raise BackendError(
            f"There is no folder {folder}.", hint="Check model and adapter of the backend hf."
        ) from None
    except OSError as error:
        raise BackendError(
            f"{folder} cannot be read: {error.strerror or error}.",
            hint="Check model and adapter of the backend hf.",
        ) from None


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=1024)
def _of_file(file: Path, stamp: tuple[int, int]) -> str:
    """SHA-256 of a file; read again only when its size or time has changed."""
    if file.name == "adapter_config.json":
        config = json.loads(file.read_text(encoding="utf-8"))
        return _digest({key: config[key] for key in config if key not in _ADAPTER_PLACES})
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest(document: object) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
