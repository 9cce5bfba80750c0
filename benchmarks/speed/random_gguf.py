"""Small GGUF models with random weights, for tests and speed: real in everything but sense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

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
    words: Literal["gpt-2", "qwen2"] = "gpt-2",
    template: str | None = CHAT_TEMPLATE,
    spread: float = 3.0,
    answers: Mapping[str, str] | None = None,
) -> Path:
    """Writes a model whose weights are random.

    Args:
        path: The file.
        shape: Its size.
        seed: Of the weights.
        tokenizer: Byte-level BPE, or SentencePiece with byte fallback.
        merges: BPE merges as ``"left right"``, in order; each makes a token.
        words: Whose rule cuts a text into words, within which BPE merges.
        template: Chat template; None leaves it out.
        spread: Standard deviation of the logits, about.
        answers: By the last token of a prompt what is answered to it, surely; the weights are
            then no longer random. Only for the tokenizer ``bpe``.

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
    answers = dict(answers or {})
    tokens = _add_bpe(writer, merges, words, answers) if tokenizer == "bpe" else _add_spm(writer)
    writer.add_vocab_size(len(tokens))
    if template is not None:
        writer.add_chat_template(template)
    weights = _Weights(writer, shape, len(tokens), np.random.default_rng(seed), spread)
    if answers:
        weights.add_successors(
            {
                tokens.index(said): successor
                for question, answer in answers.items()
                for said, successor in (
                    (question, tokens.index(_byte_level(answer))),
                    (_byte_level(answer), tokens.index("<|im_end|>")),
                )
            }
        )
    else:
        weights.add_random()
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _byte_level(text: str) -> str:
    alphabet = byte_level_alphabet()
    return "".join(alphabet[byte] for byte in text.encode())


def _add_bpe(
    writer: Any, merges: Sequence[str], words: str, answers: Mapping[str, str]
) -> list[str]:
    tokens = [*byte_level_alphabet(), *(merge.replace(" ", "") for merge in merges)]
    tokens += map(_byte_level, answers.values())
    types = [_NORMAL] * len(tokens) + [_CONTROL] * len(_CONTROLS)
    tokens += _CONTROLS
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(words)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(list(merges))
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    return tokens


def _add_spm(writer: Any) -> list[str]:
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
    return tokens


@dataclass(frozen=True, slots=True)
class _Weights:
    """Writes the tensors."""

    writer: Any
    shape: GgufShape
    vocabulary: int
    random: np.random.Generator
    spread: float

    def add_random(self) -> None:
        """Every matrix at random, so that states keep their size."""
        shape = self.shape
        self._matrix("token_embd", self._noise(self.vocabulary, shape.width, shape.width**0.5))
        self._add_blocks(1.0)
        self._matrix("output", self._noise(self.vocabulary, shape.width, self.spread))

    def add_successors(self, successors: Mapping[int, int]) -> None:
        """Blocks that add nothing, so that a token alone decides what follows it."""
        width = self.shape.width
        if len(successors) > width:
            raise ValueError(f"{len(successors)} successors need a width of as many")
        states = np.zeros((self.vocabulary, width), dtype=np.float32)
        output = np.zeros((self.vocabulary, width), dtype=np.float32)
        for direction, (token, successor) in enumerate(successors.items()):
            states[token, direction] = 1
            output[successor, direction] = 4
        self._matrix("token_embd", states)
        self._add_blocks(0.0)
        self._matrix("output", output)

    def _add_blocks(self, scale: float) -> None:
        shape = self.shape
        narrow = shape.width // shape.heads * shape.kv_heads
        for layer in range(shape.layers):
            block = f"blk.{layer}"
            self._ones(f"{block}.attn_norm")
            self._matrix(f"{block}.attn_q", self._noise(shape.width, shape.width))
            self._matrix(f"{block}.attn_k", self._noise(narrow, shape.width))
            self._matrix(f"{block}.attn_v", self._noise(narrow, shape.width))
            self._matrix(f"{block}.attn_output", self._noise(shape.width, shape.width, scale))
            self._ones(f"{block}.ffn_norm")
            self._matrix(f"{block}.ffn_gate", self._noise(shape.hidden, shape.width))
            self._matrix(f"{block}.ffn_up", self._noise(shape.hidden, shape.width))
            self._matrix(f"{block}.ffn_down", self._noise(shape.width, shape.hidden, scale))
        self._ones("output_norm")

    def _noise(self, rows: int, columns: int, scale: float = 1.0) -> NDArray[np.float32]:
        weights = self.random.standard_normal((rows, columns), dtype=np.float32)
        return weights * np.float32(scale / columns**0.5)

    def _ones(self, name: str) -> None:
        self.writer.add_tensor(f"{name}.weight", np.ones(self.shape.width, dtype=np.float32))

    def _matrix(self, name: str, weights: NDArray[np.float32]) -> None:
        import gguf

        if not self.shape.quantized:
            self.writer.add_tensor(f"{name}.weight", weights)
            return
        kind = gguf.GGMLQuantizationType.Q8_0
        packed = gguf.quants.quantize(weights, kind)
        self.writer.add_tensor(f"{name}.weight", packed, raw_dtype=kind)
