"""A student that stands on another one's training, which a run does once and keeps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from harness.protocols._student import FitReport, Progress
from harness.relations import Example

__all__ = ["StandsOn"]


@runtime_checkable
class StandsOn(Protocol):
    """A student whose network is another student's, so that one training serves both.

    Its ``fit`` trains that network itself and gives the same model as ``fit_on``.
    """

    @classmethod
    def base(cls, *, options: Any) -> tuple[str, BaseModel]:
        """Registry name and options of the student that it stands on."""
        ...

    def fit_on(
        self,
        *,
        base: Path,
        examples: Sequence[Example],
        dev: Sequence[Example] = (),
        progress: Progress | None = None,
    ) -> FitReport:
        """As ``fit``, with the folder that the base student was saved into, trained on the same
        examples.
        """
        ...
