import json
from importlib import resources

import pytest

from agents.prompts import (
    explain_messages,
    extract_messages,
    generate_messages,
    label_line,
    requested_label_line,
    template_names,
)
from harness.relations import Relation, Schema


def test_a_directed_label_says_which_marker_fills_which_argument(semeval_schema):
    assert label_line(semeval_schema, "Cause-Effect(e2,e1)").endswith(
        "; e1 is the effect, e2 is the cause"
    )


def test_an_undirected_label_says_its_entity_types(demo_schema):
    assert label_line(demo_schema, "founded_by").startswith("founded_by (ORG -> PER): the head")


def test_several_types_and_a_side_without_types_are_told():
    schema = Schema("s", "none", (Relation("r", "d", head_types=("ORG", "PER")),))
    assert label_line(schema, "r") == "r (ORG/PER -> any): d"


def test_a_relation_without_description_is_its_name():
    assert label_line(Schema("s", "none", (Relation("r"),)), "r") == "r"


def test_the_na_request_names_every_relation(demo_schema):
    line = requested_label_line(demo_schema, "no_relation")
    assert line.endswith("does not hold: " + ", ".join(demo_schema.positive_labels))
    assert "write pairs" not in label_line(demo_schema, "no_relation")


def test_braces_in_a_description_are_left_alone():
    schema = Schema("s", "none", (Relation("r"),), na_description="a set {x} or {{ y }}")
    (message,) = generate_messages(
        schema=schema, label="none", demonstrations=(), n=2, template="generate.all_at_once.v1"
    )
    assert "none: a set {x} or {{ y }}" in message.content


def test_prompts_are_not_escaped_as_html(semeval_schema, make_example):
    example = make_example(text='R&D <b> made "it" .', head="R&D", tail="it")
    messages = extract_messages(schema=semeval_schema, example=example)
    assert messages[1].content == '<e1>R&D</e1> <b> made "<e2>it</e2>" .'


def test_an_unlabelled_example_cannot_be_explained(semeval_schema, make_example):
    with pytest.raises(ValueError, match="no label"):
        explain_messages(schema=semeval_schema, example=make_example())


def test_every_template_carries_a_version():
    assert "extract.zero_shot.v1" in template_names()
    assert all(name.rpartition(".v")[2].isdigit() for name in template_names())


@pytest.mark.parametrize("name", ["extract.zero_shot.v1"])
def test_the_demo_recordings_extraction_requests_are_reproduced(name, demo_schema, demo_examples):
    lines = _demo_recording(name)
    assert len(lines) == 398
    for line in lines:
        example = demo_examples["test"][line["example_id"]]
        assert _plain(extract_messages(schema=demo_schema, example=example)) == line["messages"]


@pytest.mark.parametrize("mode", ["all_at_once.v1", "all_at_once_diverse.v2"])
def test_the_demo_recordings_generation_requests_are_reproduced(mode, demo_schema, demo_examples):
    lines = _demo_recording(f"generate.{mode}")
    assert [line["relation"] for line in lines] == list(demo_schema.label_names)
    for line in lines:
        shown = [demo_examples["few_shot"][id] for id in line["demonstration_ids"]]
        messages = generate_messages(
            schema=demo_schema,
            label=line["relation"],
            demonstrations=shown,
            n=32,
            template=f"generate.{mode}",
        )
        assert _plain(messages) == line["messages"]


def _demo_recording(name):
    file = resources.files("benchmarks") / "demo" / "recordings" / f"{name}.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _plain(messages):
    return [{"role": message.role, "content": message.content} for message in messages]
