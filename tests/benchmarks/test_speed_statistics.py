import json

from benchmarks.speed import statistics


def test_the_statistics_benchmark_says_how_long_all_pairs_took(capsys):
    words = ["--systems", "4", "--examples", "50", "--resamples", "100"]
    assert statistics.main(words) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["name"] == "4 systems x 50 examples x 100 resamples, 6 pairs"
    assert result["holds"] == (result["value"] < result["aim"])
