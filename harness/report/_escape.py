"""Text of users and models made safe for each place it is shown in."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["escape_csv", "escape_latex", "escape_markdown", "escape_terminal"]

_JOINERS = {"\u200c", "\u200d"}  # scripts and emoji need them, and they move no cursor
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MARKDOWN = re.compile(r"[\\`*<>|$~&]|\](?=[(\[:])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_MARKDOWN_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "≈": r"$\approx$",
    "±": r"$\pm$",
    "≥": r"$\geq$",
    "Δ": r"$\Delta$",
}


def escape_terminal(text: str) -> str:
    r"""Shows characters that would steer a terminal or reorder a line by their codes.

    >>> print(escape_terminal("evil\x1b[2Jname"))
    evil\x1b[2Jname
    """
    text = " ".join(re.split(r"[\t\r\n]+", text))
    return "".join(
        character
        if character in _JOINERS or unicodedata.category(character) not in _HIDDEN
        else character.encode("unicode_escape", "backslashreplace").decode("ascii")
        for character in text
    )


def escape_markdown(text: str) -> str:
    r"""Escapes what Markdown, HTML or a table's pipes would read as markup.

    >>> print(escape_markdown("a|b <i> no_relation _x_"))
    a\|b &lt;i&gt; no_relation \_x\_
    """
    return _MARKDOWN.sub(
        lambda found: _MARKDOWN_ENTITIES.get(found[0], f"\\{found[0]}"), escape_terminal(text)
    )


def escape_latex(text: str) -> str:
    r"""Escapes LaTeX's special characters.

    >>> print(escape_latex("no_relation 50% ≈$1"))
    no\_relation 50\% $\approx$\$1
    """
    escaped = "".join(_LATEX.get(character, character) for character in escape_terminal(text))
    # After \\ or \item, a bracket or star would be read as an argument.
    return f"{{{escaped[0]}}}{escaped[1:]}" if escaped.startswith(("[", "*")) else escaped


def escape_csv(text: str) -> str:
    """Keeps a spreadsheet from running a text cell as a formula.

    >>> escape_csv("=HYPERLINK()")
    "'=HYPERLINK()"
    """
    text = escape_terminal(text)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
