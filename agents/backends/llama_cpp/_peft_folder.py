"""The folder of a PEFT adapter, read without PEFT or torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from harness.errors import CalldistilError

__all__ = ["CONFIG", "WEIGHTS", "LowRank", "PeftAdapter", "peft_hash", "read_peft"]

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"

_FORMATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_PREFIX = "base_model.model."
_NAME = re.compile(rf"^{re.escape(_PREFIX)}(?P<layer>.+)\.lora_(?P<side>[AB])\.weight$")
# The model's own weights, which PEFT keeps with an adapter of its output layer.
_UNCHANGED = ".base_layer.weight"
# Where an adapter was trained on says nothing of what it does.
_PLACES = ("base_model_name_or_path", "revision")
# What makes of an adapter more than one low-rank sum per layer.
_MORE = (
    "use_dora",
    "modules_to_save",
    "trainable_token_indices",
    "target_parameters",
    "layer_replication",
    "lora_bias",
    "fan_in_fan_out",
    "alora_invocation_tokens",
    "use_qalora",
    "use_bdlora",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
    "velora_config",
)
# First weights that leave the model's own as they are; PiSSA, OLoRA and kin change them.
_PLAIN_STARTS = (None, True, False, "true", "gaussian", "eva", "orthogonal")


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """What an adapter adds to one layer's weights: ``alpha / rank * up @ down``.

    Attributes:
        down: PEFT's A, float32 of shape (rank, inputs).
        up: PEFT's B, float32 of shape (outputs, rank).
    """

    down: NDArray[np.float32]
    up: NDArray[np.float32]

    @property
    def rank(self) -> int:
        """Rank of the sum."""
        return int(self.down.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class PeftAdapter:
    """A LoRA adapter (Hu et al. 2021).

    Attributes:
        model: Folder or hub name of the model that it was trained on, as the folder says.
        revision: That model's revision on the hub.
        alpha: Its scale is ``alpha / rank``; where PEFT scales a layer otherwise, by
            ``alpha_pattern`` or ``use_rslora``, the layer's ``up`` makes up for it.
        layers: Name of a layer in the model to what is added to it.
    """

    model: str | None
    revision: str | None
    alpha: float
    layers: Mapping[str, LowRank]


def read_peft(folder: Path) -> PeftAdapter:
    """Reads a LoRA adapter.

    Raises:
        CalldistilError: When there is none, or it is more than one low-rank sum per layer.
    """
    config = _config(folder)
    _refuse_more(folder, config)
    alpha = float(config["lora_alpha"]) or 1.0  # llama.cpp reads 0 as 1
    sides: dict[str, dict[str, NDArray[np.float32]]] = {}
    others = []
    for name, values in _tensors(folder / WEIGHTS).items():
        if name.endswith(_UNCHANGED):
            continue
        if (found := _NAME.match(name)) is None:
            others.append(name)
        else:
            sides.setdefault(found["layer"], {})[found["side"]] = values
    others += [f"{layer} (one half)" for layer, both in sides.items() if len(both) < 2]
    if others or not sides:
        what = f"weights that are no LoRA of a layer: {others[0]}" if others else "no weights"
        raise CalldistilError(
            f"The adapter {folder} holds {what}.",
            hint="Train one on linear layers alone, without modules_to_save or new tokens, or"
            " merge it into its model and convert that.",
        )
    layers = {
        name: LowRank(both["A"], both["B"] * _factor(config, name, both["A"].shape[0], alpha))
        for name, both in sorted(sides.items())
    }
    return PeftAdapter(
        model=config.get("base_model_name_or_path"),
        revision=config.get("revision"),
        alpha=alpha,
        layers=layers,
    )


def peft_hash(folder: Path) -> str:
    """The SHA-256 of what an adapter does, wherever it lies and was trained.

    Raises:
        CalldistilError: When there is none.
    """
    config = _config(folder)
    kept = {key: config[key] for key in config if key not in _PLACES}
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode())
    digest.update(_bytes(folder / WEIGHTS))
    return digest.hexdigest()


def _config(folder: Path) -> Mapping[str, Any]:
    file = folder / CONFIG
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        near = sorted(str(f.parent) for f in folder.glob(f"*/{CONFIG}"))
        raise CalldistilError(
            f"There is no adapter in {folder}: it has no {CONFIG}.",
            hint=f"Name one of its folders: {', '.join(near)}"
            if near
            else "Name the folder that calldistil tune, or PEFT, wrote.",
        ) from None
    except (OSError, ValueError) as error:
        raise CalldistilError(
            f"{file} cannot be read: {error}", hint="Write the adapter again."
        ) from None
    if not isinstance(found, dict):
        raise CalldistilError(f"{file} is no adapter's.", hint="Write the adapter again.")
    return found


def _refuse_more(folder: Path, config: Mapping[str, Any]) -> None:
    reasons = [f"{key}: {config[key]}" for key in _MORE if config.get(key)]
    if config.get("peft_type") != "LORA":
        reasons.insert(0, f"peft_type: {config.get('peft_type')}")
    if config.get("task_type") not in (None, "CAUSAL_LM"):
        reasons.append(f"task_type: {config['task_type']}")
    if config.get("bias", "none") != "none":
        reasons.append(f"bias: {config['bias']}")
    if config.get("init_lora_weights") not in _PLAIN_STARTS:
        reasons.append(f"init_lora_weights: {config['init_lora_weights']}")
    if not isinstance(config.get("lora_alpha"), int | float):
        reasons.append(f"lora_alpha: {config.get('lora_alpha')}")
    if reasons:
        raise CalldistilError(
            f"The adapter {folder} has no form that llama.cpp knows: {'; '.join(reasons)}.",
            hint="Plain LoRA of causal models can be exported. Use this adapter on the backend hf,"
            " or merge it into its model and convert that.",
        )


def _factor(config: Mapping[str, Any], layer: str, rank: int, alpha: float) -> np.float32:
    """By how much PEFT's scale of a layer differs from ``alpha / rank``."""
    patterns = config.get("alpha_pattern") or {}
    own = next((a for key, a in patterns.items() if re.match(rf"(.*\.)?({key})$", layer)), None)
    scale = (config["lora_alpha"] if own is None else own) / alpha
    return np.float32(scale * (rank**0.5 if config.get("use_rslora") else 1.0))


def _tensors(file: Path) -> dict[str, NDArray[np.float32]]:
    library: Any = safetensors  # compiled, and partly without types
    try:
        found = library.deserialize(_bytes(file))
    except safetensors.SafetensorError as error:
        raise CalldistilError(
            f"{file} cannot be read: {error}", hint="Write the adapter again."
        ) from None
    tensors = {}
    for name, entry in found:
        if entry["dtype"] not in _FORMATS:
            raise CalldistilError(
                f"{file} holds {name} as {entry['dtype']}, which is no weight of an adapter.",
                hint=f"Write it as one of {', '.join(_FORMATS)}.",
            )
        values = np.frombuffer(entry["data"], dtype=_FORMATS[entry["dtype"]])
        if entry["dtype"] == "BF16":  # the upper half of a float32
            values = (values.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = values.reshape(entry["shape"]).astype(np.float32)
    return tensors


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise CalldistilError(
            f"There is no file {file}.",
            hint="Save the adapter as safetensors: model.save_pretrained(FOLDER)",
        ) from None
