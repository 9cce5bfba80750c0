"""OpenAI-compatible servers: one or a pool, with limits, retries, deadlines and batch files."""

from agents.backends.openai_compatible._backend import OpenAIBackend
from agents.backends.openai_compatible._options import OpenAIOptions, Structured

__all__ = ["OpenAIBackend", "OpenAIOptions", "Structured"]
