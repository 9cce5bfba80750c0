"""Keys are read from the environment and taken out of everything that leaves the backend."""

from __future__ import annotations

import os

from agents.backends.openai_compatible._options import OpenAIOptions
from harness.errors import BackendError

__all__ = ["Secret"]


class Secret:
    """An API key that does not show itself.

    Raises:
        BackendError: When OpenAI's own address needs a key and there is none.
    """

    __slots__ = ("_value", "is_set")

    def __init__(self, options: OpenAIOptions) -> None:
        value = os.environ.get(options.api_key_env, "").strip()
        self.is_set = bool(value)
        if not value and options.own_address and not os.environ.get("OPENAI_BASE_URL"):
            raise BackendError(
                f"The environment variable {options.api_key_env} is not set.",
                hint=f"Put the key into it: export {options.api_key_env}=..., or name a server of"
                " your own with base_url.",
            )
        self._value = value or "none"  # local servers want none, and the client wants some

    def reveal(self) -> str:
        """The key, for the client alone."""
        return self._value

    def hide(self, text: str) -> str:
        """``text`` without the key."""
        return text.replace(self._value, "[key]") if self.is_set else text

    def __repr__(self) -> str:
        return "Secret([key])"
