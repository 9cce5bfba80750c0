import json

import pytest

from benchmarks.speed import page


@pytest.mark.slow
def test_the_page_benchmark_says_time_and_memory_of_a_small_page(capsys):
    pytest.importorskip("matplotlib")
    words = ["--systems", "3", "--examples", "60", "--resamples", "200"]
    assert page.main(words) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["name"] == "page of 180 predictions"
    assert result["holds"] == (
        result["value"] < result["aim"] and result["memory_gb"] < result["aim_gb"]
    )
