"""Decoding parameters in an experiment file, and presets of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError, model_validator

from harness.documents import FileModel
from harness.errors import ConfigError, Problem
from harness.protocols import Sampling

__all__ = ["SAMPLING_PRESETS", "SamplingEntry", "checked_sampling"]

SAMPLING_PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Li, Dai and Li 2025 (arXiv 2505.23108), for the local models that write samples.
    "li2025": {"temperature": 0.4, "top_p": 0.9, "top_k": 20, "repetition_penalty": 1.15},
}


class SamplingEntry(FileModel):
    """Decoding parameters; what is left out is the backend's choice.

    Attributes:
        max_tokens: Upper bound on generated tokens, which also bounds the plan's cost.
        temperature: Softmax temperature; 0 is greedy.
        top_p: Nucleus mass.
        top_k: Number of candidates kept.
        repetition_penalty: Factor on repeated tokens' logits (1 is none).
        seed: Seed of the sampler.
        stop: Strings that end the answer.
        log_probabilities: Whether answers come with their log-probability, where the backend
            offers it; a direct system's confidence is made of it.

    In a file, ``sampling: NAME`` or a key ``preset: NAME`` stands for the values of a preset; keys
    beside it go before its values.
    """

    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    repetition_penalty: float | None = Field(default=None, gt=0)
    seed: int | None = None
    stop: tuple[str, ...] = ()
    log_probabilities: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"preset": value}
        if not isinstance(value, Mapping) or "preset" not in value:
            return value
        name, own = value["preset"], {k: v for k, v in value.items() if k != "preset"}
        if name not in SAMPLING_PRESETS:
            known = ", ".join(SAMPLING_PRESETS)
            raise ValueError(f"{name!r} is not a known preset, must be one of: {known}")
        return {**SAMPLING_PRESETS[name], **own}

    def to_sampling(self) -> Sampling:
        """The same as the value that requests carry."""
        return Sampling(**self.model_dump())


def checked_sampling(values: Mapping[str, Any]) -> Sampling:
    """Decoding parameters from a mapping.

    Raises:
        ConfigError: With everything that is wrong in it.
    """
    try:
        return SamplingEntry.model_validate(dict(values)).to_sampling()
    except ValidationError as error:
        known = ", ".join((*SamplingEntry.model_fields, "preset"))
        raise ConfigError(
            [
                Problem(
                    f"sampling {'.'.join(map(str, d['loc']))}: "
                    + d["msg"].removeprefix("Value error, "),
                    f"known: {known}",
                )
                for d in error.errors(include_url=False)
            ]
        ) from None
