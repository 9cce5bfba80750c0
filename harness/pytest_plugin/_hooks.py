"""pytest's hooks: the option, the mark, one test per system, and the report at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin._fixtures import MARK, report_folder
from harness.pytest_plugin._runs import find_experiment

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

__all__ = [
    "pytest_addoption",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
]

_WRITTEN = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--calldistil-report``."""
    parser.getgroup("calldistil").addoption(
        "--calldistil-report",
        metavar="DIR",
        default=None,
        help="Keep the runs in DIR/runs, and write their reports and the leaderboard there at"
        " the end.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declares the mark."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(experiment, systems=None): the experiment (a file beside the test, or an"
        " installed name) behind the calldistil fixtures, and the systems of calldistil_system",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes one test per system for a test that asks for ``calldistil_system``."""
    if "calldistil_system" not in metafunc.fixturenames:
        return
    systems: tuple[str, ...] | None = None
    experiment: str | None = None
    for mark in metafunc.definition.iter_markers(MARK):
        if systems is None and mark.kwargs.get("systems") is not None:
            systems = tuple(mark.kwargs["systems"])
        if experiment is None:
            named = mark.kwargs.get("experiment", mark.args[0] if mark.args else None)
            experiment = None if named is None else str(named)
    if experiment is None:
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid}: calldistil_system needs"
            f" @pytest.mark.{MARK}(experiment=...)"
        )
    if systems is None:
        systems = _systems_of(experiment, Path(metafunc.definition.path).parent)
    metafunc.parametrize("calldistil_system", systems, indirect=True)


def _systems_of(experiment: str, base: Path) -> tuple[str, ...]:
    """Names of an experiment's systems, without checking the data that it names."""
    from harness.errors import CalldistilError
    from harness.pipeline import read_experiment

    try:
        file = find_experiment(experiment, base)
        systems = read_experiment(file, base=file.parent).systems
    except CalldistilError as error:
        raise pytest.UsageError(f"{error.message} {error.hint or ''}".strip()) from None
    # A cascade without a threshold is a curve and answers nothing.
    return tuple(n for n, s in systems.items() if s.cascade is None or s.cascade.is_row)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the reports and the leaderboard: once, where no worker runs tests any more."""
    folder = report_folder(session.config)
    if folder is None or hasattr(session.config, "workerinput"):
        return
    if session.config.option.collectonly:
        return
    from harness.pytest_plugin._report import write_reports

    session.config.stash[_WRITTEN] = write_reports(folder)


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """Says where the reports are."""
    if written := config.stash.get(_WRITTEN, None):
        terminalreporter.section("calldistil")
        for line in written:
            terminalreporter.write_line(line)
