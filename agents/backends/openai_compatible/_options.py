"""Keys of the backend ``openai`` in an experiment file."""

from __future__ import annotations

from typing import Any, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from harness.documents import FileModel

__all__ = ["OpenAIOptions", "Structured"]

Structured: TypeAlias = Literal["auto", "json_schema", "json_object", "grammar", "none"]
_OWN_FIELDS = frozenset({"model", "messages", "stream", "n", "max_tokens", "max_completion_tokens"})
_SECRET_WORDS = ("api_key", "apikey", "api-key", "authorization", "password", "secret")


class OpenAIOptions(FileModel):
    """Keys of the backend ``openai``.

    Attributes:
        model: Name of the model, as the server knows it.
        base_url: The server, as ``http://host:port/v1``; left out, ``OPENAI_BASE_URL`` or
            OpenAI's own.
        base_urls: Several servers of the same model, used as one pool.
        api_key_env: The environment variable that holds the key. The key itself has no place in
            a file.
        concurrency: Most requests under way at once; fewer while servers are overloaded.
        requests_per_minute: Most requests sent in any minute, repeated ones included.
        tokens_per_minute: Most tokens in any minute: prompts as estimated, answers as allowed,
            both put right by what the server reports.
        timeout_s: Seconds for one attempt.
        deadline_s: Seconds for all requests handed over together; later ones fail.
        max_retries: Attempts after the first for one request.
        structured: In which form a constraint is sent. ``auto`` begins with the strongest and
            steps down when a server refuses it.
        max_tokens_field: Which field bounds the answer. Left out: ``max_completion_tokens`` at
            OpenAI's own address and ``max_tokens`` elsewhere, which older servers alone know.
        answers_as: Names under which the model may answer, besides ``model`` and its dated
            versions.
        extra_body: Further fields of every request's body; they are part of the model's
            identity, and so of every request's key.
    """

    model: str = Field(min_length=1)
    base_url: str | None = None
    base_urls: tuple[str, ...] = ()
    # Capitals alone, so that a key written here by mistake is refused and never shown.
    api_key_env: str = Field(default="OPENAI_API_KEY", pattern=r"^[A-Z_][A-Z0-9_]*$")
    concurrency: int = Field(default=16, ge=1, le=1024)
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    timeout_s: float = Field(default=120.0, gt=0)
    deadline_s: float | None = Field(default=None, gt=0)
    max_retries: int = Field(default=6, ge=0, le=50)
    structured: Structured = "auto"
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    answers_as: tuple[str, ...] = ()
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _no_key(cls, values: Any) -> Any:
        if isinstance(values, dict) and "api_key" in values:
            raise ValueError(
                "a key has no place in a file: put it into an environment variable and name that"
                " with api_key_env"
            )
        return values

    @field_validator("base_url", "base_urls")
    @classmethod
    def _plain_url(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for url in (value,) if isinstance(value, str) else value or ():
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("a base URL reads http://host:port/v1 or https://...")
            if parts.username or parts.password or parts.query or parts.fragment:
                raise ValueError(
                    "a base URL carries no user, password, query or fragment; keys come from the"
                    " environment"
                )
        return value

    @field_validator("extra_body")
    @classmethod
    def _free_fields(cls, value: dict[str, Any]) -> dict[str, Any]:
        taken = sorted(_OWN_FIELDS & value.keys())
        if taken:
            raise ValueError(f"extra_body cannot set {', '.join(taken)}, which are set elsewhere")
        if any(word in name.lower() for name in value for word in _SECRET_WORDS):
            raise ValueError("extra_body holds no keys; they come from the environment")
        return value

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if self.base_url is not None and self.base_urls:
            raise ValueError("give base_url or base_urls, not both")
        if len(set(self.base_urls)) != len(self.base_urls):
            raise ValueError("base_urls names a server twice")
        return self

    @property
    def addresses(self) -> tuple[str | None, ...]:
        """The servers' base URLs; None is the client's own default."""
        return self.base_urls or (self.base_url,)

    @property
    def own_address(self) -> bool:
        """Whether the address is left to the client or is OpenAI's own."""
        return all(
            url is None or (urlsplit(url).hostname or "").endswith("api.openai.com")
            for url in self.addresses
        )
