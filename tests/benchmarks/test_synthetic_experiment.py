"""The experiments on synthetic sets: both say the same, but for the student."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmarks.experiments import SYNTHETIC_SEMEVAL, SYNTHETIC_SEMEVAL_LINEAR
from harness.pipeline import build_plan, load_setup


def systems(file: Path) -> dict[str, object]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))["systems"]  # type: ignore[no-any-return]


def test_the_quick_experiment_has_the_same_systems_with_another_student() -> None:
    whole, quick = systems(SYNTHETIC_SEMEVAL), systems(SYNTHETIC_SEMEVAL_LINEAR)
    swapped = yaml.safe_dump(whole).replace("entity_marker.v1", "linear.v1")
    assert yaml.safe_load(swapped) == quick


@pytest.mark.data
def test_the_plan_holds_every_size_mode_and_gate(
    data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLDISTIL_DATA", str(data_home))
    plan = build_plan(load_setup(SYNTHETIC_SEMEVAL))
    names = {system.name for system in plan.systems}
    for mode in ("plain", "diverse", "both"):
        for n in (4, 8, 16, 32):
            assert {f"{mode}-{n}", f"{mode}-{n}+gold-8"} <= names
    assert {f"labelled-{n}" for n in (250, 500, 1000, 2000)} <= names
    students = [s for s in plan.systems if s.kind != "direct"]
    assert {len(system.repetitions) for system in students} == {3}
    # Asked once each, however many systems use their rows.
    counts = [node.stage.name for node in plan.nodes]
    assert (counts.count("generate"), counts.count("review")) == (2, 2)
