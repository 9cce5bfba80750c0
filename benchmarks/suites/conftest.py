"""The marks of the suites."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # equal artefacts need a fixed number of threads


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marks, for a run from an installed package too."""
    config.addinivalue_line("markers", "demo: the embedded demo, from recorded answers")
    config.addinivalue_line("markers", "semeval: SemEval-2010 Task 8, from recorded answers")
    config.addinivalue_line("markers", "slow: takes more than a few seconds")


@pytest.fixture(scope="session")
def semeval_data() -> Path:
    """The folder with SemEval-2010 Task 8; skips where it is absent."""
    named = os.environ.get("CALLDISTIL_DATA")
    home = Path(named) if named else REPOSITORY / "../shared/data"
    file = home / "semeval2010_task8" / "TEST_FILE_FULL.TXT"
    if not file.is_file():
        pytest.skip(
            f"SemEval-2010 Task 8 is not at {file.parent}: calldistil data fetch"
            " semeval-2010-task-8 gets it, and CALLDISTIL_DATA names the folder above"
        )
    return file.parent
