"""A leaderboard as JSON: every number unrounded, and read back equal."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.errors import ArtefactError
from harness.report.leaderboard._board import Leaderboard

__all__ = ["load_leaderboard", "render_leaderboard_json"]

_FORMAT = "calldistil.leaderboard"
_VERSION = 1


@cache
def _adapter() -> TypeAdapter[Leaderboard]:
    return TypeAdapter(Leaderboard)


def render_leaderboard_json(board: Leaderboard) -> str:
    """The whole leaderboard with its format's name and version."""
    document = {
        "format": _FORMAT,
        "format_version": _VERSION,
        **json.loads(_adapter().dump_json(board)),
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def load_leaderboard(file: Path) -> Leaderboard:
    """Reads what ``render_leaderboard(..., "json")`` wrote.

    Raises:
        ArtefactError: When the file is absent, is not a leaderboard or is of a newer version.
    """
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8"))
        if document.pop("format") != _FORMAT or document.pop("format_version") != _VERSION:
            raise ValueError(f"it is not {_FORMAT} of version {_VERSION}")
        return _adapter().validate_python(document)
    except (
        OSError,
        ValueError,
        KeyError,
        AttributeError,
        RecursionError,
        TypeError,
        ValidationError,
    ) as error:
        raise ArtefactError(
            f"The leaderboard {file} cannot be read: {error}",
            hint="Make it again from its runs: calldistil leaderboard RUNS... -o SITE",
        ) from None
