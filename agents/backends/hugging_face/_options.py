"""Keys of the backend ``hf`` in an experiment file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationInfo, field_validator

from harness.documents import FileModel, ResolvedPath
from harness.protocols import TunedAdapter

__all__ = ["HuggingFaceOptions"]

_PATH: TypeAdapter[Path] = TypeAdapter(ResolvedPath)
_PATH_STARTS = (".", "/", "~", "${")


class HuggingFaceOptions(FileModel):
    """Keys of the backend ``hf``.

    Attributes:
        model: A folder with the model, or its name on the hub (``Qwen/Qwen2.5-7B-Instruct``).
        name: What the model is called in tables and prices; left out, the folder's or hub name.
        revision: Branch, tag or (best) commit on the hub.
        adapter: Folder of a PEFT adapter that is put onto the model, or ``{tuned: NAME}``: one that
            the experiment trains.
        device: ``auto`` takes CUDA, MPS or the CPU, in this order; ``spread`` lays the model over
            all GPUs; or a device of torch's, such as ``cuda:1``.
        dtype: ``auto`` takes bfloat16 on CUDA (float16 where it has none), float16 on MPS, and on
            the CPU bfloat16 where weights and processor have it, else float32.
        quantize: Loads the weights in 4 or 8 bits, by bitsandbytes.
        template: How messages become a prompt: the tokenizer's ``chat`` template, or ``plain``,
            their texts one after another with an empty line between. ``auto`` is ``chat``, and
            ``plain`` for sequence-to-sequence models without a template.
        template_options: Values for the chat template, such as ``{enable_thinking: false}``.
        context_length: Most tokens of prompt and answer; left out, what the model says.
        max_tokens: Most tokens of an answer whose request does not say.
        batch_size: Most requests evaluated at once; halved where memory does not suffice.
    """

    model: str = Field(min_length=1)
    name: str | None = Field(default=None, min_length=1)
    revision: str = Field(default="main", min_length=1)
    adapter: ResolvedPath | TunedAdapter | None = None
    device: str = Field(default="auto", pattern=r"^(auto|spread|cpu|mps|cuda(:\d+)?)$")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    quantize: Literal["none", "8bit", "4bit"] = "none"
    template: Literal["auto", "chat", "plain"] = "auto"
    template_options: dict[str, Any] = Field(default_factory=dict)
    context_length: int | None = Field(default=None, ge=8)
    max_tokens: int = Field(default=512, ge=1)
    batch_size: int = Field(default=16, ge=1, le=1024)

    @field_validator("model")
    @classmethod
    def _folder_or_hub_name(cls, value: str, info: ValidationInfo) -> str:
        """A folder is found from the file that names it; anything else is a hub name."""
        if value.startswith("~"):
            return str(Path(value).expanduser())
        is_path = value.startswith(_PATH_STARTS)
        path = _PATH.validate_python(value, context=info.context) if is_path else None
        if path is None and (base := (info.context or {}).get("base")) is not None:
            path = Path(base) / value
        return str(path) if path is not None and (is_path or path.is_dir()) else value

    @property
    def folder(self) -> Path | None:
        """The model's folder; None where it comes from the hub."""
        path = Path(self.model)
        return path if path.is_absolute() or path.is_dir() else None

    @property
    def model_name(self) -> str:
        """What the model is called."""
        if self.name is not None:
            return self.name
        return self.model if self.folder is None else self.folder.resolve().name
