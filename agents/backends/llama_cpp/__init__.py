"""llama.cpp in this process."""

from agents.backends.llama_cpp._backend import LlamaCppBackend
from agents.backends.llama_cpp._gguf_lora import LoraDtype, export_lora
from agents.backends.llama_cpp._options import LlamaCppOptions

__all__ = ["LlamaCppBackend", "LlamaCppOptions", "LoraDtype", "export_lora"]
