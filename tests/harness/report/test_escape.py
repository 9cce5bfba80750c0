"""Names of users and models are shown, not obeyed."""

from __future__ import annotations

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report._csv import write_csv
from harness.report._document import Document, Heading, Sheet
from harness.report._escape import escape_csv, escape_latex, escape_markdown, escape_terminal
from harness.report._render import render_document


@given(st.text())
def test_terminal_text_holds_no_control_characters(text: str) -> None:
    shown = escape_terminal(text)
    assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") for c in shown)
    assert escape_terminal(shown) == shown


@given(st.text())
def test_latex_text_holds_no_bare_special(text: str) -> None:
    escaped = escape_latex(text)
    for special in "$&%#_":
        assert not re.search(
            rf"(?<!\\){re.escape(special)}",
            escaped.replace("$\\", "")
            .replace("approx$", "")
            .replace("pm$", "")
            .replace("geq$", "")
            .replace("Delta$", ""),
        )


@given(st.text(alphabet=st.sampled_from("=+-@ \t\r\n,\"'a\uff1d")))
def test_no_csv_cell_begins_a_formula(text: str) -> None:
    assert not escape_csv(text).lstrip().startswith(("=", "+", "-", "@", "\uff1d"))
    (row,) = csv.reader(io.StringIO(write_csv([text, "b"], [])))
    assert row[0] == escape_csv(text)


@pytest.mark.parametrize(
    "text", ["[a](javascript:x)", "[a][b]", "[a]: http://x", "<img src=x>", "`x`", "**x**", "a|b"]
)
def test_markdown_markup_is_escaped(text: str) -> None:
    escaped = escape_markdown(text)
    assert not re.search(r"(?<!\\)\][(\[:]|(?<!\\)[<>`*|]", escaped)


def test_a_latex_row_that_begins_with_a_bracket_is_no_argument() -> None:
    sheet = Sheet("t", (Heading(("system",)),), (("[2cm]",), ("*",)))
    text = render_document(Document((sheet,), notes=("[x] y",)), "latex")
    assert "{[}2cm]" in text
    assert r"\item {[}x] y" in text


def test_rich_markup_and_emoji_codes_are_shown_as_written() -> None:
    sheet = Sheet("[red]t[/]", (Heading(("system",)),), (("[bold]:smile:[/]",),))
    text = render_document(Document((sheet,), "[i]c[/]"), "terminal", colour=True)
    assert "[bold]:smile:[/]" in text
    assert "[red]t[/]" in text
    assert "[i]c[/]" in text
