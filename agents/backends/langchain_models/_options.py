"""Keys of the backend ``langchain`` in an experiment file."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field, field_validator

from harness.documents import FileModel

__all__ = ["ConstraintField", "LangChainOptions"]

ConstraintField: TypeAlias = Literal["auto", "response_format", "format", "none"]
_SECRET_WORDS = ("api_key", "apikey", "api-key", "authorization", "password", "secret", "token")


class LangChainOptions(FileModel):
    """Keys of the backend ``langchain``.

    Attributes:
        model: ``provider:model`` as ``init_chat_model`` reads it (``anthropic:claude-...``). Only
            the providers that LangChain lists can be named here; any other chat model object is
            handed over from Python.
        parameters: Further arguments of the chat model, such as ``base_url`` or ``timeout``.
            Keys have no place in a file; the provider's package reads its environment variable.
        name: What the model is called in tables and prices; left out, the part after the colon.
        max_concurrency: Most requests under way at once.
        constraint: The argument in which the model takes a JSON schema: ``response_format``
            (OpenAI and those like it), ``format`` (Ollama) or ``none``; ``auto`` goes by the
            model's class.
    """

    model: str = Field(pattern=r"^[a-z0-9_]+:.+$")
    parameters: dict[str, Any] = Field(default_factory=dict)
    name: str | None = Field(default=None, min_length=1)
    max_concurrency: int = Field(default=16, ge=1, le=1024)
    constraint: ConstraintField = "auto"

    @field_validator("parameters")
    @classmethod
    def _no_keys(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            # max_tokens and its like hold none.
            if not name.startswith("max_") and any(word in name.lower() for word in _SECRET_WORDS):
                raise ValueError(
                    f"{name} has no place in a file: put the key into the environment variable"
                    " that the provider's package reads"
                )
        return value

    @property
    def model_name(self) -> str:
        """What the model is called."""
        return self.name or self.model.partition(":")[2]
