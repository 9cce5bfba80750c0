"""Reads and writes examples in any registered format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError

from harness.datasets._collector import check_labels
from harness.datasets._files import parse_json, read_lines
from harness.datasets._format import DatasetFormat, dataset_formats
from harness.datasets._problems import PROBLEM_LIMIT, ProblemLog, nearest
from harness.errors import ConfigError, DataError, Problem
from harness.garbage import seldom_collected
from harness.relations import Example, Schema

__all__ = ["guess_format", "read_examples", "write_examples"]

_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
}


def guess_format(file: Path | str) -> str:
    """Tells JSONL, CSV and TSV by the suffix, and JSONL by its first line.

    Raises:
        ConfigError: When it is none of these; says which formats there are.
        DataError: When the file cannot be read.
    """
    file = Path(file)
    if (format := _SUFFIXES.get(file.suffix.lower())) is not None:
        return format
    return "jsonl" if _looks_like_jsonl(file) else _not_told(file)


def read_examples(
    file: Path | str,
    *,
    format: str | None = None,
    schema: Schema | None = None,
    options: Mapping[str, Any] | BaseModel | None = None,
    limit: int = PROBLEM_LIMIT,
    allow_empty: bool = False,
) -> tuple[Example, ...]:
    """Reads a data set.

    Args:
        file: The file; for the format ``hub``, the name of a data set.
        format: A name of ``dataset_formats``. Without one, JSONL, CSV and TSV are told by the
            suffix, and JSONL by its content.
        schema: Where given, every label must be in it.
        options: The format's options, as a mapping or as its ``Options``.
        limit: How many problems are told in full; the rest is counted.
        allow_empty: Whether a file may hold no example.

    Returns:
        The examples in the file's order. Nothing is left out.

    Raises:
        ConfigError: When the format or an option is not known.
        DataError: With every problem of the file.
    """
    file = Path(file)
    chosen = dataset_formats.get(format if format is not None else guess_format(file))
    ready = _options(chosen, options)
    with seldom_collected():
        examples = chosen.read(file, schema=schema, options=ready, limit=limit)
    if not examples and not allow_empty:
        what = "the file holds no example"
        raise DataError([Problem(what, "check that it is the right file", file)])
    return examples


def write_examples(
    examples: Sequence[Example],
    file: Path | str,
    *,
    format: str | None = None,
    schema: Schema | None = None,
    options: Mapping[str, Any] | BaseModel | None = None,
) -> None:
    """Writes a data set, whole or not at all; arguments as ``read_examples``.

    Raises:
        ConfigError: When the format or an option is not known.
        DataError: When an id stands twice, a label is not in the schema, an example cannot
            stand in the format, or the file cannot be written.
    """
    file = Path(file)
    if format is None:
        format = _SUFFIXES.get(file.suffix.lower()) or _not_told(file)
    chosen = dataset_formats.get(format)
    ready = _options(chosen, options)
    log = ProblemLog(file)
    for id, count in Counter(example.id for example in examples).items():
        if count > 1:
            log.add(f"the id {id!r} stands {count} times", "ids must differ")
    log.raise_if_any()
    if schema is not None:
        check_labels(examples, schema=schema, file=file)
    chosen.write(examples, file, schema=schema, options=ready)


def _not_told(file: Path) -> NoReturn:
    known = ", ".join(dataset_formats.names())
    what = "the format cannot be told from the file"
    raise ConfigError([Problem(what, f"name it: format must be one of: {known}", file)])


def _looks_like_jsonl(file: Path) -> bool:
    first = next((line for line in read_lines(file) if line.strip()), "")
    try:
        row = parse_json(first)
    except ValueError:
        return False
    return isinstance(row, dict) and {"id", "text", "head", "tail"} <= set(row)


def _options(chosen: type[DatasetFormat], options: Mapping[str, Any] | BaseModel | None) -> Any:
    if isinstance(options, chosen.Options):
        return options
    given = options.model_dump() if isinstance(options, BaseModel) else dict(options or {})
    try:
        return chosen.Options.model_validate(given)
    except ValidationError as error:
        problems = []
        for detail in error.errors(include_url=False):
            key = ".".join(str(part) for part in detail["loc"])
            message, fix = detail["msg"].removeprefix("Value error, "), ""
            if detail["type"] == "extra_forbidden":
                message, fix = "is not a known key", nearest(key, chosen.Options.model_fields)
            name = f"options.{key}" if key else "options"
            problems.append(Problem(f"{name}: {message}", fix))
        raise ConfigError(problems) from None
