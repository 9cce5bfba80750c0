"""What others wrote, as it may be shown on a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["shown"]

_KEPT = frozenset("\n\t\u200c\u200d")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def shown(text: str) -> str:
    r"""Shows characters that would steer a terminal or reorder a line by their codes.

    Unlike a cell of a table, a message keeps its lines.

    >>> print(shown("no label \x1b[2J in it\nHint: mend it"))
    no label \x1b[2J in it
    Hint: mend it
    """
    return "".join(
        character
        if character in _KEPT or unicodedata.category(character) not in _HIDDEN
        else character.encode("unicode_escape", "backslashreplace").decode("ascii")
        for character in text
    )
