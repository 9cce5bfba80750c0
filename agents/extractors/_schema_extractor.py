"""What the extractors share that show the schema and ask for one label of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Literal, Self, TypeVar

from pydantic import model_validator

from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.prompts import Demonstration, labelling_messages
from harness.errors import OutputParseError
from harness.protocols import Completion, Constraint, LabelScore, Request, read_scores
from harness.relations import Example, Outcome, Prediction

__all__ = ["Normalisation", "SchemaExtractor", "SchemaOptions", "label_probabilities"]

Normalisation = Literal["sum", "mean", "constrained"]


class SchemaOptions(ExtractorOptions):
    """Options of the extractors that ask for one label of the schema.

    Attributes:
        definitions: Whether labels are shown with what they mean.
        form: Whether the answer is a JSON object (``json``), the bare label (``text``), or not
            written at all (``scores``): the backend says how likely each label is.
        constrained: Whether the backend may write nothing but an answer of that form with a label
            that is offered, by a JSON schema (``json``) or a grammar (``text``).
        normalisation: How scores become probabilities: ``sum`` (by each label's probability),
            ``mean`` (by its probability per token, so that long names are not at a loss) or
            ``constrained`` (by the probability of writing it under a grammar of the labels).
    """

    definitions: bool = True
    form: Literal["json", "text", "scores"] = "json"
    constrained: bool = False
    normalisation: Normalisation = "sum"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.form == "scores" and self.constrained:
            raise ValueError("constrained is for answers that are written: form json or text")
        if self.form != "scores" and "normalisation" in self.model_fields_set:
            raise ValueError("normalisation is for form: scores")
        return self


S = TypeVar("S", bound=SchemaOptions)


class SchemaExtractor(LabelExtractor[S]):
    """Base of the extractors whose answer is a label, written or scored."""

    @classmethod
    def needs(cls, *, options: SchemaOptions) -> frozenset[str]:
        """Scores need a backend that scores, a constraint one that keeps it."""
        if options.form == "scores":
            return frozenset({"label_scoring"})
        if options.constrained:
            return frozenset({"json_schema" if options.form == "json" else "grammar"})
        return frozenset()

    def _asking(self, example: Example, demonstrations: Sequence[Demonstration] = ()) -> Request:
        """The request for an example's label."""
        options = self._options
        labels = self._offered(example)
        return self._request(
            *labelling_messages(
                schema=self._schema,
                example=example,
                labels=labels,
                definitions=options.definitions,
                form="json" if options.form == "json" else "text",
                demonstrations=demonstrations,
            ),
            constraint=self._constraint(labels) if options.constrained else None,
            labels=labels if options.form == "scores" else (),
        )

    def _answered(self, example: Example, completion: Completion) -> Prediction:
        """Reads what came back for ``_asking``."""
        if not completion.request.labels:
            return self._read(example, completion)
        try:
            scores = read_scores(completion)
            found = label_probabilities(scores, self._options.normalisation)
        except OutputParseError as error:
            return Prediction(example.id, None, Outcome.INVALID_LABEL, answer=error.raw)
        label = max(found, key=lambda name: found[name])
        return Prediction(example.id, label, answer=completion.text, probabilities=found)

    def _constraint(self, labels: Sequence[str]) -> Constraint:
        if self._options.form == "json":
            return json_constraint(labels)
        return Constraint("grammar", "root ::= " + " | ".join(map(_quoted, labels)))


def json_constraint(labels: Sequence[str]) -> Constraint:
    """The JSON schema of ``{"relation": <one of the labels>}``."""
    schema = {
        "type": "object",
        "properties": {"relation": {"type": "string", "enum": list(labels)}},
        "required": ["relation"],
        "additionalProperties": False,
    }
    return Constraint("json_schema", json.dumps(schema, ensure_ascii=False))


def _quoted(label: str) -> str:
    """A label as a literal of a GBNF grammar."""
    return json.dumps(label, ensure_ascii=False)


def label_probabilities(
    scores: Mapping[str, LabelScore], normalisation: Normalisation
) -> dict[str, float]:
    """Probabilities of the labels, summing to 1, from their scores.

    ``sum`` is ``p(y) / sum p``, ``mean`` the same with ``p(y) ** (1 / tokens)``; ``constrained``
    the same with the probability under a grammar of the labels.

    Raises:
        OutputParseError: When no label has any probability.

    >>> scores = {"a": LabelScore(-1.0, 1, -0.7), "b": LabelScore(-2.0, 4, -0.7)}
    >>> {name: round(p, 2) for name, p in label_probabilities(scores, "sum").items()}
    {'a': 0.73, 'b': 0.27}
    >>> {name: round(p, 2) for name, p in label_probabilities(scores, "mean").items()}
    {'a': 0.38, 'b': 0.62}
    """
    logs = {label: _log(score, normalisation) for label, score in scores.items()}
    best = max(logs.values())
    if math.isinf(best):
        raise OutputParseError("no label has any probability", raw="")
    weights = {label: math.exp(value - best) for label, value in logs.items()}
    total = sum(weights.values())
    return {label: weight / total for label, weight in weights.items()}


def _log(score: LabelScore, normalisation: Normalisation) -> float:
    if normalisation == "constrained":
        return score.constrained
    return score.log_probability / (score.tokens if normalisation == "mean" else 1)
