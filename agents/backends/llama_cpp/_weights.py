"""The files of a model and its adapter: where they are, and their hashes."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from agents.backends.llama_cpp._options import LlamaCppOptions
from agents.backends.llama_cpp._peft_folder import CONFIG, WEIGHTS, peft_hash
from harness.errors import BackendError, MissingExtraError
from harness.protocols import TunedAdapter

__all__ = ["UNFETCHED", "fetched", "lora_hash", "lora_path", "weights_hash"]

UNFETCHED = "unfetched"
"""Stands for the hash of a file of the hub that is neither here nor within reach."""

_MAGIC = b"GGUF"


def fetched(options: LlamaCppOptions) -> Path:
    """The model's file, fetched from the hub if need be.

    Raises:
        BackendError: When it is absent, is no GGUF file, or the hub is out of reach.
        MissingExtraError: When the hub is to be asked and its client is not installed.
    """
    file = _local(options) or _download(options)
    with file.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise BackendError(
                f"{file} is not a GGUF file.",
                hint="Name a file in llama.cpp's format, which ends in .gguf.",
            )
    return file


def weights_hash(options: LlamaCppOptions) -> str:
    """The SHA-256 of the file, without fetching it.

    Of a file of the hub that is not here, the hash that the hub states; ``UNFETCHED`` where the
    hub is out of reach, so that a plan can be made.

    Raises:
        BackendError: When a local file is absent.
    """
    if (file := _local(options)) is not None:
        return _sha256(file, *_stamp(file))
    assert options.hub is not None  # a local file would be there, or be an error
    return _stated_hash(*options.hub)


def lora_path(options: LlamaCppOptions) -> Path | None:
    """The adapter's file or folder; None without one.

    Raises:
        BackendError: When it is absent, or still to be trained.
    """
    lora = options.lora
    if isinstance(lora, TunedAdapter):
        raise BackendError(
            f"The adapter {lora.tuned!r} is trained by an experiment alone.",
            hint="Name the file or folder of a finished one: lora: FILE",
        )
    if lora is not None and not lora.exists():
        raise BackendError(
            f"There is no file or folder {lora}.",
            hint="Name with lora: a GGUF file that calldistil tune export-gguf wrote, or the folder"
            " of an adapter.",
        )
    return lora


def lora_hash(options: LlamaCppOptions) -> str:
    """The SHA-256 of the adapter, of one in a folder that of what it does; empty without one.

    One that is still to be trained counts by its part; the stage that trains it counts besides.

    Raises:
        CalldistilError: When it is absent.
    """
    if isinstance(options.lora, TunedAdapter):
        return f"tuned:{options.lora.part}"
    if (lora := lora_path(options)) is None:
        return ""
    if lora.is_dir():
        return _peft_hash(lora, _stamp(lora / CONFIG), _stamp(lora / WEIGHTS))
    return _sha256(lora, *_stamp(lora))


@functools.lru_cache(maxsize=32)
def _peft_hash(folder: Path, config: tuple[int, int], weights: tuple[int, int]) -> str:
    return peft_hash(folder)


def _stamp(file: Path) -> tuple[int, int]:
    if not file.is_file():
        return 0, 0
    status = file.stat()
    return status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=32)
def _sha256(file: Path, size: int, changed_ns: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _local(options: LlamaCppOptions) -> Path | None:
    if options.hub is None:
        file = Path(options.model)
        if not file.is_file():
            raise BackendError(
                f"There is no file {file}.",
                hint="Name a GGUF file with model:, or one of the hub as"
                " hf:owner/repository/file.gguf.",
            )
        return file
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    found = try_to_load_from_cache(*options.hub)
    return Path(found) if isinstance(found, str) else None


@functools.lru_cache(maxsize=32)
def _stated_hash(repository: str, file: str) -> str:
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
    except ImportError:
        return UNFETCHED
    try:
        metadata = get_hf_file_metadata(hf_hub_url(repository, file), timeout=10)
    except Exception:  # whatever the client or the network throws: a plan goes on without
        return UNFETCHED
    return metadata.etag or UNFETCHED


def _download(options: LlamaCppOptions) -> Path:
    assert options.hub is not None
    repository, file = options.hub
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise MissingExtraError(
            package="huggingface_hub", extra="llamacpp", feature=f"Fetching {options.model}"
        ) from None
    try:
        return Path(hf_hub_download(repository, file))
    except Exception as error:  # the client throws its own, requests', httpx' and OS errors
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BackendError(
            f"{file} cannot be fetched from {repository} on the hub: {reason}",
            hint="Check the name and the network (and that HF_HUB_OFFLINE is not set), or fetch"
            " the file elsewhere and name it: model: FILE.gguf",
        ) from None
