"""The examples of the page on costs and of the room's docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import harness.costs

PAGE = Path(__file__).resolve().parents[3] / "docs" / "costs.md"
MODULES = [module.name for module in pkgutil.iter_modules(harness.costs.__path__, "harness.costs.")]


def test_the_examples_of_the_page_run() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 20
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_docstrings_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
