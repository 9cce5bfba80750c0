"""Prices as an experiment file declares them, dated and with their source."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from harness.costs._money import Money
from harness.documents import FileModel

__all__ = ["ModelPrice", "Prices"]

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Ranged(FileModel):
    """Prices of which some are only known to lie between two bounds."""

    ranges: dict[str, tuple[Dollars, Dollars]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _read_ranges(cls, values: Any) -> Any:
        """Takes ``[low, high]`` and ``[low, likely, high]`` for a price apart."""
        if not isinstance(values, Mapping):
            return values
        read, ranges = dict(values), dict(values.get("ranges") or {})
        for name, value in values.items():
            if name in cls._ranged() and isinstance(value, list | tuple):
                if not 2 <= len(value) <= 3 or not all(
                    isinstance(v, int | float) and not isinstance(v, bool) for v in value
                ):
                    raise ValueError(f"{name}: a range is [low, high] or [low, likely, high]")
                ranges[name] = (value[0], value[-1])
                read[name] = value[1] if len(value) == 3 else (value[0] + value[1]) / 2
        return {**read, "ranges": ranges} if ranges else read

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name, (low, high) in self.ranges.items():
            if name not in self._ranged():
                known = ", ".join(self._ranged())
                raise ValueError(f"ranges: {name!r} is not a price; one of: {known}")
            likely = getattr(self, name)
            if likely is None or not low <= likely <= high:
                raise ValueError(f"{name}: {likely} does not lie in its range, {low} to {high}")
        return self

    @classmethod
    def _ranged(cls) -> tuple[str, ...]:
        return ()


class ModelPrice(_Ranged):
    """What a model costs, in USD per 1,000,000 tokens.

    A price may be a range, ``[low, high]`` or ``[low, likely, high]``: the tables then count with
    the likely one (the middle, where none is given), and intervals carry the range.

    Attributes:
        input: Fresh prompt tokens.
        cache_read: Prompt tokens read from the provider's prefix cache; None: not offered, or
            not known.
        cache_write: Prompt tokens written to it; None: as ``input``.
        output: Generated tokens.
        reasoning: Hidden reasoning tokens; None: as ``output``.
        cache_min_tokens: Shortest prefix that the provider caches; a shorter one is read anew. The
            default is that of OpenAI and of most of Anthropic's models.
        batch_discount: Part of the list price that the batch service saves (0.5 is half price);
            None: not offered, or not known.
        date: The day on which the prices held.
        source: Where they were read.
        assumed: Whether they stand in for a price that is not known, as for a recording priced
            as if it came from a named class of model.
        ranges: Lowest and highest value of a price by its name; filled from prices given as ranges.
    """

    input: Dollars
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None
    output: Dollars
    reasoning: Dollars | None = None
    cache_min_tokens: Annotated[int, Field(ge=0)] = 1024
    batch_discount: Annotated[float, Field(ge=0, le=1)] | None = None
    date: datetime.date
    source: Annotated[str, Field(min_length=1)]
    assumed: bool = False

    @classmethod
    def _ranged(cls) -> tuple[str, ...]:
        return ("input", "cache_read", "cache_write", "output", "reasoning")


class Prices(_Ranged):
    """The price snapshot of an experiment; ``machine_per_hour`` and ``human_label`` may be ranges.

    Attributes:
        date: The day on which the prices held.
        source: Where they were read.
        machine_per_hour: USD for an hour of the machine that trains and predicts; None: unknown.
        human_label: USD for one label given by a human; None: unknown.
        assumed: Whether the two above are guesses; what stands on them then says so.
        models: Prices by the model's name, which go before the snapshot's.
        ranges: Lowest and highest value of a price by its name; filled from prices given as ranges.
    """

    date: datetime.date
    source: Annotated[str, Field(min_length=1)]
    machine_per_hour: Dollars | None = None
    human_label: Dollars | None = None
    assumed: bool = False
    models: dict[str, ModelPrice] = Field(default_factory=dict)

    @classmethod
    def _ranged(cls) -> tuple[str, ...]:
        return ("machine_per_hour", "human_label")

    def machine_money(self, seconds: float | None) -> Money:
        """What machine time costs; no time costs nothing, whatever the price."""
        hours = None if seconds is None else seconds / 3600
        return _times(self.machine_per_hour, hours, self.assumed)

    def label_money(self, labels: int) -> Money:
        """What human labels cost; no labels cost nothing, whatever the price."""
        return _times(self.human_label, labels, self.assumed)


def _times(price: float | None, units: float | None, assumed: bool) -> Money:
    if units == 0:
        return Money.zero()
    return Money(None if price is None or units is None else price * units, assumed)
