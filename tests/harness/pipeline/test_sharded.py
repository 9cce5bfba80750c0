"""Very large files in shards: the same answers, kept shard by shard, on every executor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def words(small_task: Any, output: Path, *more: str) -> tuple[str | Path, ...]:
    return (
        "extract", small_task.folder / "test.jsonl", "-s", small_task.folder / "ties.yaml",
        "-b", "recorded", "-B", "model=some-llm",
        "-B", f"recordings={small_task.folder / 'teacher.jsonl'}", "-o", output, *more,
    )  # fmt: skip


def test_shards_give_the_answers_of_the_whole(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    assert command(*words(small_task, tmp_path / "whole", "-q")).code == 0
    said = command(*words(small_task, tmp_path / "cut", "--shard", "10"))
    assert said.code == 0, said.err
    assert "the answers of 4 shards" in said.err and "8 stages done" in said.err
    whole, cut = ((tmp_path / n / "predictions.jsonl").read_bytes() for n in ("whole", "cut"))
    assert whole == cut


def test_what_is_appended_later_leaves_finished_shards_as_they_are(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    file = small_task.folder / "test.jsonl"
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    file.write_text("".join(lines[:20]), encoding="utf-8")
    first = command(*words(small_task, tmp_path / "o", "--shard", "10"))
    assert "4 stages done, 0 found done" in first.err
    file.write_text(text, encoding="utf-8")
    second = command(*words(small_task, tmp_path / "o", "--shard", "10"))
    assert "4 stages done, 4 found done" in second.err
    answers = (tmp_path / "o" / "predictions.jsonl").read_text().splitlines()
    assert [json.loads(a)["id"] for a in answers] == [json.loads(line)["id"] for line in lines]


def test_a_broken_line_is_told_by_its_number_in_the_file(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    file = small_task.folder / "test.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[24] = "{broken"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = command(*words(small_task, tmp_path / "o", "--shard", "10", "-q"))
    assert said.code == 3 and "test.jsonl:25:" in said.err
    assert not (tmp_path / "o" / "predictions.jsonl").exists()


@pytest.mark.parametrize("more", [("--store", "s3://b/x"), ("--executor", "ray")])
def test_options_of_shards_need_shards(
    small_task: Any, command: Any, tmp_path: Path, more: tuple[str, str]
) -> None:
    said = command(*words(small_task, tmp_path / "o", *more))
    assert said.code == 2 and "add --shard LINES" in said.err


@pytest.mark.slow
def test_shards_are_tasks_of_ray_that_the_next_call_finds(
    small_task: Any, calldistil: Any, command: Any, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    pytest.importorskip("fsspec")
    more = ("--shard", "5", "--store", f"file://{tmp_path}/storage")
    there = calldistil(
        *words(small_task, tmp_path / "one", *more, "--executor", "ray", "--jobs", "2")
    )
    assert there.returncode == 0, there.stderr
    here = command(*words(small_task, tmp_path / "two", *more))
    assert "0 stages done, 16 found done" in here.err
    one, two = ((tmp_path / n / "predictions.jsonl").read_bytes() for n in ("one", "two"))
    assert one == two and one.count(b"\n") == 36
