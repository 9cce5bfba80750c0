import json

from benchmarks.speed import retrieval


def test_the_search_agrees_with_a_full_sort_and_says_how_long_it_took(capsys):
    assert retrieval.main(["--pool", "200", "--queries", "30", "--turns", "1"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["holds"] == (result["value"] < result["aim"])
    assert result["name"] == "8 nearest of 200 for 30 sentences"
