"""What ``calldistil doctor`` finds out about backends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.cli._experiments import experiment_file
from harness.cli._options import options_of
from harness.errors import CalldistilError
from harness.pipeline import checked_component, load_setup
from harness.protocols import Probeable, ProbeFinding
from harness.registry import backends

__all__ = ["backend_findings", "experiment_findings"]


def experiment_findings(name: str) -> Iterator[ProbeFinding]:
    """Looks at every backend of an experiment."""
    setup = load_setup(experiment_file(name))
    for backend, entry in setup.experiment.backends.items():
        found = checked_component(backends, entry.use, entry.options, setup.base)
        yield from _probed(backend, found.kind(options=found.options))


def backend_findings(name: str, words: Sequence[str]) -> Iterator[ProbeFinding]:
    """Looks at one backend with the options given."""
    options = options_of(backends, name, words, "--backend-option")
    found = checked_component(backends, name, options, Path())
    yield from _probed(name, found.kind(options=found.options))


def _probed(name: str, backend: object) -> Iterator[ProbeFinding]:
    if not isinstance(backend, Probeable):
        yield ProbeFinding("note", name, "has no server to look at")
        return
    try:
        yield from backend.probe()
    except CalldistilError as error:
        yield ProbeFinding("error", name, error.message, error.hint)
    finally:
        close = getattr(backend, "close", None)
        if close is not None:
            close()
