"""The models of ``benchmarks.tiny_models`` as GGUF files, for llama.cpp.

``python -m benchmarks.tiny_gguf MODEL FILE`` writes one, in float32. It reads byte-level BPE
tokenizers alone, and no more architectures than the tiny models have: convert others with
llama.cpp's own ``convert_hf_to_gguf.py``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["write_gguf"]

_ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
_NORMAL, _CONTROL = 1, 3  # types of tokens in a GGUF file


def write_gguf(model: Path, file: Path) -> Path:
    """Writes a tiny model as a GGUF file.

    Args:
        model: A folder that ``make_causal`` wrote.
        file: The file to write.

    Returns:
        ``file``.
    """
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    architecture = _ARCHITECTURES[config["model_type"]]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    writer = gguf.GGUFWriter(str(file), architecture)
    writer.add_name(model.name)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    _add_tokenizer(writer, model)
    codes = {name: code for code, name in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(codes[architecture], config["num_hidden_layers"])
    for name, values in load_file(model / "model.safetensors").items():
        if architecture == "llama" and ".q_proj." in name:
            values = _interleaved(values, heads)
        if architecture == "llama" and ".k_proj." in name:
            values = _interleaved(values, kv_heads)
        mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if mapped is None:
            raise ValueError(f"{architecture} has no place for {name}")
        writer.add_tensor(mapped, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _interleaved(values: NDArray[Any], heads: int) -> NDArray[Any]:
    """Rows of each head in the order 0, n/2, 1, n/2 + 1, ..., as llama.cpp's ``llama`` rotates."""
    size = len(values) // heads
    order = [i + half for i in range(size // 2) for half in (0, size // 2)]
    return np.concatenate([values[head * size :][:size][order] for head in range(heads)])


def _add_tokenizer(writer: Any, model: Path) -> None:
    document = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    settings = json.loads((model / "tokenizer_config.json").read_text(encoding="utf-8"))
    found = document["model"]["vocab"] | {t["content"]: t["id"] for t in document["added_tokens"]}
    special = {t["content"] for t in document["added_tokens"] if t["special"]}
    tokens = sorted(found, key=found.__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([_CONTROL if token in special else _NORMAL for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in document["model"]["merges"]])
    writer.add_bos_token_id(found[settings["pad_token"]])
    writer.add_eos_token_id(found[settings["eos_token"]])
    writer.add_pad_token_id(found[settings["pad_token"]])
    writer.add_add_bos_token(False)
    template = model / "chat_template.jinja"
    if template.is_file():
        writer.add_chat_template(template.read_text(encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes one; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tiny_gguf", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("file", type=Path)
    named = parser.parse_args(arguments)
    write_gguf(named.model, named.file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
