"""``calldistil quickstart --live``: the demo with a local model."""

import pytest

from harness.errors import BackendError


@pytest.fixture
def run(calldistil):
    def run(*words, **fields):
        return calldistil("quickstart", *words, **fields)

    return run


def test_a_local_model_answers_in_place_of_the_recording(run, tmp_path):
    pytest.importorskip("llama_cpp")
    pytest.importorskip("gguf")
    from benchmarks.speed.random_gguf import write_random_gguf

    model = write_random_gguf(tmp_path / "m.gguf")
    result = run(
        "--live", "--model", model, "--limit", 6, "-o", tmp_path / "run", "--format", "csv", "-q"
    )
    assert result.returncode == 0, result.stderr
    for system in ("llm", "labelled", "gold"):
        assert system in result.stdout


def test_a_model_that_is_not_there_is_told_before_anything_is_done(run, tmp_path):
    result = run("--live", "--model", tmp_path / "absent.gguf", "-o", tmp_path / "run")
    assert result.returncode == 2
    assert "absent.gguf" in result.stderr


def test_size_and_licence_are_shown_before_a_model_is_fetched(run, tmp_path):
    result = run("--live", "-o", tmp_path / "run", stdin="n\n")
    assert result.returncode != 0
    assert "680 MB" in result.stderr and "Apache-2.0" in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_hub_out_of_reach_is_one_clear_message(run, tmp_path):
    pytest.importorskip("llama_cpp")
    pytest.importorskip("huggingface_hub")
    result = run("--live", "--yes", "--limit", 2, "-o", tmp_path / "run", "-q", HF_HUB_OFFLINE="1")
    assert result.returncode == BackendError.exit_code
    assert "model: FILE.gguf" in result.stderr


def test_a_model_without_live_is_a_usage_error(run, tmp_path):
    assert run("--model", tmp_path / "m.gguf").returncode == 2
