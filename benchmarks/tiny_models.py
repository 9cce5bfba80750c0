"""Models of a few thousand random weights, to try a whole path without a download.

``python -m benchmarks.tiny_models causal FOLDER`` writes one that transformers loads like any
other: safetensors, a byte-level BPE tokenizer and a chat template. Its answers mean nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

__all__ = ["CHAT_TEMPLATE", "make_causal", "make_seq2seq", "make_tokenizer"]

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
_SPECIAL = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
_TEXTS = (
    "The <e1>cup</e1> held <e2>tea</e2> . Ada works for Acme in Oslo and founded it there .",
    'The relation between head and tail is {"relation": "Cause-Effect(e1,e2)"} or "Other" .',
)


def make_tokenizer(texts: Iterable[str] = _TEXTS, *, size: int = 384) -> Any:
    """A byte-level BPE tokenizer trained on ``texts``: it gives every text back."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast: Any = PreTrainedTokenizerFast
    return fast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        additional_special_tokens=list(_SPECIAL[2:]),
    )


def make_causal(
    folder: Path,
    *,
    texts: Iterable[str] = _TEXTS,
    context: int = 512,
    width: int = 32,
    layers: int = 2,
    seed: int = 0,
    chat: bool = True,
    architecture: Literal["llama", "mistral", "qwen2", "qwen3"] = "llama",
) -> Path:
    """Writes a causal model."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = make_tokenizer(texts)
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    torch.manual_seed(seed)
    build: Any = AutoModelForCausalLM.from_config
    config = AutoConfig.for_model(
        architecture,
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=width // 4,
        max_position_embeddings=context,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.3,  # so that random answers differ from prompt to prompt
    )
    return _saved(build(config), tokenizer, folder)


def make_seq2seq(
    folder: Path, *, texts: Iterable[str] = _TEXTS, width: int = 32, seed: int = 0
) -> Path:
    """Writes a T5-like sequence-to-sequence model."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = make_tokenizer(texts)
    torch.manual_seed(seed)
    shape: Any = T5Config
    config = shape(
        vocab_size=len(tokenizer),
        d_model=width,
        d_kv=8,
        d_ff=2 * width,
        num_layers=2,
        num_heads=4,
        initializer_factor=1.0,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    return _saved(T5ForConditionalGeneration(config), tokenizer, folder)


def _saved(model: Any, tokenizer: Any, folder: Path) -> Path:
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes one; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tiny_models", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("kind", choices=("causal", "seq2seq"))
    parser.add_argument("folder", type=Path)
    named = parser.parse_args(arguments)
    make = make_causal if named.kind == "causal" else make_seq2seq
    make(named.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
