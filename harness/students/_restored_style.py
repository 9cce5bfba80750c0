"""The marker style of a saved entity-marker student."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from harness.errors import ArtefactError
from harness.students._marking import MarkerStyle
from harness.students._saved import SAVE_AGAIN, SavedStudent

__all__ = ["restore_style"]


def restore_style(saved: SavedStudent, folder: Path) -> MarkerStyle:
    """The marker style that training settled on.

    Raises:
        ArtefactError: When ``student.json`` names none that exists.
    """
    style = saved.fitted.get("marker")
    known: tuple[MarkerStyle, ...] = get_args(MarkerStyle)
    for name in known:
        if style == name:
            return name
    raise ArtefactError(
        f"{folder / 'student.json'}: fitted.marker is {style!r}, which is no marker style.",
        hint=SAVE_AGAIN,
    )
