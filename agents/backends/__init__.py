"""Backends: what completes prompts."""

from agents.backends._recorded import RecordedBackend, RecordedOptions
from agents.backends._recording import RecordedAnswer, read_recordings, recording_key
from agents.backends._scripted import ScriptedBackend, ScriptedOptions, ScriptedReply
from agents.backends._stored import StoredBackend, StoredOptions
from agents.backends.llama_cpp import LlamaCppBackend, LlamaCppOptions
from agents.backends.openai_compatible import OpenAIBackend, OpenAIOptions

__all__ = [
    "LlamaCppBackend",
    "LlamaCppOptions",
    "OpenAIBackend",
    "OpenAIOptions",
    "RecordedAnswer",
    "RecordedBackend",
    "RecordedOptions",
    "ScriptedBackend",
    "ScriptedOptions",
    "ScriptedReply",
    "StoredBackend",
    "StoredOptions",
    "read_recordings",
    "recording_key",
]
