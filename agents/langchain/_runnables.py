"""The Runnable classes. This module needs langchain-core, and is imported late."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from agents.langchain._inputs import read_input
from harness.errors import CalldistilError
from harness.relations import Example, Schema

__all__ = ["Labelled", "RelationRunnable"]

Labelled = dict[str, Any]
"""``{"id", "relation", "probability", "outcome"}``; relation and probability may be None."""

_CHUNK = 64


class RelationRunnable(Runnable[Any, Any]):
    """Labels sentences; one, or a list of them, which is worked on together.

    A list that is streamed comes back in pieces, lists themselves, that add up to the answer.

    Args:
        label: Labels examples, all at once; an error in the place of an example stays its own.
        schema: The relations.
        name: Name in traces.
    """

    def __init__(
        self,
        label: Callable[[Sequence[Example]], Sequence[Labelled | CalldistilError]],
        *,
        schema: Schema,
        name: str,
    ) -> None:
        self._label = label
        self.schema = schema
        self.name = name

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """The answer for a sentence, or a list of answers for a list."""
        return self._call_with_config(self._one, input, config, **kwargs)

    def batch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """All inputs in one go, so that model and prompts see them together."""
        return self._batch_with_config(
            self._many, inputs, config, return_exceptions=return_exceptions, **kwargs
        )

    def stream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """The answer of a sentence; of a list, piece by piece."""
        if not isinstance(input, list):
            yield self.invoke(input, config, **kwargs)
            return
        yield from self._transform_stream_with_config(
            iter([input]), self._pieces, config, run_type="chain", **kwargs
        )

    def _pieces(self, inputs: Iterator[list[Any]]) -> Iterator[list[Labelled]]:
        for sentences in inputs:
            for start in range(0, len(sentences), _CHUNK):
                yield self._one(sentences[start : start + _CHUNK], offset=start)

    def _one(self, input: Any, *, offset: int = 0) -> Any:
        sentences = input if isinstance(input, list) else [input]
        examples = [self._read(s, n) for n, s in enumerate(sentences, start=offset + 1)]
        answers = []
        for answer in self._label(examples) if examples else ():
            if isinstance(answer, CalldistilError):
                raise answer
            answers.append(answer)
        return answers if isinstance(input, list) else answers[0]

    def _many(self, inputs: list[Any]) -> list[Any]:
        """Answers in the order of the inputs; what failed stands as an exception in its place."""
        found: dict[int, Any] = {}
        examples: dict[int, Example] = {}
        for place, value in enumerate(inputs):
            try:
                if isinstance(value, list):
                    found[place] = self._one(value)
                else:
                    examples[place] = self._read(value, place + 1)
            except (ValueError, CalldistilError) as error:
                found[place] = error
        answers = self._label(list(examples.values())) if examples else ()
        found |= dict(zip(examples, answers, strict=True))
        return [found[place] for place in range(len(inputs))]

    def _read(self, value: Any, number: int) -> Example:
        return read_input(value, self.schema.markers, id=str(number))

    @functools.cached_property
    def relations(self) -> tuple[str, ...]:
        """What may be answered."""
        return self.schema.label_names
