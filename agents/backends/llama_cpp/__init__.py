"""llama.cpp in this process."""

from agents.backends.llama_cpp._backend import LlamaCppBackend
from agents.backends.llama_cpp._options import LlamaCppOptions

__all__ = ["LlamaCppBackend", "LlamaCppOptions"]
