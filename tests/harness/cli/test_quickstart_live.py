"""``calldistil quickstart --live``: the demo with a local model."""

import json

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import BackendError


def run(*words, input=None):
    return CliRunner().invoke(main, ["quickstart", *map(str, words)], input=input)


def test_a_local_model_answers_in_place_of_the_recording(tmp_path):
    pytest.importorskip("llama_cpp")
    pytest.importorskip("gguf")
    from benchmarks.speed.random_gguf import write_random_gguf

    model = write_random_gguf(tmp_path / "m.gguf")
    result = run(
        "--live", "--model", model, "--limit", 6, "-o", tmp_path / "run", "--format", "json", "-q"
    )
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert {"llm", "labelled", "gold"} <= set(json.dumps(rows).replace('"', " ").split())


def test_a_model_that_is_not_there_is_told_before_anything_is_done(tmp_path):
    result = run("--live", "--model", tmp_path / "absent.gguf", "-o", tmp_path / "run")
    assert result.exit_code == 2
    assert "absent.gguf" in result.output


def test_size_and_licence_are_shown_before_a_model_is_fetched(tmp_path):
    result = run("--live", "-o", tmp_path / "run", input="n\n")
    assert result.exit_code != 0
    assert "680 MB" in result.output and "Apache-2.0" in result.output
    assert not (tmp_path / "run").exists()


def test_a_hub_out_of_reach_is_one_clear_message(tmp_path, monkeypatch):
    pytest.importorskip("llama_cpp")
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = run("--live", "--yes", "--limit", 2, "-o", tmp_path / "run", "-q")
    assert result.exit_code == BackendError.exit_code
    assert "model: FILE.gguf" in result.output


def test_a_model_without_live_is_a_usage_error(tmp_path):
    assert run("--model", tmp_path / "m.gguf").exit_code == 2
