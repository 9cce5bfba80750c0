"""The fuzz targets are complete, read their seeds, and survive a while of hostile input."""

import contextlib
import importlib.util
import json

import pytest

from benchmarks.fuzz._engines import run_hypothesis
from benchmarks.fuzz._targets import fuzz_targets
from benchmarks.fuzz._tried import Tried
from harness.datasets import dataset_formats
from harness.errors import CalldistilError
from harness.registry import explainers, extractors, gates, generators

ELSEWHERE = {
    "predictions", "label files", "few-shot ids", "streamed examples", "schema", "experiment",
    "price list", "recordings", "bundle", "batch answers", "manifest", "results", "artefact",
    "call store", "leaderboard", "published figures", "marked text", "openai response",
}  # fmt: skip


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    return fuzz_targets(tmp_path_factory.mktemp("fuzz"))


def test_every_registered_reader_and_agent_is_a_target(targets):
    asking = [name for name in gates.names() if hasattr(gates.get(name), "review")]
    wanted = {
        *(f"reader {name}" for name in dataset_formats.names()),
        *(f"extractor {name}" for name in extractors.names()),
        *(f"generator {name}" for name in generators.names()),
        *(f"explainer {name}" for name in explainers.names()),
        *(f"gate {name}" for name in asking),
    }
    assert wanted | ELSEWHERE == set(targets)


def heavy(name):
    return name == "reader hub" or name.startswith("extractor mbre")  # they load much


@pytest.mark.slow
def test_every_target_reads_what_it_begins_with(targets):
    for name, target in targets.items():
        if target.missing is None and not heavy(name):
            read = 0
            for seed in target.all_seeds():
                try:
                    target.run(seed)
                except CalldistilError:
                    continue
                read += 1
            assert read or name == "leaderboard", name  # a whole one takes many runs


@pytest.mark.slow
def test_no_target_crashes_on_a_second_of_hostile_input(targets):
    pytest.importorskip("hypothesis")
    crashes = {}
    for name, target in targets.items():
        if target.missing is None and not heavy(name):
            tried = Tried(target)
            run_hypothesis(tried, 1.0, seed=20)
            assert tried.executions
            crashes |= {f"{name}: {where}": crash for where, crash in tried.crashes.items()}
    assert crashes == {}


@pytest.mark.slow
def test_the_command_prints_a_table_and_one_object(capsys):
    from benchmarks.fuzz.__main__ import main

    words = ["--targets", "reader jsonl", "marked", "--seconds", "0.5", "--seed", "3"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "| reader jsonl" in out and "| marked text" in out and "| schema" not in out
    result = json.loads(out.splitlines()[-1])
    assert (result["crashes"], result["holds"]) == (0, True) and result["value"] > 0


@pytest.mark.slow
def test_a_crash_is_told_by_its_place_and_kept(tmp_path):
    from benchmarks.fuzz._target import Target

    def fails(data):
        if b"x" in data:
            raise ZeroDivisionError("by x")
        if b"y" in data:
            raise CalldistilError("foreseen")

    tried = Tried(Target("t", fails))
    for data in (b"x", b"xx", b"y", b"z"):
        tried.give(data)
    (crash,) = tried.crashes.values()
    assert "ZeroDivisionError" in crash.where and bytes.fromhex(crash.input) == b"x"
    assert (tried.executions, tried.read) == (4, 1)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="could not import atheris")
def test_atheris_follows_the_same_targets(capfd):
    import subprocess
    import sys

    words = ["--engine", "atheris", "--targets", "marked", "--seconds", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["value"] > 100 and result["crashes"] == 0


DEEP = ("[" * 100_000).encode(), ('{"a":' * 100_000).encode(), b"[[1]]"


@pytest.mark.parametrize("data", DEEP, ids=["lists", "objects", "a list"])
def test_nesting_without_end_is_refused_by_every_reader(targets, data):
    """results.json ended with a RecursionError; found by fuzzing."""
    for name, target in targets.items():
        if target.missing is None and target.refuses and not heavy(name):
            with contextlib.suppress(CalldistilError):
                target.run(data)
