"""What an example and a schema are, and how marked text becomes spans and back."""

from harness.relations._example import Example, Mention, SpanError
from harness.relations._label import Label
from harness.relations._marked import (
    MarkedText,
    MarkedTextError,
    MarkFault,
    parse_marked,
    render_marked,
)
from harness.relations._prediction import Outcome, Prediction
from harness.relations._schema import Markers, PromptWords, Relation, Schema
from harness.relations._schema_file import builtin_schemas, load_schema, save_schema
from harness.relations._types import allowed_labels

__all__ = [
    "Example",
    "Label",
    "MarkFault",
    "MarkedText",
    "MarkedTextError",
    "Markers",
    "Mention",
    "Outcome",
    "Prediction",
    "PromptWords",
    "Relation",
    "Schema",
    "SpanError",
    "allowed_labels",
    "builtin_schemas",
    "load_schema",
    "parse_marked",
    "render_marked",
    "save_schema",
]
