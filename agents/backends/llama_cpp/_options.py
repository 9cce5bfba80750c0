"""Keys of the backend ``llama_cpp`` in an experiment file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field, field_validator

from harness.documents import FileModel, ResolvedPath
from harness.protocols import TunedAdapter

__all__ = ["HubFile", "LlamaCppOptions"]

HubFile: TypeAlias = Annotated[str, Field(pattern=r"^hf:[^/\s]+/[^/\s]+/\S+$")]
"""A file of the hub, as ``hf:owner/repository/file.gguf``."""


class LlamaCppOptions(FileModel):
    """Keys of the backend ``llama_cpp``.

    Attributes:
        model: A GGUF file, or ``hf:owner/repository/file.gguf``, which is fetched from the hub
            before the first answer.
        name: The model's name; left out, the file's name without its ending.
        lora: An adapter that is put onto the model: a GGUF file, the folder of a PEFT adapter, or
            ``{tuned: NAME}``: one that the experiment trains.
        context: Tokens that the cache holds, those of all sequences at work together. A prompt
            and its answer must fit in.
        batch: Most tokens evaluated at once.
        parallel: Most answers written at once.
        threads: Threads; left out, OMP_NUM_THREADS, else one per core that this process may use.
        gpu_layers: Layers kept on a GPU, where llama.cpp was built for one; -1 is all.
        chat_template: A file with a Jinja chat template, in place of the one in the model's file.
        max_tokens: Bound of an answer whose request has none.
        seed: Seed of requests that have none and are sampled.
    """

    model: HubFile | ResolvedPath
    name: str | None = Field(default=None, min_length=1)
    lora: ResolvedPath | TunedAdapter | None = None
    context: int = Field(default=8192, ge=64)
    batch: int = Field(default=512, ge=32, le=8192)
    parallel: int = Field(default=16, ge=1, le=128)
    threads: int | None = Field(default=None, ge=1)
    gpu_layers: int = Field(default=-1, ge=-1)
    chat_template: ResolvedPath | None = None
    max_tokens: int = Field(default=512, ge=1)
    seed: int = Field(default=0, ge=0)

    @field_validator("model", mode="before")
    @classmethod
    def _whole_hub_name(cls, value: object) -> object:
        if isinstance(value, str) and value.startswith("hf:") and value.count("/") < 2:
            raise ValueError("a file of the hub reads hf:owner/repository/file.gguf")
        return value

    @property
    def hub(self) -> tuple[str, str] | None:
        """Repository and file on the hub; None where the model is a local file."""
        if not isinstance(self.model, str):
            return None
        owner, repository, file = self.model.removeprefix("hf:").split("/", 2)
        return f"{owner}/{repository}", file

    @property
    def model_name(self) -> str:
        """The model's name in request keys and manifests."""
        if self.name is not None:
            return self.name
        return Path(self.model if self.hub is None else self.hub[1]).stem

    @property
    def deviations(self) -> dict[str, str]:
        """Options that change answers, where they are not the default."""
        found = {}
        if self.max_tokens != type(self).model_fields["max_tokens"].default:
            found["max_tokens"] = str(self.max_tokens)
        if self.seed != 0:
            found["seed"] = str(self.seed)
        if self.chat_template is not None:
            file = self.chat_template
            text = file.read_bytes() if file.is_file() else b"absent"
            found["chat_template"] = hashlib.sha256(text).hexdigest()
        return found

    @property
    def deviations_digest(self) -> str:
        """A hash of them; empty where there are none."""
        if not self.deviations:
            return ""
        return hashlib.sha256(json.dumps(self.deviations, sort_keys=True).encode()).hexdigest()
