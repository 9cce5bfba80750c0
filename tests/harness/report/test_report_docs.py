"""The page on reports says what the code does."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "report.md"


def test_the_examples_of_the_page_hold() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert result.attempted > 10
    assert result.failed == 0


@pytest.mark.parametrize("name", ["_escape", "_figures", "_measures"])
def test_the_examples_of_the_docstrings_hold(name: str) -> None:
    import importlib

    result = doctest.testmod(importlib.import_module(f"harness.report.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
