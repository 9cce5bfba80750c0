"""The table as JSON: every number unrounded, and read back equal."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.errors import ArtefactError
from harness.report._table import HeadToHead

__all__ = ["FORMAT", "FORMAT_VERSION", "load_results", "parse_results", "render_json"]

FORMAT = "calldistil.head_to_head"
FORMAT_VERSION = 1
_STEERING = re.compile(
    "[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""What JSON lets stand as it is, and a terminal obeys."""


@cache
def _adapter() -> TypeAdapter[HeadToHead]:
    return TypeAdapter(HeadToHead)


def render_json(table: HeadToHead) -> str:
    """The whole table with its format's name and version, in UTF-8.

    It may be printed: within strings, characters that steer a terminal are escaped.
    """
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **json.loads(_adapter().dump_json(table)),  # an infinite bound becomes "Infinity"
    }
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def load_results(file: Path) -> HeadToHead:
    """Reads a table that ``render(..., "json")`` wrote.

    Raises:
        ArtefactError: When the file is absent, is not such a table or is of a newer version.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArtefactError(
            f"The results {file} cannot be read: {error}",
            hint="Name a results JSON file of a run.",
        ) from None
    return parse_results(text, source=str(file))


def parse_results(text: str, *, source: str = "the text") -> HeadToHead:
    """Reads a table from JSON text; ``source`` names it in errors.

    Raises:
        ArtefactError: When it is not such a table or is of a newer version.
    """
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArtefactError(
            f"{source} is not JSON: {error}", hint="Make the report again from its run."
        ) from None
    if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
        raise ArtefactError(
            f"{source} is not a head-to-head table: its key 'format' is not {FORMAT!r}.",
            hint="Name the results JSON file of a run.",
        )
    version = document.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise ArtefactError(
            f"{source} has the format version {version!r}; this calldistil reads {FORMAT_VERSION}.",
            hint="Make the report again from its run, or use the calldistil that wrote it.",
        )
    try:
        return _adapter().validate_python(document)
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}"
            for e in error.errors(include_url=False)[:20]
        )
        raise ArtefactError(
            f"{source} is damaged: {found}", hint="Make the report again from its run."
        ) from None
