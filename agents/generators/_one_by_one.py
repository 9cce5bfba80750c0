"""A generator that asks for one sample at a time, each after all those before it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from agents.generators._label_generator import GeneratorOptions, LabelGenerator
from agents.generators._na_policy import NA_KIND
from agents.generators._reader import samples_of
from agents.prompts import generate_messages
from harness.protocols import (
    Dialogue,
    GeneratedSet,
    GenerationItem,
    Message,
    PlannedRound,
    PlannedSamples,
)
from harness.relations import Example

__all__ = ["OneByOne", "OneByOneOptions"]


class OneByOneOptions(GeneratorOptions):
    """Options of ``one_by_one.v1``.

    Attributes:
        diverse: Whether each sample is to differ as much as it can from those shown.
        window: Show no more than the newest so many samples, the demonstrations being the oldest;
            left out, all of them. The paper finds that a window hurts.
        retries: Times that one sample is asked for again, under the next repeat number, where
            nothing of the answer could be kept; after that the label has what it has.
    """

    diverse: bool = False
    window: int | None = Field(default=None, ge=1)
    retries: int = Field(default=2, ge=0)


class OneByOne(LabelGenerator[OneByOneOptions]):
    """One call per sample; each new sample joins the demonstrations of the next call.

    The labels advance side by side, so that a round has one call per label. The wording is our
    own, after the paper.
    """

    name: ClassVar[str] = "one_by_one.v1"
    summary: ClassVar[str] = "One call per sample, which joins the demonstrations of the next call."
    source: ClassVar[str] = "Li, Dai and Li 2025, arXiv 2505.23108"
    Options: ClassVar[type[BaseModel]] = OneByOneOptions

    def rounds(self, *, item: GenerationItem) -> tuple[PlannedSamples, ...]:
        """Likely one call per sample; each may be asked again, and the label may be given up."""
        times = 1 + self._options.retries
        demonstrations = len(item.demonstrations)
        first = min(demonstrations, self._options.window or demonstrations)
        found = []
        for number in range(item.count * times):
            sure, likely = number < min(item.count, times), number < item.count
            shown = demonstrations + min(number, item.count - 1)
            if self._options.window is not None:
                shown = min(shown, self._options.window)
            found.append(PlannedSamples(PlannedRound(sure, likely, 1), 1, max(0, shown - first)))
        return tuple(found)

    def generate(self, *, item: GenerationItem) -> Dialogue[GeneratedSet]:
        """Asks for one sample after the other."""
        written = self._set(item)
        read = self._read_as(item.label)
        time, times = 0, 1 + self._options.retries
        while not written.complete and time < times:
            messages = self._messages(item, self._shown_with(item, written))
            (completion,) = yield [self._request(*messages, time=time, times=times)]
            kept = written.take(completion, samples_of(completion), read, most=1)
            time = 0 if kept else time + 1
        return written.result()

    def _messages(self, item: GenerationItem, shown: tuple[Example, ...]) -> tuple[Message, ...]:
        window = self._options.window
        return generate_messages(
            schema=self._schema,
            label=item.label,
            demonstrations=shown if window is None else shown[-window:],
            n=1,
            template=f"generate.{self.name}",
            na_kind=item.facts.get(NA_KIND),
            diverse=self._options.diverse,
        )
