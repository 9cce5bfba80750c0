import json

import pytest

from agents.extractors import (
    Rag4reExtractor,
    Rag4reOptions,
    RetrievalExtractor,
    RetrievalOptions,
)
from agents.prompts import explain_messages
from harness.errors import ConfigError
from harness.protocols import AgentContext, Completion, Neighbour, SearchesNeighbours


@pytest.fixture
def context(demo_schema, demo_examples, make_example):
    pool = list(demo_examples["few_shot"].values())[:3]
    near = tuple(Neighbour(example, 0.9 - i / 10) for i, example in enumerate(pool))
    return AgentContext(schema=demo_schema, neighbours={"q": near})


def first_round(kind, options, context, example):
    return next(kind(context=context, options=options).extract(example=example))


def demonstrations(messages):
    return [m.content for m in messages if m.role == "user"][:-1]


def test_the_class_says_which_neighbours_it_needs():
    assert isinstance(RetrievalExtractor, SearchesNeighbours)
    search = RetrievalExtractor.neighbour_search(options=RetrievalOptions(count=5))
    assert (search.pool, search.count, search.shows_labels) == ("train", 5, True)
    assert Rag4reExtractor.neighbour_search(options=Rag4reOptions(retrieval=False)) is None
    published = Rag4reExtractor.neighbour_search(options=Rag4reOptions())
    assert (published.count, published.representation) == (1, "text")
    assert not published.shows_labels


def test_the_nearest_demonstration_stands_next_to_the_sentence(context, make_example):
    example = make_example(id="q")
    (last,) = first_round(RetrievalExtractor, RetrievalOptions(), context, example)
    (first,) = first_round(RetrievalExtractor, RetrievalOptions(nearest="first"), context, example)
    assert demonstrations(last.messages) == demonstrations(first.messages)[::-1]
    nearest = context.neighbours["q"][0].example
    assert demonstrations(first.messages)[0].replace("<h>", "").startswith(nearest.text[:3])
    assert json.loads(last.messages[-2].content) == {"relation": nearest.relation}


def test_with_reasoning_a_first_round_asks_why_each_demonstration_has_its_label(
    context, make_example
):
    options = RetrievalOptions(reasoning=True)
    extractor = RetrievalExtractor(context=context, options=options)
    dialogue = extractor.extract(example=make_example(id="q"))
    asked = next(dialogue)
    expected = {
        explain_messages(schema=context.schema, example=neighbour.example)
        for neighbour in context.neighbours["q"]
    }
    assert {request.messages for request in asked} == expected
    replies = [Completion(request=r, text=f"Because {i}.\nReally.") for i, r in enumerate(asked)]
    (label,) = dialogue.send(replies)
    told = [m.content for m in label.messages if m.role == "assistant"]
    assert [text.splitlines()[0] for text in told] == [f"Because {i}. Really." for i in range(3)]


def test_rag4re_does_not_show_the_neighbours_label(context, make_example):
    (request,) = first_round(Rag4reExtractor, Rag4reOptions(), context, make_example(id="q"))
    (message,) = request.messages
    assert context.neighbours["q"][0].example.text[:20] in message.content.replace("<h>", "")
    assert message.content.count(context.neighbours["q"][0].example.relation) == 1  # the list


def test_a_label_that_the_schema_lacks_cannot_be_listed(demo_schema):
    with pytest.raises(ConfigError, match="'nope' is not a label"):
        Rag4reExtractor(
            context=AgentContext(schema=demo_schema), options=Rag4reOptions(labels=("nope",))
        )
