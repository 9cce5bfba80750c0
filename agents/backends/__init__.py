"""Backends: what completes prompts."""

from agents.backends._recorded import RecordedBackend, RecordedOptions
from agents.backends._recording import RecordedAnswer, read_recordings, recording_key
from agents.backends._scripted import ScriptedBackend, ScriptedOptions, ScriptedReply
from agents.backends.hugging_face import HuggingFaceBackend, HuggingFaceOptions
from agents.backends.langchain_models import LangChainBackend, LangChainOptions
from agents.backends.openai_compatible import OpenAIBackend, OpenAIOptions

__all__ = [
    "HuggingFaceBackend",
    "HuggingFaceOptions",
    "LangChainBackend",
    "LangChainOptions",
    "OpenAIBackend",
    "OpenAIOptions",
    "RecordedAnswer",
    "RecordedBackend",
    "RecordedOptions",
    "ScriptedBackend",
    "ScriptedOptions",
    "ScriptedReply",
    "read_recordings",
    "recording_key",
]
