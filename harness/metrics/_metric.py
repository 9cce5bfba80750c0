"""What a metric is, and the registry of metrics."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from harness.errors import ConfigError, Problem
from harness.metrics._answers import Answers, Unparsed
from harness.registry import Registry

__all__ = ["Metric", "metrics", "score"]

_VARIANTS: dict[str, Unparsed] = {"wrong": "wrong", "na": "na", "left_out": "left_out"}


@runtime_checkable
class Metric(Protocol):
    """A score in percent that is a function of summed per-example counts.

    Because everything a metric needs is a sum over examples, intervals and paired tests come
    for free: they only weigh the rows of ``counts`` before ``value`` sees their sum.

    Attributes:
        name: Registry name, part of every result.
        summary: One line for ``calldistil list``.
        source: Where the definition comes from.
    """

    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str: ...

    @property
    def source(self) -> str: ...

    def counts(self, answers: Answers, /) -> NDArray[np.float64]:
        """Sufficient statistics of each example, shape (seeds, n, c); 0 where not scored."""
        ...

    def value(self, sums: NDArray[np.float64], /) -> NDArray[np.float64]:
        """The score in 0..100 from summed counts, shape (..., c) to (...)."""
        ...


metrics: Registry[Metric] = Registry("metric", group="calldistil.metrics")
"""Metrics by name."""


def score(answers: Answers, metric: str | Metric) -> NDArray[np.float64]:
    """The score of each training seed, shape (seeds,), in percent.

    Args:
        answers: Joined answers.
        metric: A metric or its name, which may carry how unread answers count:
            ``micro_f1@unparsed=na``, ``micro_f1@unparsed=left_out``.

    Raises:
        ConfigError: When the name or its variant is unknown.
    """
    found, answers = resolve(answers, metric)
    return found.value(found.counts(answers).sum(axis=1))


def resolve(answers: Answers, metric: str | Metric) -> tuple[Metric, Answers]:
    """The metric behind a name, and the answers with the name's variant applied."""
    if not isinstance(metric, str):
        return metric, answers
    name, at, variant = metric.partition("@")
    if not at:
        return metrics.get(name), answers
    key, _, how = variant.partition("=")
    if key != "unparsed" or how not in _VARIANTS:
        raise ConfigError(
            [
                Problem(
                    f"{variant!r} is not a variant of a metric",
                    f"must be one of: {', '.join(f'unparsed={v}' for v in _VARIANTS)}",
                )
            ]
        )
    return metrics.get(name), answers.with_unparsed(_VARIANTS[how])
