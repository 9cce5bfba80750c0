"""Sections of a page that a command writes: what is measured stands between two marks."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_section"]


def write_section(page: Path, name: str, body: str) -> None:
    """Replaces what stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``.

    A page without the marks gets them at its end.

    Raises:
        OSError: When the page cannot be read or written.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n{body.strip()}\n{end}"
    text = page.read_text(encoding="utf-8")
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    whole = f"{head}{section}{tail}" if found and closed else f"{text.rstrip()}\n\n{section}\n"
    page.write_text(whole, encoding="utf-8")
