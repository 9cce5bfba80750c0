"""Extractors: agents that label an example directly, and how their answers are read."""

from agents.extractors._parse import ParsedAnswer, Rule, parse_label_answer
from agents.extractors._zero_shot import ZeroShotExtractor, ZeroShotOptions

__all__ = [
    "ParsedAnswer",
    "Rule",
    "ZeroShotExtractor",
    "ZeroShotOptions",
    "parse_label_answer",
]
