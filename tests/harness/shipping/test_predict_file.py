"""``calldistil predict`` on files: rows as they come, whole at the end, resumable."""

import json

import pytest

from harness.datasets import read_examples
from harness.errors import DataError
from harness.relations import Prediction
from harness.shipping import export_system, load_system, predict_file


class Counting:
    """A system that answers with the NA label, counts, and stops when told to."""

    name = "counting"
    kind = "student"

    def __init__(self, schema, stop_after=None):
        self.schema = schema
        self.asked = []
        self.stop_after = stop_after

    def answer(self, examples, /, *, progress=None):
        if self.stop_after is not None and len(self.asked) >= self.stop_after:
            raise KeyboardInterrupt
        self.asked += [example.id for example in examples]
        return [Prediction(example.id, self.schema.na_label) for example in examples]

    def close(self):
        pass


@pytest.fixture
def schema(shipped_run, tmp_path):
    export_system(shipped_run, "gold", tmp_path / "gold")
    return load_system(tmp_path / "gold").schema


def test_an_interrupted_call_goes_on_after_its_last_whole_row(sentences, tmp_path, schema):
    output = tmp_path / "out.jsonl"
    first = Counting(schema, stop_after=20)
    with pytest.raises(KeyboardInterrupt):
        predict_file(first, sentences, output, chunk=5)
    assert not output.exists()
    (part,) = tmp_path.glob("out.jsonl.*.part")
    with part.open("a") as stream:
        stream.write('{"id": "half a ro')  # as a kill leaves it
    second = Counting(schema)
    done = predict_file(second, sentences, output, chunk=5)
    ids = [example.id for example in read_examples(sentences, schema=schema)]
    assert first.asked + second.asked == ids
    assert (done.rows, done.found) == (36, 20)
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == ids
    assert list(tmp_path.glob("*.part")) == []


def test_another_system_or_a_changed_file_begins_anew(sentences, tmp_path, schema):
    text = tmp_path / "text.jsonl"
    text.write_bytes(sentences.read_bytes())
    output = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        predict_file(Counting(schema, stop_after=10), text, output, identity="a", chunk=5)
    assert predict_file(Counting(schema), text, output, identity="b", chunk=5).found == 0
    text.write_bytes(sentences.read_bytes() * 1 + b"\n")
    assert predict_file(Counting(schema), text, output, identity="a", chunk=5).found == 0


def test_a_malformed_line_is_named_and_leaves_no_output(sentences, tmp_path, schema):
    text = tmp_path / "text.jsonl"
    text.write_bytes(sentences.read_bytes() + b"{not json\n")
    with pytest.raises(DataError, match=r"text\.jsonl:37"):
        predict_file(Counting(schema), text, tmp_path / "out.jsonl", chunk=5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["gold", "text.jsonl"]


def test_progress_runs_to_the_end_of_the_file(sentences, tmp_path, schema):
    seen = []
    predict_file(
        Counting(schema), sentences, tmp_path / "out", chunk=5,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen[-1] == (sentences.stat().st_size,) * 2
    assert seen == sorted(seen)


@pytest.mark.parametrize("system", ["gold", "llm", "mixed"])
def test_the_command_gives_every_kind_of_system_the_same_rows_as_a_stream(
    shipped_run, sentences, tmp_path, command, system
):
    folder = tmp_path / system
    export_system(shipped_run, system, folder)
    to_file = command("predict", folder, sentences, "-o", tmp_path / "out.jsonl")
    assert to_file.code == 0, to_file.err
    streamed = command("predict", folder, sentences)
    assert streamed.out == (tmp_path / "out.jsonl").read_text()
    rows = [json.loads(line) for line in streamed.out.splitlines()]
    assert len(rows) == 36 and all(row["relation"] for row in rows)
    # An LLM gives no probability; of a cascade those rows are the LLM's.
    asked = [row for row in rows if "probability" not in row]
    assert {"gold": 0, "llm": 36}.get(system, len(asked)) == len(asked)
    if system == "mixed":
        assert 0 < len(asked) < 36


def test_answers_of_an_llm_are_stored_and_not_asked_for_again(
    shipped_run, sentences, tmp_path, command
):
    export_system(shipped_run, "llm", tmp_path / "llm")
    for out in ("a.jsonl", "b.jsonl"):
        said = command(
            "predict", tmp_path / "llm", sentences, "-o", tmp_path / out,
            "--calls", tmp_path / "calls.sqlite",
        )  # fmt: skip
        assert said.code == 0, said.err
        (tmp_path / "llm" / "files" / "teacher.jsonl").write_bytes(
            (tmp_path / "llm" / "files" / "teacher.jsonl").read_bytes().splitlines()[0] + b"\n"
        )
    assert (tmp_path / "a.jsonl").read_text() == (tmp_path / "b.jsonl").read_text()
