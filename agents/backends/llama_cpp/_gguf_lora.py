"""A LoRA adapter as a GGUF file, which llama.cpp lays over a model when it loads it."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from numpy.typing import NDArray

from agents.backends.llama_cpp._peft_folder import LowRank, PeftAdapter, read_peft
from harness.errors import CalldistilError, MissingExtraError
from harness.protocols import AdapterFile

__all__ = ["LoraDtype", "LoraModel", "as_gguf", "export_lora"]

LoraDtype: TypeAlias = Literal["f32", "f16", "q8_0"]

# Architectures whose layers keep their names and shapes: by that of transformers, llama.cpp's.
_ARCHITECTURES = {
    "LlamaForCausalLM": "llama",
    "MistralForCausalLM": "llama",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
}
# Those whose GGUF files hold the rows of queries and keys in another order.
_REORDERED = frozenset({"llama"})
_LINEAR = re.compile(r"^(blk\.\d+\.(attn_[qkv]|attn_output|ffn_(gate|up|down))|output)\.weight$")
_BLOCK = 32  # values that share a scale in q8_0


@dataclass(frozen=True, slots=True)
class LoraModel:
    """What must be known of a model to export an adapter for it.

    Attributes:
        architecture: Name of its architecture in GGUF files.
        layers: Number of transformer blocks.
        heads: Attention heads.
        kv_heads: Heads of keys and values.
        tied: Whether its output layer is its embedding.
    """

    architecture: str
    layers: int
    heads: int
    kv_heads: int
    tied: bool = False

    @classmethod
    def of_config(cls, config: Mapping[str, Any], name: str) -> LoraModel:
        """Reads transformers' ``config.json``.

        Raises:
            CalldistilError: When adapters of its architecture cannot be exported.
        """
        said = next(iter(config.get("architectures") or ()), None)
        if said not in _ARCHITECTURES:
            raise _unknown(f"The model {name} is a {said}", _ARCHITECTURES)
        heads = int(config["num_attention_heads"])
        return cls(
            architecture=_ARCHITECTURES[said],
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            tied=bool(config.get("tie_word_embeddings")),
        )

    @classmethod
    def of_metadata(cls, text_of: Callable[[str], str | None]) -> LoraModel:
        """Reads a GGUF model's metadata.

        Raises:
            CalldistilError: When adapters of its architecture cannot be exported.
        """
        said = text_of("general.architecture") or "none"
        if said not in _ARCHITECTURES.values():
            raise _unknown(f"The model's architecture is {said}", set(_ARCHITECTURES.values()))
        heads = text_of(f"{said}.attention.head_count") or ""
        kv_heads = text_of(f"{said}.attention.head_count_kv") or heads
        layers = text_of(f"{said}.block_count") or ""
        if not (heads.isdecimal() and kv_heads.isdecimal() and layers.isdecimal()):
            raise CalldistilError(
                "The model's file does not say how many heads each of its layers has.",
                hint="Export the adapter for the model it was trained on: calldistil tune"
                " export-gguf ADAPTER",
            )
        return cls(said, int(layers), int(heads), int(kv_heads))


def export_lora(
    adapter: Path, file: Path, *, model: str | None = None, dtype: LoraDtype = "f32"
) -> AdapterFile:
    """Writes a PEFT adapter as a GGUF file, whole or not at all.

    Args:
        adapter: The adapter's folder.
        file: The file to write; it must not be there.
        model: Folder or hub name of the model it was trained on, of which ``config.json`` is
            read; left out, the one that the adapter names.
        dtype: Type of the weights. ``q8_0`` packs rows of 32: the rank must be a multiple of it.

    Raises:
        CalldistilError: When the file is there, or the adapter cannot be exported.
        MissingExtraError: When ``gguf`` is not installed.
    """
    if dtype not in get_args(LoraDtype):
        raise CalldistilError(
            f"An adapter cannot be written as {dtype!r}.",
            hint=f"Choose one of {', '.join(get_args(LoraDtype))}.",
        )
    if file.exists():
        raise CalldistilError(
            f"{file} is there already.", hint="Remove it, or name another with --output."
        )
    found = read_peft(adapter)
    name = model or found.model
    if name is None:
        raise CalldistilError(
            f"The adapter {adapter} does not say which model it was trained on.",
            hint="Name it: --model FOLDER, or its name on the hub.",
        )
    revision = found.revision if model is None else None
    return _written(found, LoraModel.of_config(_config(name, revision), name), file, dtype)


@contextmanager
def as_gguf(adapter: Path, text_of: Callable[[str], str | None]) -> Iterator[Path]:
    """An adapter's GGUF file: ``adapter`` itself, or one in passing where it is PEFT's folder.

    Args:
        adapter: File or folder.
        text_of: Reads the metadata of the GGUF model that takes it.

    Raises:
        CalldistilError: When it cannot be exported.
        MissingExtraError: When it is a folder and ``gguf`` is not installed.
    """
    if not adapter.is_dir():
        yield adapter
        return
    with tempfile.TemporaryDirectory(prefix="calldistil-") as passing:
        file = Path(passing) / "adapter.gguf"
        _written(read_peft(adapter), LoraModel.of_metadata(text_of), file, "f32")
        yield file


def _written(adapter: PeftAdapter, model: LoraModel, file: Path, dtype: LoraDtype) -> AdapterFile:
    gguf = _library()
    tensors: dict[str, NDArray[Any]] = {}
    for name, layer in _mapped(adapter, model, gguf).items():
        tensors[f"{name}.lora_a"] = layer.down
        tensors[f"{name}.lora_b"] = layer.up
    kind = gguf.GGMLQuantizationType[dtype.upper()]
    for name, values in tensors.items():
        if kind == gguf.GGMLQuantizationType.Q8_0 and values.shape[1] % _BLOCK:
            raise CalldistilError(
                f"{name} has rows of {values.shape[1]}, and q8_0 packs {_BLOCK} values at a time.",
                hint=f"Write it as f16, or tune with a rank that is a multiple of {_BLOCK}.",
            )
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as draft:
        writer = gguf.GGUFWriter(str(Path(draft) / file.name), model.architecture)
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, adapter.alpha)
        for name, values in tensors.items():
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        (Path(draft) / file.name).replace(file)
    return AdapterFile(
        file=file,
        layers=len(adapter.layers),
        parameters=sum(values.size for values in tensors.values()),
        size=file.stat().st_size,
    )


def _mapped(adapter: PeftAdapter, model: LoraModel, gguf: Any) -> dict[str, LowRank]:
    """The adapter's layers by their names in GGUF files, rows in the order of these."""
    codes = {name: code for code, name in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(codes[model.architecture], model.layers)
    found = {}
    for layer, added in adapter.layers.items():
        name = names.get_name(f"{layer}.weight", try_suffixes=(".weight",)) or ""
        if not _LINEAR.match(name):
            raise CalldistilError(
                f"The adapter changes {layer}, which is no linear layer that an adapter for"
                f" {model.architecture} with {model.layers} layers can change.",
                hint="Check that it is the model it was trained on, or tune other targets:.",
            )
        if name == "output.weight" and model.tied:
            raise CalldistilError(
                f"The adapter changes {layer}, which the model shares with its embedding, so that"
                " its GGUF file has no such layer.",
                hint="Tune without it: leave it out of targets:.",
            )
        found[name] = _reordered(layer, name, added, model)
    return found


def _reordered(layer: str, name: str, added: LowRank, model: LoraModel) -> LowRank:
    """Queries and keys of a head with its two halves interleaved, as ``llama`` rotates them.

    transformers rotates dimension i with i + half a head, llama.cpp's ``llama`` neighbours;
    ``LlamaModel.permute`` of llama.cpp's convert_hf_to_gguf.py orders the rows likewise.
    """
    if model.architecture not in _REORDERED or not name.endswith(
        ("attn_q.weight", "attn_k.weight")
    ):
        return added
    heads = model.kv_heads if name.endswith("attn_k.weight") else model.heads
    rows, rank = added.up.shape
    if rows % (2 * heads):
        raise CalldistilError(
            f"The adapter's {layer} has {rows} rows, which do not fit {heads} heads.",
            hint="Check that it is the model it was trained on.",
        )
    halves = added.up.reshape(heads, 2, rows // heads // 2, rank)
    return LowRank(added.down, halves.swapaxes(1, 2).reshape(rows, rank))


def _config(name: str, revision: str | None) -> Mapping[str, Any]:
    file = Path(name).expanduser() / "config.json"
    if not file.is_file():
        file = _fetched(name, revision)
    try:
        found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CalldistilError(
            f"{file} cannot be read: {error}", hint="Check the model's folder."
        ) from None
    return found


def _fetched(name: str, revision: str | None) -> Path:
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise MissingExtraError(
            package="huggingface_hub", extra="llamacpp", feature=f"Fetching {name}"
        ) from None
    try:
        return Path(hf_hub_download(name, "config.json", revision=revision))
    except Exception as error:  # the client throws its own, requests', httpx' and OS errors
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CalldistilError(
            f"The model {name} is neither a folder here nor within reach on the hub: {reason}",
            hint="Name the model that the adapter was trained on: --model FOLDER",
        ) from None


def _unknown(what: str, known: Any) -> CalldistilError:
    return CalldistilError(
        f"{what}, whose adapters cannot be exported.",
        hint=f"Known are {', '.join(sorted(known))}. Use the adapter on the backend hf, or merge"
        " it into its model and convert that.",
    )


def _library() -> Any:
    try:
        import gguf
    except ImportError:
        raise MissingExtraError(
            package="gguf", extra="llamacpp", feature="Writing an adapter for llama.cpp"
        ) from None
    return gguf
