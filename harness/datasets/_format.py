"""What a data set format is, and the registry of formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

from harness.datasets._problems import PROBLEM_LIMIT
from harness.documents import FileModel
from harness.registry import Registry
from harness.relations import Example, Schema

__all__ = ["DatasetFormat", "NoOptions", "dataset_formats"]


class NoOptions(FileModel):
    """The options of a format that has none."""


@runtime_checkable
class DatasetFormat(Protocol):
    """How examples stand in a file. The class itself is used; it is not instantiated.

    Class attributes ``summary`` (one line), ``source`` (who defined the format) and ``Options``
    (a pydantic model of its keys in an experiment file) describe it to ``calldistil list``.
    """

    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]

    @classmethod
    def read(
        cls, file: Path, *, schema: Schema | None, options: Any, limit: int = PROBLEM_LIMIT
    ) -> tuple[Example, ...]:
        """Reads a file whole; where a schema is given, every label must be in it.

        Raises:
            DataError: With every problem of the file, the first ``limit`` of them in full.
        """
        ...

    @classmethod
    def write(
        cls, examples: Sequence[Example], file: Path, *, schema: Schema | None, options: Any
    ) -> None:
        """Writes a file that ``read`` reads back with the same texts, spans and labels.

        Raises:
            DataError: When an example cannot stand in this format.
        """
        ...


dataset_formats: Registry[type[DatasetFormat]] = Registry(
    "dataset format", group="calldistil.datasets"
)
dataset_formats.add_lazy("semeval", "harness.datasets._semeval:SemEvalFormat")
dataset_formats.add_lazy("tacred", "harness.datasets._tacred:TacredFormat")
dataset_formats.add_lazy("fewrel", "harness.datasets._fewrel:FewRelFormat")
dataset_formats.add_lazy("jsonl", "harness.datasets._jsonl:JsonlFormat")
dataset_formats.add_lazy("csv", "harness.datasets._columns:CsvFormat")
dataset_formats.add_lazy("tsv", "harness.datasets._columns:TsvFormat")
dataset_formats.add_lazy("hub", "harness.datasets._hub:HubFormat")
