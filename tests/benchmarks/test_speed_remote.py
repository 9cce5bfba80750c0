"""The speed benchmark of the backend openai, at its smallest."""

import json

import pytest

from benchmarks.speed import remote

pytest.importorskip("openai")


@pytest.mark.slow
def test_the_last_line_is_one_object_with_both_sides(capsys):
    assert remote.main(["--requests", "60", "--concurrency", "8", "--turns", "1"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"name", "value", "unit", "peer", "peer_value", "ratio", "aim", "holds"} <= set(result)
    assert result["value"] <= result["ideal"] == 80
    assert result["holds"] == (result["value"] >= result["aim"])
