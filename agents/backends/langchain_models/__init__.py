"""LangChain's chat models as a backend."""

from agents.backends.langchain_models._backend import LangChainBackend
from agents.backends.langchain_models._options import LangChainOptions

__all__ = ["LangChainBackend", "LangChainOptions"]
