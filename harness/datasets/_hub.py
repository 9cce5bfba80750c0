"""Data sets of the Hugging Face hub, by name."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from harness.datasets._collector import Collector
from harness.datasets._mapping import ColumnMapping, Row, collect_rows
from harness.datasets._problems import PROBLEM_LIMIT, Place
from harness.errors import ConfigError, DataError, MissingExtraError, Problem
from harness.relations import Example, Schema

__all__ = ["HubFormat", "HubOptions"]


class HubOptions(ColumnMapping):
    """Options of the format ``hub``; see ``ColumnMapping`` for the columns.

    The text is also looked for under ``sentence``.

    Attributes:
        split: The split to read.
        config: The configuration, where a data set has several.
        revision: Commit, branch or tag; name one to read the same data again.
        first_id: Without a column of ids, the number of the first row.
    """

    split: str = "train"
    config: str | None = None
    revision: str | None = None
    first_id: int = 1


class HubFormat:
    """A data set that the library ``datasets`` loads: from the hub, or from a local folder."""

    summary: ClassVar[str] = "a data set of the Hugging Face hub, by its name"
    source: ClassVar[str] = "https://huggingface.co/docs/datasets"
    Options: ClassVar[type[HubOptions]] = HubOptions

    @classmethod
    def read(
        cls,
        file: Path,
        *,
        schema: Schema | None = None,
        options: HubOptions = HubOptions(),  # noqa: B008 (frozen)
        limit: int = PROBLEM_LIMIT,
    ) -> tuple[Example, ...]:
        """Reads a split; ``file`` is the data set's name. See ``DatasetFormat``.

        Raises:
            MissingExtraError: When the package ``datasets`` is not installed.
        """
        table = _load(file, options)
        header = list(table.column_names)
        if "text" not in header and options.text is None and "sentence" in header:
            options = options.model_copy(update={"text": "sentence"})
        number = "id" not in header and options.id is None
        if number:
            header.append("id")
        collector = Collector(file, schema, limit)
        rows = _rows(table, first_id=options.first_id if number else None)
        collect_rows(
            header,
            _decoded(rows, file),
            mapping=options,
            schema=schema,
            collector=collector,
            header_place=Place(words=f"split {options.split!r}"),
        )
        return collector.finish()

    @classmethod
    def write(
        cls,
        examples: Sequence[Example],
        file: Path,
        *,
        schema: Schema | None = None,
        options: HubOptions = HubOptions(),  # noqa: B008 (frozen)
    ) -> None:
        """Refuses: publishing data is the user's own act."""
        what, fix = "the format hub cannot be written", "write jsonl and upload that"
        raise ConfigError([Problem(what, fix)])


def _load(file: Path, options: HubOptions) -> Any:
    try:
        import datasets
    except ImportError:
        raise MissingExtraError(
            package="datasets", extra="hf", feature="the data set format 'hub'"
        ) from None
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.ERROR)  # it warns of each retry; what comes of them is told once, below
    try:
        return datasets.load_dataset(
            file.as_posix(), options.config, split=options.split, revision=options.revision
        )
    except Exception as error:  # the library raises many kinds, of several packages
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        what = f"the data set cannot be loaded ({options.split!r}): {reason}"
        fix = "check name, split and network, or read a downloaded file in its own format"
        raise DataError([Problem(what, fix, file)]) from None
    finally:
        log.setLevel(level)


def _decoded(rows: Iterator[Row], file: Path) -> Iterator[Row]:
    """The rows; bytes that are no text are found only when a row is looked at."""
    try:
        yield from rows
    except UnicodeDecodeError as error:
        what = f"the data set holds bytes that are not UTF-8 text: {error.reason}"
        raise DataError([Problem(what, "save the file as UTF-8", file)]) from None


def _rows(table: Any, *, first_id: int | None) -> Iterator[Row]:
    names = {
        column: feature.names
        for column, feature in table.features.items()
        if hasattr(feature, "names")  # class labels are stored as numbers; -1 is no label
    }
    for index, record in enumerate(table):
        cells = {}
        for column, value in record.items():
            if column in names and isinstance(value, int):
                value = names[column][value] if value >= 0 else None
            cells[column] = "" if value is None else str(value)
        if first_id is not None:
            cells["id"] = str(first_id + index)
        yield Row(Place(words=f"row {index + 1}"), cells)
