"""What is built holds all that an installed calldistil needs, and nothing of a machine."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("harness", "agents", "benchmarks")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of this source tree, built without a network."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("built")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return folder


def _sources() -> set[str]:
    return {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc"
    }


def _wheel(built: Path) -> list[str]:
    [wheel] = built.glob("*.whl")
    return zipfile.ZipFile(wheel).namelist()


def _sdist(built: Path) -> list[str]:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(built: Path) -> None:
    held = {name for name in _wheel(built) if ".dist-info/" not in name}
    assert held == _sources()


@pytest.mark.parametrize(
    "pattern",
    [
        "harness/py.typed",
        "agents/py.typed",
        "harness/relations/schemas/*.yaml",
        "agents/prompts/**/*.jinja",
        "benchmarks/demo/test.jsonl",
        "benchmarks/demo/recordings/*.jsonl",
        "benchmarks/recordings/semeval-2010-task-8/*",
    ],
)
def test_package_data_is_there_to_be_packed(pattern: str) -> None:
    assert list(ROOT.glob(pattern))


def test_the_sdist_holds_the_packages_the_tests_and_the_licence(built: Path) -> None:
    held = set(_sdist(built))
    assert _sources() <= held
    others = {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "tox.ini"}
    assert held >= others | {"tests/conftest.py"}


def test_the_wheel_declares_the_command_the_entry_points_and_the_licence(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [points] = [n for n in archive.namelist() if n.endswith(".dist-info/entry_points.txt")]
        text = archive.read(points).decode()
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    assert "calldistil = harness.cli:main" in text
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for group in declared.get("entry-points", {}):
        assert f"[{group}]" in text


def test_every_extra_that_is_not_for_development_is_part_of_all() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    [everything] = extras["all"]
    named = set(everything.removeprefix("calldistil[").removesuffix("]").split(","))
    assert named == set(extras) - {"all", "dev"}
