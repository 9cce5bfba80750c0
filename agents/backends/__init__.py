"""Backends: what completes prompts."""

from agents.backends._recorded import RecordedBackend, RecordedOptions
from agents.backends._recording import RecordedAnswer, read_recordings, recording_key
from agents.backends._scripted import ScriptedBackend, ScriptedOptions, ScriptedReply
from agents.backends._stored import StoredBackend, StoredOptions
from agents.backends.hugging_face import HuggingFaceBackend, HuggingFaceOptions
from agents.backends.langchain_models import LangChainBackend, LangChainOptions
from agents.backends.llama_cpp import LlamaCppBackend, LlamaCppOptions
from agents.backends.openai_compatible import OpenAIBackend, OpenAIOptions

__all__ = [
    "HuggingFaceBackend",
    "HuggingFaceOptions",
    "LangChainBackend",
    "LangChainOptions",
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
