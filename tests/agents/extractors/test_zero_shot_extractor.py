import json
from importlib import resources

import pytest

from agents.backends import RecordedBackend, RecordedOptions, ScriptedBackend, ScriptedOptions
from agents.extractors import ZeroShotExtractor, ZeroShotOptions
from harness.protocols import AgentContext, Extractor, Sampling
from harness.registry import Registry
from harness.relations import Outcome


def answered(extractor, example, backend):
    dialogue = extractor.extract(example=example)
    requests = next(dialogue)
    completions = list(backend.complete(requests))
    with pytest.raises(StopIteration) as stopped:
        dialogue.send(completions)
    return stopped.value.value


def test_every_registered_extractor_describes_itself(semeval_schema):
    registry = Registry("extractor", group="calldistil.extractors")
    assert "zero_shot.v1" in registry
    for name in registry:
        made = registry.get(name)(
            context=AgentContext(schema=semeval_schema), options=registry.get(name).Options()
        )
        assert isinstance(made, Extractor)
        assert made.summary and "\n" not in made.summary and made.source


def test_the_request_carries_the_contexts_sampling_and_repeat_number(semeval_schema, make_example):
    context = AgentContext(schema=semeval_schema, sampling=Sampling(temperature=0.0), repeat=2)
    dialogue = ZeroShotExtractor(context=context, options=ZeroShotOptions()).extract(
        example=make_example()
    )
    (request,) = next(dialogue)
    assert (request.sampling, request.repeat) == (Sampling(temperature=0.0), 2)
    assert [message.role for message in request.messages] == ["system", "user"]


@pytest.mark.parametrize(
    ("reply", "label", "outcome"),
    [
        ('{"relation": "Other"}', "Other", Outcome.PARSED),
        ("Cause-Effect", None, Outcome.INVALID_LABEL),
        ("", None, Outcome.EMPTY),
    ],
)
def test_an_answer_becomes_a_prediction_with_its_outcome(
    reply, label, outcome, semeval_schema, make_example
):
    extractor = ZeroShotExtractor(
        context=AgentContext(schema=semeval_schema), options=ZeroShotOptions()
    )
    backend = ScriptedBackend(options=ScriptedOptions(replies=(reply,)))
    prediction = answered(extractor, make_example(id="x"), backend)
    assert (prediction.example_id, prediction.label) == ("x", label)
    assert (prediction.outcome, prediction.answer) == (outcome, reply)


def test_the_demos_recording_is_right_on_all_its_test_sentences(demo_schema, demo_examples):
    folder = resources.files("benchmarks") / "demo" / "recordings"
    backend = RecordedBackend(
        options=RecordedOptions(recordings=(folder / "extract.zero_shot.v1.jsonl",), model="m")
    )
    extractor = ZeroShotExtractor(
        context=AgentContext(schema=demo_schema), options=ZeroShotOptions()
    )
    for example in demo_examples["test"].values():
        assert answered(extractor, example, backend).label == example.relation


@pytest.mark.data
def test_the_shipped_semeval_recording_has_its_known_accuracy(semeval_schema, semeval_examples):
    folder = resources.files("benchmarks") / "recordings" / "semeval-2010-task-8"
    backend = RecordedBackend(
        options=RecordedOptions(recordings=(folder / "extract.zero_shot.v1.jsonl",), model="m")
    )
    extractor = ZeroShotExtractor(
        context=AgentContext(schema=semeval_schema), options=ZeroShotOptions()
    )
    ids = json.loads((folder / "extract_test_ids.json").read_text(encoding="utf-8"))
    right = sum(
        answered(extractor, semeval_examples[id], backend).label == semeval_examples[id].relation
        for id in ids
    )
    assert right == 489  # 81.5 %
