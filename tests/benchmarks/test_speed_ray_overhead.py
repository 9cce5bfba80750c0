"""The benchmark of the Ray executor, at its smallest. No time is asserted here."""

import json

import pytest

from benchmarks.experiments import NEWSROOM_DEMO
from benchmarks.speed import ray_overhead

pytest.importorskip("ray")


@pytest.mark.slow
def test_the_last_line_is_one_object_with_both_sides(capsys, tmp_path):
    text = NEWSROOM_DEMO.read_text(encoding="utf-8")
    text = text.replace("../", f"{NEWSROOM_DEMO.parent.parent}/")
    small = tmp_path / "small.yaml"
    small.write_text(text.replace("entity_marker.v1", "linear.v1"), encoding="utf-8")
    assert ray_overhead.main(["--turns", "1", "--experiment", str(small)]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"name", "value", "unit", "peer", "peer_value", "ratio", "aim", "holds"} < set(result)
    assert result["equal"] and result["cells"] == 5
    assert result["value"] > 0 and result["peer_value"] > 0 and result["start_s"] > 0
    assert result["holds"] == (result["ratio"] <= result["aim"] == 1.5)
