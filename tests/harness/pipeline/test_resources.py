"""What stages take of a machine: declared in a file or in words, the last word first."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import ConfigError
from harness.pipeline import Executor, LocalExecutor, RayExecutor, ResourcesEntry, read_resources
from harness.pipeline._resources import resources_of


def test_words_read_like_an_experiment_file() -> None:
    found = read_resources({"train.gpus": 1, "train.cpus": 2, "tune.a100": 1})
    assert found == {
        "train": ResourcesEntry(gpus=1, cpus=2),
        "tune": ResourcesEntry(custom={"a100": 1}),
    }


def test_every_wrong_word_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        read_resources({"train": 1, "predict.cpus": -1})
    told = str(raised.value)
    assert "'train' names no resource (STAGE.WHAT=N)" in told and "predict.cpus" in told
    with pytest.raises(ConfigError, match=r"'trian' is not a stage, must be one of: .*train"):
        read_resources({"trian.gpus": 1})


def test_what_is_declared_last_goes_first_and_the_rest_is_the_default() -> None:
    default = resources_of("train")
    assert (default.cpus, default.gpus) == (1, 0) and (default.memory_gb or 0) > 0
    declared = {"train": ResourcesEntry(cpus=4, gpus=1)}, {"train": ResourcesEntry(gpus=0.5)}
    found = resources_of("train", *declared)
    assert (found.cpus, found.gpus, found.memory_gb) == (4, 0.5, default.memory_gb)
    assert resources_of("predict", *declared) == resources_of("predict")


def test_an_experiment_file_names_stages_that_exist(small_task: Any, command: Any) -> None:
    wrong = small_task.changed(lambda d: d.update(resources={"trian": {"gpus": 1}}))
    said = command("plan", wrong)
    assert said.code == 2
    assert "other.yaml:" in said.err and "'trian' is not a stage" in said.err


def test_resources_are_no_part_of_any_key(small_task: Any, command: Any) -> None:
    from harness.pipeline import build_plan, load_setup

    other = small_task.changed(lambda d: d.update(resources={"train": {"gpus": 1}}))
    plans = [build_plan(load_setup(file)) for file in (small_task.experiment, other)]
    assert [n.key for n in plans[0].nodes] == [n.key for n in plans[1].nodes]


def test_options_of_a_cluster_need_the_executor_that_has_one(small_task: Any, command: Any) -> None:
    words = ("--address", "auto", "--resource", "train.gpus=1")
    said = command("run", small_task.experiment, *words)
    assert said.code == 2
    assert said.err.count("add --executor ray") == 2


def test_both_executors_are_executors() -> None:
    assert isinstance(LocalExecutor(), Executor) and isinstance(RayExecutor(), Executor)


def test_a_missing_ray_names_the_extra(
    small_task: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    said = command("run", small_task.experiment, "--executor", "ray")
    assert said.code == 5
    assert "calldistil[ray]" in said.err
