"""The plan of a very large run, from very few sentences. No time is asserted here."""

import json

from benchmarks import at_scale


def test_the_figures_follow_from_what_was_measured(capsys):
    assert at_scale.main(["--measured", "200", "--sentences", "1000000", "--shard", "30000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    figures = json.loads(lines[-1])
    assert figures["shards"] == 34
    assert figures["calls_gb"] == 1_000_000 * figures["store_bytes"] / 1e9
    tokens = figures["prompt_tokens"] * 2 + figures["answer_tokens"] * 8
    assert round(figures["list_usd"], 6) == round(tokens, 6)
    assert figures["batch_usd"] == figures["list_usd"] / 2
    assert figures["cached_usd"] == figures["list_usd"]  # a prefix of 341 tokens is not cached
    assert figures["prefix_tokens"] < 1024 and figures["asked_per_s"] > 0
    assert lines[0].startswith("| what") and len(lines) == 16
