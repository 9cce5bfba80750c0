"""``calldistil doctor``: a clean installation, and one whose ``agents`` is somebody else's."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def rival(tmp_path: Path) -> Path:
    """A folder with another distribution that brings a top-level package ``agents``."""
    site = tmp_path / "site"
    package, info = site / "agents", site / "other_agents-1.2.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text("WHOSE = 'theirs'\n", encoding="utf-8")
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: other-agents\nVersion: 1.2\n", encoding="utf-8"
    )
    (info / "top_level.txt").write_text("agents\n", encoding="utf-8")
    (info / "RECORD").write_text("agents/__init__.py,,\n", encoding="utf-8")
    return site


def before_ours(site: Path) -> str:
    """A search path on which ``site`` comes first."""
    return os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))


def findings(done: Any) -> dict[str, dict[str, str]]:
    return {found["about"]: found for found in json.loads(done.stdout)}


def test_a_clean_installation_is_well(calldistil: Any, tmp_path: Path) -> None:
    done = calldistil("doctor", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    found = findings(done)
    assert {f["state"] for f in found.values()} <= {"ok", "note"}
    assert found["package agents"]["said"] == "ours"
    assert "zero_shot.v1" in found["extractors"]["said"]


def test_another_distributions_agents_is_a_warning_with_a_way_out(
    calldistil: Any, rival: Path, tmp_path: Path
) -> None:
    done = calldistil("doctor", "--json", cwd=tmp_path, PYTHONPATH=before_ours(rival))
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    found = findings(done)
    warning = found["package agents"]
    assert warning["state"] == "warning"
    assert str(rival) in warning["said"]
    assert "pip uninstall other-agents" in warning["fix"]
    assert found["package harness"]["state"] == "ok"
    assert found["backends"]["state"] == "error"


def test_the_warning_stands_in_the_text_as_well(
    calldistil: Any, rival: Path, tmp_path: Path
) -> None:
    done = calldistil("doctor", cwd=tmp_path, PYTHONPATH=before_ours(rival))
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("warning")]
    assert "another distribution's is imported instead of ours" in line


def test_a_run_under_a_rival_package_says_what_is_wrong(
    calldistil: Any, rival: Path, small_task: Any, tmp_path: Path
) -> None:
    done = calldistil("plan", small_task.experiment, cwd=tmp_path, PYTHONPATH=before_ours(rival))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "calldistil doctor" in done.stderr
