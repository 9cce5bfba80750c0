"""Hugging Face transformers, in process: causal and sequence-to-sequence models."""

from agents.backends.hugging_face._backend import HuggingFaceBackend
from agents.backends.hugging_face._identity import weights_hash
from agents.backends.hugging_face._loading import LoadedModel, load_model
from agents.backends.hugging_face._options import HuggingFaceOptions
from agents.backends.hugging_face._prompt import Prompter

__all__ = [
    "HuggingFaceBackend",
    "HuggingFaceOptions",
    "LoadedModel",
    "Prompter",
    "load_model",
    "weights_hash",
]
