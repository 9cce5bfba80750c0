"""Runs on Ray: the same artefacts and tables as here, on shared storage, with clear refusals."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from harness.errors import CalldistilError, ConfigError
from harness.pipeline import (
    Node,
    RayExecutor,
    ResourcesEntry,
    RunFolder,
    Work,
    build_plan,
    load_setup,
    run_experiment,
)
from harness.pipeline import _ray_cluster as cluster_module
from harness.pipeline._local import Quiet
from harness.pipeline._ray_task import Sight, look_around
from harness.pipeline.stages import Measures
from harness.report import report_run, same_results
from harness.store import ArtefactStore, content_digest, open_call_store

pytest.importorskip("ray")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two worker processes, which the executor finds."""
    import logging

    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))  # the workers find the probe
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=100_000_000,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        yield ray
        ray.shutdown()


def digests(run: RunFolder) -> dict[str, str]:
    return {a.folder.name: content_digest(a) for a in run.artefacts}


@dataclass(frozen=True)
class Probe:
    """A stage that does as it is told."""

    name: ClassVar[str] = "predict"
    version: ClassVar[int] = 1
    order: str
    note: Path

    def identity(self) -> Mapping[str, Any]:
        return {"order": self.order}

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: object) -> Measures:
        return self.work(inputs=inputs, content=content)

    def work(
        self, *, inputs: Mapping[str, Path], content: Path, progress: object = None
    ) -> Measures:
        with self.note.open("a") as stream:
            stream.write(f"{self.order}\n")
        begun = self.note.read_text().count(self.order)
        if self.order == "die" or (self.order == "die once" and begun == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.order == "stumble":
            raise ZeroDivisionError("by zero")
        (content / "order").write_text(self.order)
        return Measures(units=1)


def carry_out(small_task: Any, folder: Path, *orders: str, **options: Any) -> list[str]:
    """Carries out a probe for each order; returns the orders that were begun."""
    plan = build_plan(load_setup(small_task.experiment))
    note = folder / "note"
    note.touch()
    probes = tuple(Node(Probe(order, note), f"probe: {order}", {}) for order in orders)
    plan = dataclasses.replace(plan, systems=(), overlaps=(), explanations={}, further=probes)
    with open_call_store(folder / "calls.sqlite") as calls:
        work = Work(
            plan, ArtefactStore(folder / "artefacts"), calls, folder / "calls.sqlite", "r", Quiet()
        )
        try:
            RayExecutor(**options).execute(work)
        finally:
            begun = note.read_text().splitlines()
    return begun


def test_a_matrix_of_27_cells_is_the_same_on_ray_as_here(cluster: Any, tmp_path: Path) -> None:
    from benchmarks.experiments import NEWSROOM_MATRIX

    here = run_experiment(NEWSROOM_MATRIX, folder=tmp_path / "here", jobs=2)
    ray = run_experiment(NEWSROOM_MATRIX, folder=tmp_path / "ray", executor=RayExecutor())
    systems = here.manifest().systems
    assert sum(len(s.repetitions) for s in systems if s.kind != "direct") == 27
    assert len({r.answers for s in systems for r in s.repetitions}) == 28
    assert digests(here) == digests(ray)
    assert same_results(report_run(here.folder), report_run(ray.folder)) == []


def test_a_run_on_a_storage_is_found_there_by_the_next(
    cluster: Any, small_task: Any, command: Any, tmp_path: Path
) -> None:
    pytest.importorskip("fsspec")
    storage = f"file://{tmp_path}/storage"
    here = run_experiment(small_task.experiment, folder=tmp_path / "here", jobs=1)
    words = ("--store", storage, "--executor", "ray")
    said = command("run", small_task.experiment, "-o", tmp_path / "one", *words)
    assert said.code == 0, said.err
    assert not list((tmp_path / "storage").glob("*/*.tmp"))
    said = command("run", small_task.experiment, "-o", tmp_path / "two", *words)
    assert said.code == 0 and "0 stages done" in said.err
    fetched = {p.name.partition("-")[0] for p in (tmp_path / "two" / "artefacts").glob("[!.]*")}
    assert "extract" in fetched  # the report reads answers
    for name in ("one", "two"):
        run = RunFolder.open(tmp_path / name)
        assert run.storage == storage
        assert digests(run) == digests(here)
        assert same_results(report_run(run.folder), report_run(here.folder)) == []
    (tmp_path / "storage").rename(tmp_path / "moved")  # an old run's report needs it not
    assert command("report", tmp_path / "one").code == 0


def test_an_error_comes_back_with_its_words_and_what_others_began_stays(
    cluster: Any, small_task: Any, command: Any, tmp_path: Path
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["systems"]["gold"]["options"] = {"types": True}  # its rows have no types

    broken = small_task.changed(change)
    there = command("run", broken, "-o", tmp_path / "run", "-q", "--executor", "ray")
    here = command("run", broken, "-o", tmp_path / "here", "-q", "--jobs", "1")
    assert there.code == here.code != 0
    assert there.err == here.err
    stages = [a.stage for a in RunFolder.open(tmp_path / "run").artefacts]
    assert "extract" in stages or "generate" in stages
    assert list((tmp_path / "run" / "artefacts").glob(".*.draft")) == []


def test_a_stage_whose_worker_is_killed_is_begun_again(
    cluster: Any, small_task: Any, tmp_path: Path
) -> None:
    assert carry_out(small_task, tmp_path, "die once", "write").count("die once") == 2
    done = [a.stage for a in ArtefactStore(tmp_path / "artefacts")]
    assert done.count("predict") == 2


def test_a_stage_that_always_loses_its_worker_is_given_up_with_advice(
    cluster: Any, small_task: Any, tmp_path: Path
) -> None:
    with pytest.raises(CalldistilError, match="'probe: die' lost its worker 3 times") as raised:
        carry_out(small_task, tmp_path, "die", "write")
    assert "--resource predict.memory_gb=" in raised.value.hint
    assert (tmp_path / "note").read_text().count("die") == 3
    assert [a.stage for a in ArtefactStore(tmp_path / "artefacts")].count("predict") == 1


def test_an_unforeseen_error_names_its_stage(cluster: Any, small_task: Any, tmp_path: Path) -> None:
    with pytest.raises(CalldistilError, match="probe: stumble: ZeroDivisionError: by zero"):
        carry_out(small_task, tmp_path, "stumble")


def test_what_no_machine_has_is_refused_before_anything_is_begun(
    cluster: Any, small_task: Any, tmp_path: Path
) -> None:
    wanted = {"predict": ResourcesEntry(gpus=8, custom={"a100": 1})}
    with pytest.raises(ConfigError, match=r"no machine .* 8 GPUs.* 1 a100.*'predict'"):
        carry_out(small_task, tmp_path, "write", resources=wanted)
    assert (tmp_path / "note").read_text() == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kernel": "another"}, "cannot share.*--calls postgresql://"),
        ({"missing": "all"}, "does not see the folder .*--store"),
        ({"calldistil": "0.0.1"}, "calldistil 0.0.1.*install the same on both"),
    ],
)
def test_a_machine_that_cannot_do_its_part_is_refused_with_the_fix(
    cluster: Any,
    small_task: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str],
    told: str,
) -> None:
    def sights(self: object, files: tuple[Path, ...]) -> list[Sight]:
        seen = look_around(())
        if change.get("missing"):
            return [dataclasses.replace(seen, missing=tuple(map(str, files)))]
        return [dataclasses.replace(seen, **change)]

    monkeypatch.setattr(cluster_module.RayCluster, "sights", sights)
    with pytest.raises(ConfigError, match=told):
        run_experiment(small_task.experiment, folder=tmp_path / "r", executor=RayExecutor())
    assert list(RunFolder.open(tmp_path / "r").artefacts) == []


def test_no_cluster_at_an_address_is_said_in_one_line(small_task: Any, calldistil: Any) -> None:
    words = ("--executor", "ray", "--address", "127.0.0.1:1", "-o", small_task.folder / "r")
    said = calldistil("run", small_task.experiment, *words)
    assert said.returncode == 2, said.stderr
    assert "there is no Ray cluster at '127.0.0.1:1'" in said.stderr


def test_the_number_of_jobs_says_nothing_to_a_cluster(
    small_task: Any, calldistil: Any, tmp_path: Path
) -> None:
    words = ("--executor", "ray", "--address", "auto", "--jobs", "2", "-o", tmp_path / "r")
    said = calldistil("run", small_task.experiment, *words)
    assert said.returncode == 2 and "--resource" in said.stderr
