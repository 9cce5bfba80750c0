"""The fixtures: runs by the experiment that a test is marked with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin._runs import Runs, RunUnderTest, SystemUnderTest, find_experiment

if TYPE_CHECKING:
    from harness.pipeline import Experiment

__all__ = [
    "MARK",
    "calldistil_experiment",
    "calldistil_run",
    "calldistil_runs",
    "calldistil_system",
    "marked_experiment",
    "report_folder",
]

MARK = "calldistil"


@pytest.fixture(scope="session")
def calldistil_runs(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Carries out experiments by file or name, each once per session.

    Workers of pytest-xdist share the folder: with ``--calldistil-report DIR`` it is ``DIR/runs``,
    which later sessions find again, and else a temporary one.
    """
    report = report_folder(pytestconfig)
    if report is not None:
        return Runs(report / "runs")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(pytestconfig, "workerinput") else base
    return Runs(shared / "calldistil-runs")


@pytest.fixture
def calldistil_run(request: pytest.FixtureRequest, calldistil_runs: Runs) -> RunUnderTest:
    """The finished run of the experiment that the test is marked with."""
    experiment = marked_experiment(request.node)
    if experiment is None:
        pytest.fail(
            "calldistil_run needs to know which experiment: mark the test, its class or its module"
            f" with @pytest.mark.{MARK}(experiment='my.experiment.yaml')",
            pytrace=False,
        )
    return calldistil_runs(experiment, base=Path(request.path).parent)


@pytest.fixture
def calldistil_experiment(request: pytest.FixtureRequest) -> Experiment:
    """The experiment that the test is marked with, read and checked; nothing is run."""
    from harness.pipeline import load_setup

    experiment = marked_experiment(request.node)
    if experiment is None:
        pytest.fail(
            f"calldistil_experiment needs @pytest.mark.{MARK}(experiment=...)", pytrace=False
        )
    return load_setup(find_experiment(experiment, Path(request.path).parent)).experiment


@pytest.fixture
def calldistil_system(
    request: pytest.FixtureRequest, calldistil_run: RunUnderTest
) -> SystemUnderTest:
    """Each system of the run in turn, or those of the mark's ``systems``."""
    return calldistil_run.system(request.param)


def marked_experiment(node: pytest.Item | pytest.Collector) -> str | None:
    """The experiment of the nearest mark."""
    for mark in node.iter_markers(MARK):
        found = mark.kwargs.get("experiment", mark.args[0] if mark.args else None)
        if found is not None:
            return str(found)
    return None


def report_folder(config: pytest.Config) -> Path | None:
    """Where ``--calldistil-report`` writes; relative to where pytest was called."""
    named = config.getoption("calldistil_report", default=None)
    return None if named is None else (config.invocation_params.dir / str(named)).resolve()
