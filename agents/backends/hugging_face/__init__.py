"""Hugging Face transformers, in process: causal and sequence-to-sequence models."""

from agents.backends.hugging_face._backend import HuggingFaceBackend
from agents.backends.hugging_face._options import HuggingFaceOptions

__all__ = ["HuggingFaceBackend", "HuggingFaceOptions"]
