"""Trained students and extractors as LangChain Runnables and tools.

They live here and not on the students themselves, since the harness knows no LLM framework.
LangChain is imported when one is made.
"""

from agents.langchain._make import as_runnable, as_tool, extractor_runnable, extractor_tool

__all__ = ["as_runnable", "as_tool", "extractor_runnable", "extractor_tool"]
