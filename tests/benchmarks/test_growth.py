"""The benchmark of growth at its smallest, and what it calls linear."""

import json

import pytest

from benchmarks.growth import Measured, growth_of, main, write_sentences
from harness.datasets import read_examples


def points(*seconds):
    return [Measured("s", 10 ** (at + 3), cpu, 1.0) for at, cpu in enumerate(seconds)]


def test_growth_is_one_where_each_example_costs_the_same_whatever_the_start_costs():
    assert growth_of(points(5.1, 6.0, 15.0)) == pytest.approx(1.0)
    assert growth_of(points(0.1, 1.0, 10.0)) == pytest.approx(1.0)


def test_growth_is_ten_where_pairs_are_compared():
    assert growth_of(points(0.01, 1.0, 100.0)) == pytest.approx(10.0)


def test_two_sizes_or_a_blink_say_nothing_of_growth():
    assert growth_of(points(0.1, 1.0)) is None
    assert growth_of(points(0.001, 0.002, 0.003)) is None


def test_synthetic_sentences_are_examples_of_every_label(tmp_path):
    write_sentences(tmp_path / "test.jsonl", 200, seed=1)
    examples = read_examples(tmp_path / "test.jsonl")
    assert len({e.text for e in examples}) == 200
    assert {e.relation for e in examples} == {"works_for", "lives_in", "none"}


@pytest.mark.slow
def test_the_command_measures_every_stage_and_writes_its_table(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# Growth\n", encoding="utf-8")
    assert main(["--sizes", "60", "120", "--write", str(page)]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"name", "value", "unit", "aim", "holds"} <= set(result)
    text = page.read_text(encoding="utf-8")
    for stage in ("read", "extract", "train", "predict", "overlap", "report", "predict a file"):
        assert f"| {stage}" in text
