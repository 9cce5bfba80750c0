"""Every example in the docstrings and on the page of the metrics holds."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import harness.metrics

MODULES = [m.name for m in pkgutil.iter_modules(harness.metrics.__path__, "harness.metrics.")]


@pytest.mark.parametrize("module", MODULES)
def test_docstring_examples_hold(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_the_examples_of_the_page_hold() -> None:
    page = Path(__file__).parents[3] / "docs" / "metrics.md"
    results = doctest.testfile(str(page), module_relative=False)
    assert results.attempted > 5
    assert results.failed == 0
