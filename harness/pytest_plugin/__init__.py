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
from harness.pytest_plugin._fixtures import (
    calldistil_experiment,
    calldistil_run,
    calldistil_runs,
    calldistil_system,
)
from harness.pytest_plugin._hooks import (
    pytest_addoption,
    pytest_configure,
    pytest_generate_tests,
    pytest_sessionfinish,
    pytest_terminal_summary,
)
from harness.pytest_plugin._runs import Runs, RunUnderTest, SystemUnderTest

__all__ = [
    "RunUnderTest",
    "Runs",
    "SystemUnderTest",
    "assert_costs_less",
    "assert_not_regressed",
    "assert_not_worse",
    "assert_score_at_least",
    "assert_unparsed_at_most",
    "calldistil_experiment",
    "calldistil_run",
    "calldistil_runs",
    "calldistil_system",
    "pytest_addoption",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
]
