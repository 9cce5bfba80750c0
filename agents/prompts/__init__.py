"""Prompts: versioned template files, and the messages rendered from them.

A template's name carries a version because its wording is part of a result. A changed wording
is a new file; the old one stays, since recordings are found by the exact messages.
"""

from agents.prompts._label_line import label_line, label_lines, requested_label_line
from agents.prompts._labelling import (
    AnswerForm,
    Demonstration,
    labelling_messages,
    shown_labels,
)
from agents.prompts._na_kinds import NA_REQUESTS
from agents.prompts._render import (
    explain_messages,
    extract_messages,
    generate_messages,
    render,
    template_names,
)
from agents.prompts._statement import bracketed, label_statement

__all__ = [
    "NA_REQUESTS",
    "AnswerForm",
    "Demonstration",
    "bracketed",
    "explain_messages",
    "extract_messages",
    "generate_messages",
    "label_line",
    "label_lines",
    "label_statement",
    "labelling_messages",
    "render",
    "requested_label_line",
    "shown_labels",
    "template_names",
]
