"""What an answer says: a label of the schema, or which kind of fault."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agents.extractors._free_text import Reading, is_refusal, read_free_text, unwrapped
from agents.extractors._json_answer import json_values
from agents.extractors._label_forms import LabelForms, label_forms
from agents.reasoning import visible_answer
from harness.protocols import FinishReason
from harness.relations import Outcome, Schema

__all__ = ["ParsedAnswer", "Rule", "parse_label_answer"]


class Rule(StrEnum):
    """Which rule decided how an answer was read."""

    JSON_EXACT = "json_exact"
    JSON_NORMALISED = "json_normalised"
    EXACT = "exact"
    NORMALISED = "normalised"
    STATED = "stated"
    MENTIONED = "mentioned"
    DIRECTION_MISSING = "direction_missing"
    UNKNOWN_LABEL = "unknown_label"
    NO_LABEL = "no_label"
    SEVERAL_LABELS = "several_labels"
    NO_TEXT = "no_text"
    FINISH_REASON = "finish_reason"
    REFUSAL_WORDS = "refusal_words"


_OUTCOMES = {
    Rule.DIRECTION_MISSING: Outcome.INVALID_LABEL,
    Rule.UNKNOWN_LABEL: Outcome.INVALID_LABEL,
    Rule.NO_LABEL: Outcome.INVALID_LABEL,
    Rule.SEVERAL_LABELS: Outcome.AMBIGUOUS,
    Rule.NO_TEXT: Outcome.EMPTY,
    Rule.REFUSAL_WORDS: Outcome.REFUSED,
}


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """How an answer was read.

    Attributes:
        label: The label, if ``outcome`` is ``PARSED``.
        outcome: Kind of outcome.
        rule: The rule that decided.
    """

    label: str | None
    outcome: Outcome
    rule: Rule

    def __post_init__(self) -> None:
        if (self.label is not None) != (self.outcome is Outcome.PARSED):
            raise ValueError(f"an answer {self.outcome} cannot have the label {self.label!r}")


def parse_label_answer(
    text: str, schema: Schema, finish: FinishReason = FinishReason.UNKNOWN
) -> ParsedAnswer:
    """Reads the label that an answer gives. Tolerant of form, exact in meaning.

    Reasoning before the answer is left out. Then, the first that applies:

    1. JSON with a relation, alone, fenced or inside prose: its value is the label, ignoring
       case and how the label's words are joined (``Cause_Effect(E1, E2)``).
    2. The whole answer is a label, in the same sense, with quotes or a full stop around it.
    3. An explicit statement ("the relation is ...", "Answer: ...") names one label.
    4. The text mentions one label. Labels that are ordinary words (``Other``, ``acquired``)
       count where they stand alone, in a list or in quotes; negated ones do not count.

    Several different labels are ambiguous. A label without its direction in a directed schema
    is invalid: the direction is never guessed. An answer that was cut off and gives no label is
    ``CUT_OFF``, whatever else is wrong with it.

    Args:
        text: The answer as given.
        schema: The labels that were offered.
        finish: Why the answer ended.

    >>> from harness.relations import load_schema
    >>> schema = load_schema("semeval-2010-task-8")
    >>> parse_label_answer("It is cause_effect (E1, E2).", schema).label
    'Cause-Effect(e1,e2)'
    >>> parse_label_answer("Cause-Effect", schema).rule
    <Rule.DIRECTION_MISSING: 'direction_missing'>
    """
    if finish is FinishReason.REFUSAL:
        return ParsedAnswer(None, Outcome.REFUSED, Rule.FINISH_REASON)
    visible = visible_answer(text)
    if not visible.reasoning_ended:
        return ParsedAnswer(None, Outcome.CUT_OFF, Rule.NO_TEXT)
    forms = label_forms(schema)
    answer = visible.text.strip()
    found = _read(answer, forms)
    if finish is FinishReason.LENGTH and (
        found.label is None or _may_go_on(answer, found.label, forms)
    ):
        return ParsedAnswer(None, Outcome.CUT_OFF, found.rule)
    return found


def _read(answer: str, forms: LabelForms) -> ParsedAnswer:
    if not answer:
        return _fault(Rule.NO_TEXT)
    if answer in forms:
        return ParsedAnswer(answer, Outcome.PARSED, Rule.EXACT)
    unescaped = answer.replace("\\_", "_")  # Markdown, which is not JSON
    if values := json_values(answer) or json_values(unescaped):
        return _read_values(values, forms)
    answer = unescaped
    whole = unwrapped(answer)
    if not whole:
        return _fault(Rule.NO_TEXT)
    if (label := forms.label(whole)) is not None:
        rule = Rule.EXACT if whole == label else Rule.NORMALISED
        return ParsedAnswer(label, Outcome.PARSED, rule)
    found = read_free_text(answer, forms)
    if found.label is not None:
        rule = Rule.STATED if found.reading is Reading.STATED else Rule.MENTIONED
        return ParsedAnswer(found.label, Outcome.PARSED, rule)
    if found.reading is Reading.SEVERAL:
        return _fault(Rule.SEVERAL_LABELS)
    if found.reading is Reading.DIRECTION_MISSING:
        return _fault(Rule.DIRECTION_MISSING)
    if is_refusal(answer):
        return _fault(Rule.REFUSAL_WORDS)
    # A short answer is a label that the schema does not have; a long one names none.
    short = found.reading is Reading.FOREIGN or len(whole.split()) <= 3
    return _fault(Rule.UNKNOWN_LABEL if short else Rule.NO_LABEL)


def _read_values(values: tuple[object, ...], forms: LabelForms) -> ParsedAnswer:
    """Reads the values that the answer's JSON objects give for the relation."""
    readings = {_read_value(value, forms) for value in values}
    labels = {reading.label for reading in readings}
    if len(labels) > 1 or (labels == {None} and len(set(map(str, values))) > 1):
        return _fault(Rule.SEVERAL_LABELS)
    return _read_value(values[0], forms)


def _read_value(value: object, forms: LabelForms) -> ParsedAnswer:
    if not isinstance(value, str):
        return _fault(Rule.UNKNOWN_LABEL)
    if value in forms:
        return ParsedAnswer(value, Outcome.PARSED, Rule.JSON_EXACT)
    bare = unwrapped(value)
    if not bare:
        return _fault(Rule.NO_TEXT)
    if (label := forms.label(bare)) is not None:
        return ParsedAnswer(label, Outcome.PARSED, Rule.JSON_NORMALISED)
    if forms.relation(bare) is not None:
        return _fault(Rule.DIRECTION_MISSING)
    several = len({m.label or m.relation for m in forms.mentions(value) if m.distinct}) > 1
    return _fault(Rule.SEVERAL_LABELS if several else Rule.UNKNOWN_LABEL)


def _may_go_on(answer: str, label: str, forms: LabelForms) -> bool:
    """Whether a cut answer ends in a label that may be the start of a longer one."""
    if not forms.longer(label) or not (mentions := forms.mentions(answer)):
        return False
    return mentions[-1].label == label and mentions[-1].end == len(answer)


def _fault(rule: Rule) -> ParsedAnswer:
    return ParsedAnswer(None, _OUTCOMES[rule], rule)
