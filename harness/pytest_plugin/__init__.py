"""A pytest plug-in: experiments, runs and systems as fixtures, intervals as assertions.

pytest loads it in every suite where calldistil is installed, so importing it imports nothing but
pytest; what carries out or reads a run is imported by the fixture that needs it.
"""

from harness.pytest_plugin._assertions import (
    assert_costs_less,
    assert_not_regressed,
    assert_not_worse,
    assert_score_at_least,
    assert_unparsed_at_most,
)
from harness.pytest_plugin._fixtures import calldistil_experiment as calldistil_experiment
from harness.pytest_plugin._fixtures import calldistil_run as calldistil_run
from harness.pytest_plugin._fixtures import calldistil_runs as calldistil_runs
from harness.pytest_plugin._fixtures import calldistil_system as calldistil_system
from harness.pytest_plugin._hooks import pytest_addoption as pytest_addoption
from harness.pytest_plugin._hooks import pytest_configure as pytest_configure
from harness.pytest_plugin._hooks import pytest_generate_tests as pytest_generate_tests
from harness.pytest_plugin._hooks import pytest_sessionfinish as pytest_sessionfinish
from harness.pytest_plugin._hooks import pytest_terminal_summary as pytest_terminal_summary
from harness.pytest_plugin._runs import Runs, RunUnderTest, SystemUnderTest

# For suites to import. Hooks and fixtures are for pytest: a suite that took them as well, with
# a star, would have them twice.
__all__ = [
    "RunUnderTest",
    "Runs",
    "SystemUnderTest",
    "assert_costs_less",
    "assert_not_regressed",
    "assert_not_worse",
    "assert_score_at_least",
    "assert_unparsed_at_most",
]
