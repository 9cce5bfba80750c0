"""What the extractors share: their context, the labels offered, and reading an answer."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel

from agents.extractors._parse import parse_label_answer
from harness.documents import FileModel
from harness.protocols import AgentContext, Completion, Constraint, Message, PlannedRound, Request
from harness.relations import Example, Outcome, Prediction, Schema, allowed_labels

__all__ = ["ExtractorOptions", "LabelExtractor"]


class ExtractorOptions(FileModel):
    """Options of every extractor.

    Attributes:
        type_constraints: Offer only the labels that the schema's argument types allow for the
            example, and count any other label as ``invalid_label``.
    """

    type_constraints: bool = False


O = TypeVar("O", bound=ExtractorOptions)  # noqa: E741


class LabelExtractor(Generic[O]):
    """Base of the extractors, which add a coroutine ``extract``.

    Args:
        context: Schema, examples and sampling.
        options: The extractor's options.
    """

    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]
    uses_few_shot: ClassVar[bool] = False

    def __init__(self, *, context: AgentContext, options: O) -> None:
        self._context = context
        self._options = options

    def later_rounds(self, *, example: Example) -> tuple[PlannedRound, ...]:
        """The calls of the rounds after the first: none, unless an extractor says otherwise."""
        return ()

    @property
    def _schema(self) -> Schema:
        return self._context.schema

    def _offered(self, example: Example) -> tuple[str, ...]:
        """The labels that may be answered for an example."""
        if self._options.type_constraints:
            return allowed_labels(self._schema, example)
        return self._schema.label_names

    def _request(
        self,
        *messages: Message,
        constraint: Constraint | None = None,
        labels: tuple[str, ...] = (),
    ) -> Request:
        return Request(
            messages=messages,
            sampling=self._context.sampling,
            constraint=constraint,
            repeat=self._context.repeat,
            labels=labels,
        )

    def _sampled(self, request: Request, index: int, count: int) -> Request:
        """The same request, asked as number ``index`` of ``count`` samples.

        A sample has a repeat number of its own, and a seed of its own where seeds are set.
        """
        seed = request.sampling.seed
        sampling = request.sampling
        if seed is not None:
            sampling = replace(sampling, seed=seed + index)
        return replace(request, sampling=sampling, repeat=request.repeat * count + index)

    def _read(self, example: Example, completion: Completion) -> Prediction:
        """Reads an answer that states a label; what cannot be read is a typed outcome.

        Where the answer's log-probability is known, it gives the label's probability.
        """
        parsed = parse_label_answer(completion.text, self._schema, completion.finish)
        return self._checked(
            example,
            Prediction(
                example_id=example.id,
                label=parsed.label,
                outcome=parsed.outcome,
                answer=completion.text,
                probabilities=_confidence(parsed.label, completion),
            ),
        )

    def _checked(self, example: Example, prediction: Prediction) -> Prediction:
        """Turns a label that was not offered into an invalid one."""
        if prediction.label is None or prediction.label in self._offered(example):
            return prediction
        return replace(prediction, label=None, outcome=Outcome.INVALID_LABEL, probabilities={})


def _confidence(label: str | None, completion: Completion) -> dict[str, float]:
    if label is None or completion.log_probability is None:
        return {}
    return {label: min(1.0, math.exp(completion.log_probability))}
