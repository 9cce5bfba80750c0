"""Small GGUF models with random weights, for tests and speed: real in everything but sense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

__all__ = ["CHAT_TEMPLATE", "GgufShape", "byte_level_alphabet", "write_random_gguf"]

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML, as Qwen2.5 and SmolLM2 use it."""

_CONTROLS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6  # types of tokens in a GGUF file
_SPM_PIECES = " etaoinshrdlucmfwypvbgkjqxzCEOTPMI-(),.:{}\"'0123456789_"


@dataclass(frozen=True, slots=True)
class GgufShape:
    """Size of a model of the llama architecture.

    Attributes:
        layers: Transformer blocks.
        width: Size of a token's state.
        heads: Attention heads.
        kv_heads: Heads of keys and values.
        hidden: Size of the feed-forward layer.
        context: Context that the file claims.
        quantized: Whether matrices are Q8_0 (rows of a multiple of 32), else float32.
    """

    layers: int = 2
    width: int = 64
    heads: int = 4
    kv_heads: int = 2
    hidden: int = 96
    context: int = 4096
    quantized: bool = False


def byte_level_alphabet() -> list[str]:
    """The 256 characters by which byte-level BPE writes bytes (GPT-2), in order of the bytes."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def write_random_gguf(
    path: Path,
    *,
    shape: GgufShape | None = None,
    seed: int = 0,
    tokenizer: Literal["bpe", "spm"] = "bpe",
    merges: Sequence[str] = ("r e", "l a", "t i", "o n", "re la", "ti on", "Ġ t", "h e"),
    template: str | None = CHAT_TEMPLATE,
    spread: float = 3.0,
) -> Path:
    """Writes a model whose weights are random.

    Args:
        path: The file.
        shape: Its size.
        seed: Of the weights.
        tokenizer: Byte-level BPE, or SentencePiece with byte fallback.
        merges: BPE merges as ``"left right"``, in order; each makes a token.
        template: Chat template; None leaves it out.
        spread: Standard deviation of the logits, about.

    Returns:
        ``path``.
    """
    import gguf

    shape = shape or GgufShape()
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name(path.stem)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    size = _add_bpe(writer, merges) if tokenizer == "bpe" else _add_spm(writer)
    writer.add_vocab_size(size)
    if template is not None:
        writer.add_chat_template(template)
    _add_weights(writer, shape, size, np.random.default_rng(seed), spread)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_bpe(writer: Any, merges: Sequence[str]) -> int:
    tokens = [*byte_level_alphabet(), *(merge.replace(" ", "") for merge in merges)]
    types = [_NORMAL] * len(tokens) + [_CONTROL] * len(_CONTROLS)
    tokens += _CONTROLS
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(list(merges))
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    return len(tokens)


def _add_spm(writer: Any) -> int:
    pieces = [piece.replace(" ", "▁") for piece in (*_SPM_PIECES, " t", "re", "la", "rela")]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    types = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_NORMAL] * len(pieces)]
    tokens += _CONTROLS
    types += [_CONTROL] * len(_CONTROLS)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 259 + [-float(n) for n in range(len(tokens) - 259)])
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    return len(tokens)


def _add_weights(
    writer: Any, shape: GgufShape, size: int, random: np.random.Generator, spread: float
) -> None:
    import gguf

    quantized = gguf.GGMLQuantizationType.Q8_0

    def matrix(name: str, rows: int, columns: int, scale: float = 1.0) -> None:
        weights = random.standard_normal((rows, columns), dtype=np.float32)
        weights *= np.float32(scale / np.sqrt(columns))
        if shape.quantized:
            packed = gguf.quants.quantize(weights, quantized)
            writer.add_tensor(f"{name}.weight", packed, raw_dtype=quantized)
        else:
            writer.add_tensor(f"{name}.weight", weights)

    def ones(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(shape.width, dtype=np.float32))

    narrow = shape.width // shape.heads * shape.kv_heads
    matrix("token_embd", size, shape.width, np.sqrt(shape.width))
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        ones(f"{block}.attn_norm")
        matrix(f"{block}.attn_q", shape.width, shape.width)
        matrix(f"{block}.attn_k", narrow, shape.width)
        matrix(f"{block}.attn_v", narrow, shape.width)
        matrix(f"{block}.attn_output", shape.width, shape.width)
        ones(f"{block}.ffn_norm")
        matrix(f"{block}.ffn_gate", shape.hidden, shape.width)
        matrix(f"{block}.ffn_up", shape.hidden, shape.width)
        matrix(f"{block}.ffn_down", shape.width, shape.hidden)
    ones("output_norm")
    matrix("output", size, shape.width, spread)
