"""What all tests share: the public data, the built-in schemas and a factory of examples."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from harness.relations import Example, Mention, Schema, load_schema

REPOSITORY = Path(__file__).resolve().parents[1]

# Set before any test imports numpy or torch: workers of pytest-xdist share few cores, and sums
# are only equal at a fixed number of threads.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# A time limit per example only tells how busy the machine is.
hypothesis.settings.register_profile("calldistil", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("calldistil")


def _data_home() -> Path:
    named = os.environ.get("CALLDISTIL_DATA")
    return Path(named).resolve() if named else (REPOSITORY / "../shared/data").resolve()


@pytest.fixture(scope="session")
def data_home() -> Path:
    """The folder of public data sets; a test that uses it carries the mark ``data``."""
    home = _data_home()
    if not home.is_dir():
        pytest.skip(f"the public data sets are not at {home}; set CALLDISTIL_DATA to their folder")
    return home


@pytest.fixture(scope="session")
def llm_recordings(data_home: Path) -> Path:
    """The folder of recorded LLM answers, beside the public data."""
    folder = data_home.parent / "llm"
    if not folder.is_dir():
        pytest.skip(f"the recorded LLM answers are not at {folder}")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fails a run whose data tests forgot the mark by which they are selected."""
    for item in items:
        if "data_home" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("data"):
            raise pytest.UsageError(f"{item.nodeid} uses the public data and lacks the mark 'data'")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Under CI with the data at hand, a data test that skips itself is a failure.

    Unless it lacks a package: the environment without an extra skips that extra's tests.
    """
    report = yield
    must_run = os.environ.get("CI") == "true" and _data_home().is_dir()
    lacks_package = "could not import" in str(report.longrepr)
    if must_run and report.skipped and not lacks_package and item.get_closest_marker("data"):
        report.outcome = "failed"
        report.longrepr = f"a data test was skipped under CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def semeval_schema() -> Schema:
    """A directed schema without types, whose NA label is ``Other``."""
    return load_schema("semeval-2010-task-8")


@pytest.fixture(scope="session")
def demo_schema() -> Schema:
    """An undirected schema with types, whose NA label is ``no_relation``."""
    return load_schema("newsroom-demo")


MakeExample = Callable[..., Example]


@pytest.fixture(scope="session")
def make_example() -> MakeExample:
    """Makes an example from a text and the surfaces of its head and tail."""

    def make(
        text: str = "The cup held hot tea .",
        head: str = "cup",
        tail: str = "tea",
        relation: str | None = None,
        *,
        id: str = "1",
        group: str | None = None,
        head_type: str | None = None,
        tail_type: str | None = None,
    ) -> Example:
        head_start, tail_start = text.index(head), text.index(tail)
        return Example(
            id=id,
            text=text,
            head=Mention.of(text, head_start, head_start + len(head), head_type),
            tail=Mention.of(text, tail_start, tail_start + len(tail), tail_type),
            relation=relation,
            group=group,
        )

    return make
