"""Extractors: agents that label an example directly, and how their answers are read."""

from agents.extractors._few_shot import FewShotExtractor, FewShotOptions
from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.extractors._parse import ParsedAnswer, Rule, parse_label_answer
from agents.extractors._rag4re import Rag4reExtractor, Rag4reOptions
from agents.extractors._retrieval import RetrievalExtractor, RetrievalOptions
from agents.extractors._zero_shot import ZeroShotExtractor, ZeroShotOptions

__all__ = [
    "ExtractorOptions",
    "FewShotExtractor",
    "FewShotOptions",
    "LabelExtractor",
    "ParsedAnswer",
    "Rag4reExtractor",
    "Rag4reOptions",
    "RetrievalExtractor",
    "RetrievalOptions",
    "Rule",
    "ZeroShotExtractor",
    "ZeroShotOptions",
    "parse_label_answer",
]
