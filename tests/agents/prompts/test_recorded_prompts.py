"""Schema, template and data give every recorded SemEval request, byte for byte."""

import json

import pytest

from agents.prompts import explain_messages, extract_messages, generate_messages
from harness.relations import Example, Markers, parse_marked

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def recording(llm_recordings):
    def read(name):
        file = llm_recordings / "semeval-2010-task-8" / f"{name}.jsonl"
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    return read


@pytest.mark.parametrize(
    ("name", "count"), [("extract.zero_shot.v1", 600), ("label.zero_shot.v1", 2000)]
)
def test_extraction_requests_are_reproduced(
    name, count, data_home, recording, semeval_schema, semeval_examples
):
    lines = recording(name)
    assert len(lines) == count
    for line in lines:
        messages = extract_messages(
            schema=semeval_schema, example=semeval_examples[line["example_id"]]
        )
        assert plain(messages) == line["messages"]


@pytest.mark.parametrize("mode", ["all_at_once.v1", "all_at_once_diverse.v1"])
def test_generation_requests_are_reproduced(
    mode, data_home, recording, semeval_schema, semeval_examples
):
    lines = recording(f"generate.{mode}")
    assert {line["relation"] for line in lines} == set(semeval_schema.label_names)
    for line in lines:
        messages = generate_messages(
            schema=semeval_schema,
            label=line["relation"],
            demonstrations=[semeval_examples[id] for id in line["demonstration_ids"]],
            n=32,
            template=f"generate.{mode}",
        )
        assert plain(messages) == line["messages"]


def test_round_trip_requests_are_the_generated_samples_asked_about(
    data_home, recording, semeval_schema
):
    samples = {
        (mode, line["relation"], position): sample
        for mode in ("all_at_once", "all_at_once_diverse")
        for line in recording(f"generate.{mode}.v1")
        for position, sample in enumerate(line["response"].splitlines())
    }
    lines = recording("round_trip.zero_shot.v1")
    assert len(lines) == 1216
    for line in lines:
        read = parse_marked(samples[line["mode"], line["relation"], line["position"]], Markers())
        example = Example(id="g", text=read.text, head=read.head, tail=read.tail)
        assert plain(extract_messages(schema=semeval_schema, example=example)) == line["messages"]


def test_explanation_requests_are_reproduced(
    data_home, recording, semeval_schema, semeval_examples, semeval_few_shot
):
    lines = recording("explain.v1")
    assert {line["example_id"] for line in lines} == {e.id for e in semeval_few_shot}
    for line in lines:
        messages = explain_messages(
            schema=semeval_schema, example=semeval_examples[line["example_id"]]
        )
        assert plain(messages) == line["messages"]


def plain(messages):
    return [{"role": message.role, "content": message.content} for message in messages]
