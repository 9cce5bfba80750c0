"""Extractors: agents that label an example directly, and how their answers are read."""

from agents.extractors._ask import ask
from agents.extractors._dynamic_examples import DynamicExamplesExtractor, DynamicExamplesOptions
from agents.extractors._explain_then_label import ExplainThenLabelExtractor, ExplainThenLabelOptions
from agents.extractors._few_shot import FewShotExtractor, FewShotOptions
from agents.extractors._hierarchical import HierarchicalExtractor, HierarchicalOptions
from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.extractors._mbre import MBreExtractor, MBreOptions, dissimilar_groups
from agents.extractors._multiple_choice import MultipleChoiceExtractor, MultipleChoiceOptions
from agents.extractors._parse import ParsedAnswer, Rule, parse_label_answer
from agents.extractors._rag4re import Rag4reExtractor, Rag4reOptions
from agents.extractors._reflective import ReflectiveExtractor, ReflectiveOptions
from agents.extractors._retrieval import RetrievalExtractor, RetrievalOptions
from agents.extractors._schema_extractor import (
    SchemaExtractor,
    SchemaOptions,
    label_probabilities,
)
from agents.extractors._self_consistency import SelfConsistencyExtractor, SelfConsistencyOptions
from agents.extractors._summarize_ask import SummarizeAskExtractor, SummarizeAskOptions
from agents.extractors._zero_shot import ZeroShotExtractor, ZeroShotOptions

__all__ = [
    "DynamicExamplesExtractor",
    "DynamicExamplesOptions",
    "ExplainThenLabelExtractor",
    "ExplainThenLabelOptions",
    "ExtractorOptions",
    "FewShotExtractor",
    "FewShotOptions",
    "HierarchicalExtractor",
    "HierarchicalOptions",
    "LabelExtractor",
    "MBreExtractor",
    "MBreOptions",
    "MultipleChoiceExtractor",
    "MultipleChoiceOptions",
    "ParsedAnswer",
    "Rag4reExtractor",
    "Rag4reOptions",
    "ReflectiveExtractor",
    "ReflectiveOptions",
    "RetrievalExtractor",
    "RetrievalOptions",
    "Rule",
    "SchemaExtractor",
    "SchemaOptions",
    "SelfConsistencyExtractor",
    "SelfConsistencyOptions",
    "SummarizeAskExtractor",
    "SummarizeAskOptions",
    "ZeroShotExtractor",
    "ZeroShotOptions",
    "ask",
    "dissimilar_groups",
    "label_probabilities",
    "parse_label_answer",
]
