"""A saved neural student's weights, checked piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import torch
from torch import nn

from harness.errors import ArtefactError, ConfigError
from harness.students._backbone import load_encoder, load_tokenizer
from harness.students._network import Network
from harness.students._restored_style import restore_style
from harness.students._saved import SAVE_AGAIN

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["restore_network", "restore_style"]

N = TypeVar("N", bound=Network)


def restore_network(
    folder: Path, build: Callable[[PreTrainedModel], N]
) -> tuple[PreTrainedTokenizerBase, N]:
    """Reads tokenizer, encoder and classifier from a folder.

    Args:
        folder: What ``save`` wrote.
        build: Makes the untrained network around an encoder.

    Raises:
        ArtefactError: When a file is absent, broken, or does not fit the others.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for name in ("config.json", "model.safetensors", "tokenizer.json", "classifier.safetensors"):
        if not (folder / name).is_file():
            raise ArtefactError(f"{folder} lacks the student's {name}.", hint=SAVE_AGAIN)
    try:
        tokenizer = load_tokenizer(str(folder))
        with torch.random.fork_rng(devices=[]):  # loading leaves the caller's generator alone
            encoder = load_encoder(str(folder))
            model = build(encoder)
        model.classifier.load_state_dict(load_file(folder / "classifier.safetensors"))
    except ConfigError as error:
        raise ArtefactError(
            f"The student in {folder} cannot be read: {error.problems[0].what}", hint=SAVE_AGAIN
        ) from None
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise ArtefactError(
            f"The student's classifier in {folder} cannot be read: {error}", hint=SAVE_AGAIN
        ) from None
    rows = cast(nn.Embedding, encoder.get_input_embeddings()).num_embeddings
    if rows < len(tokenizer):
        raise ArtefactError(
            f"The tokenizer in {folder} has {len(tokenizer)} words, its encoder {rows}.",
            hint=SAVE_AGAIN,
        )
    model.eval()
    return tokenizer, model
