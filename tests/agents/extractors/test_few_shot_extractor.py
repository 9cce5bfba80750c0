import json

import pytest

from agents.extractors import (
    FewShotExtractor,
    FewShotOptions,
    ZeroShotExtractor,
    ZeroShotOptions,
)
from agents.prompts import extract_messages
from harness.protocols import AgentContext


@pytest.fixture
def few_shot(demo_examples):
    return tuple(demo_examples["few_shot"].values())


def asked(kind, options, schema, example, few_shot=()):
    extractor = kind(context=AgentContext(schema=schema, few_shot=few_shot), options=options)
    (request,) = next(extractor.extract(example=example))
    return request.messages


def shown(messages):
    """Sentence and label of each demonstration."""
    turns = messages[1:-1]
    return [
        (ask.content, json.loads(told.content)["relation"])
        for ask, told in zip(turns[::2], turns[1::2], strict=True)
    ]


def test_zero_shot_by_default_renders_the_recorded_messages(
    semeval_schema, demo_schema, make_example
):
    for schema in (semeval_schema, demo_schema):
        example = make_example()
        assert asked(ZeroShotExtractor, ZeroShotOptions(), schema, example) == extract_messages(
            schema=schema, example=example
        )


def test_labels_may_be_shown_by_name_alone_and_asked_for_as_text(demo_schema, make_example):
    options = ZeroShotOptions(definitions=False, form="text")
    system = asked(ZeroShotExtractor, options, demo_schema, make_example())[0].content
    assert "- founded_by\n" in system and "- no_relation\n" in system
    assert system.endswith("Answer with the label alone, exactly as written above.")


def test_type_constraints_offer_only_what_the_types_allow(demo_schema, make_example):
    example = make_example(head_type="PER", tail_type="LOC")
    options = ZeroShotOptions(type_constraints=True, definitions=False)
    system = asked(ZeroShotExtractor, options, demo_schema, example)[0].content
    assert [line for line in system.splitlines() if line.startswith("- ")] == [
        "- born_in",
        "- no_relation",
    ]


def test_few_shot_differs_from_zero_shot_by_its_demonstrations_alone(
    demo_schema, make_example, few_shot
):
    example = make_example()
    plain = asked(ZeroShotExtractor, ZeroShotOptions(), demo_schema, example)
    messages = asked(FewShotExtractor, FewShotOptions(), demo_schema, example, few_shot)
    assert (messages[0], messages[-1]) == plain
    assert len(shown(messages)) == len(few_shot) == 112


def test_balanced_demonstrations_are_as_many_of_each_label(demo_schema, make_example, few_shot):
    options = FewShotOptions(demonstrations="balanced", count=2, order="by_label")
    messages = asked(FewShotExtractor, options, demo_schema, make_example(), few_shot)
    labels = [label for _, label in shown(messages)]
    assert labels == [label for label in demo_schema.label_names for _ in range(2)]


def test_another_order_shows_the_same_sentences(demo_schema, make_example, few_shot):
    def of(order, seed):
        options = FewShotOptions(demonstrations="sampled", count=9, order=order, seed=seed)
        return shown(asked(FewShotExtractor, options, demo_schema, make_example(), few_shot))

    assert len(of("file", 0)) == 9
    assert of("file", 0) != of("shuffled", 0)
    assert sorted(of("file", 0)) == sorted(of("shuffled", 0)) == sorted(of("by_label", 0))
    assert sorted(of("file", 0)) != sorted(of("file", 1))
    assert of("shuffled", 1) == of("shuffled", 1)


def test_every_sentence_gets_the_same_demonstrations(demo_schema, demo_examples, few_shot):
    context = AgentContext(schema=demo_schema, few_shot=few_shot)
    extractor = FewShotExtractor(context=context, options=FewShotOptions())
    requests = [
        next(extractor.extract(example=example))[0]
        for example in list(demo_examples["test"].values())[:3]
    ]
    assert len({request.messages[:-1] for request in requests}) == 1
