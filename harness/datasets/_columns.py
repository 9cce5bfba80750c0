"""CSV and TSV, with a mapping from columns to what they say."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from harness.datasets._collector import Collector
from harness.datasets._files import read_text, write_text
from harness.datasets._mapping import COLUMNS, ColumnMapping, Row, collect_rows
from harness.datasets._problems import PROBLEM_LIMIT, Place, ProblemLog
from harness.relations import Example, Mention, Schema

__all__ = ["ColumnOptions", "CsvFormat", "TsvFormat"]


class ColumnOptions(ColumnMapping):
    """Options of the formats ``csv`` and ``tsv``; see ``ColumnMapping`` for the columns.

    Attributes:
        quoting: ``minimal`` reads quotes around a cell as quotes of the format; ``none`` as
            characters of the text.
    """

    quoting: Literal["minimal", "none"] = "minimal"


class CsvFormat:
    """Comma-separated values with a line of column names."""

    summary: ClassVar[str] = "comma-separated columns, by a mapping of their names"
    source: ClassVar[str] = "RFC 4180"
    Options: ClassVar[type[ColumnOptions]] = ColumnOptions
    delimiter: ClassVar[str] = ","

    @classmethod
    def read(
        cls,
        file: Path,
        *,
        schema: Schema | None = None,
        options: ColumnOptions = ColumnOptions(),  # noqa: B008 (frozen)
        limit: int = PROBLEM_LIMIT,
    ) -> tuple[Example, ...]:
        """Reads a file; see ``DatasetFormat``."""
        collector = Collector(file, schema, limit)
        text = read_text(file)
        reader = csv.reader(
            io.StringIO(text, newline=""), strict=True, **_dialect(cls.delimiter, options)
        )
        try:
            header = next((row for row in reader if row), [])
            collect_rows(
                header,
                _rows(reader, header, collector.log),
                mapping=options,
                schema=schema,
                collector=collector,
                header_place=Place(reader.line_num or 1),
            )
        except csv.Error as error:
            fix = "mend the quotes, or set the option quoting: none if they belong to the text"
            collector.log.add(f"not a valid table: {error}", fix, place=reader.line_num)
        return collector.finish()

    @classmethod
    def write(
        cls,
        examples: Sequence[Example],
        file: Path,
        *,
        schema: Schema | None = None,
        options: ColumnOptions = ColumnOptions(),  # noqa: B008 (frozen)
    ) -> None:
        """Writes offsets and surfaces, under the options' column names. See ``DatasetFormat``."""
        log = ProblemLog(file)
        names = {**{key: key for key in COLUMNS}, **options.named()}
        out = io.StringIO(newline="")
        # CRLF as RFC 4180 has it; it also makes the writer quote a lone CR inside a cell.
        writer = csv.writer(out, lineterminator="\r\n", **_dialect(cls.delimiter, options))
        grouped = any(example.group is not None for example in examples)
        keys = [key for key in COLUMNS if key != "group" or grouped]
        writer.writerow([names[key] for key in keys])
        for example in examples:
            cells = _cells(example)
            try:
                writer.writerow([cells[key] for key in keys])
            except csv.Error:
                what = "a cell holds the delimiter, a quote or a line break"
                fix = "set the option quoting: minimal"
                log.add(what, fix, place=Place(words=f"id {example.id!r}"))
        log.raise_if_any()
        write_text(file, out.getvalue())


class TsvFormat(CsvFormat):
    """Tab-separated values with a line of column names."""

    summary: ClassVar[str] = "tab-separated columns, by a mapping of their names"
    source: ClassVar[str] = "IANA text/tab-separated-values, with the quotes of RFC 4180"
    delimiter: ClassVar[str] = "\t"


def _dialect(delimiter: str, options: ColumnOptions) -> dict[str, Any]:
    if options.quoting == "none":
        return {"delimiter": delimiter, "quoting": csv.QUOTE_NONE, "quotechar": None}
    return {"delimiter": delimiter, "quoting": csv.QUOTE_MINIMAL}


def _rows(reader: Any, header: Sequence[str], log: ProblemLog) -> Iterator[Row]:
    last = reader.line_num
    for cells in reader:
        place, last = Place(last + 1), reader.line_num
        if not cells:
            continue
        if len(cells) != len(header):
            what = f"{len(cells)} cells under {len(header)} columns"
            log.add(what, "quote cells that hold the delimiter", place=place)
            continue
        yield Row(place, dict(zip(header, cells, strict=True)))


def _cells(example: Example) -> dict[str, str]:
    def of(role: str, mention: Mention) -> dict[str, str]:
        return {
            role: mention.surface,
            f"{role}_start": str(mention.start),
            f"{role}_end": str(mention.end),
            f"{role}_type": mention.type or "",
        }

    return {
        "id": example.id,
        "text": example.text,
        **of("head", example.head),
        **of("tail", example.tail),
        "relation": example.relation or "",
        "group": example.group or "",
    }
