"""A finished run of the small task with a student, an LLM and a cascade of both."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.pipeline import run_experiment

SYSTEMS = {
    "llm": {"extractor": "zero_shot.v1", "backend": "teacher"},
    "gold": {"student": "linear.v1", "train_on": [{"gold": "train"}]},
    "mixed": {"cascade": {"student": "gold", "direct": "llm", "threshold": 0.9933}},
    "curve": {"cascade": {"student": "gold", "direct": "llm"}},
}


@pytest.fixture(scope="session")
def shipped_run(task_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's folder; its data stays beside it."""
    folder = tmp_path_factory.mktemp("shipped")
    for name, text in task_files.items():
        (folder / name).write_text(text, encoding="utf-8")
    document = yaml.safe_load((folder / "experiment.yaml").read_text(encoding="utf-8"))
    document["systems"] = SYSTEMS
    document["seeds"] = {"training": [3, 4]}
    for name in ("candidate", "few_shot"):
        document.pop(name, None)
    (folder / "experiment.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return run_experiment(folder / "experiment.yaml", folder=folder / "run", jobs=1).folder


@pytest.fixture(scope="session")
def sentences(shipped_run: Path) -> Path:
    """The run's test sentences."""
    return shipped_run.parent / "test.jsonl"
