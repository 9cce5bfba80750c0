"""Answers that are scored or constrained, and confidence from an answer's log-probability."""

import json
import math

import pytest
from pydantic import ValidationError

from agents.backends import ScriptedBackend
from agents.extractors import (
    FewShotExtractor,
    FewShotOptions,
    RetrievalOptions,
    ZeroShotExtractor,
    ZeroShotOptions,
    ask,
)
from harness.protocols import (
    AgentContext,
    Completion,
    LabelScore,
    NeedsCapabilities,
    scores_text,
)
from harness.relations import Example, Outcome, load_schema, parse_marked


@pytest.fixture(scope="module")
def semeval():
    return load_schema("semeval-2010-task-8")


@pytest.fixture(scope="module")
def example(semeval):
    read = parse_marked("The <e1>rain</e1> caused a <e2>flood</e2>.", semeval.markers)
    return Example(id="1", text=read.text, head=read.head, tail=read.tail)


def zero_shot(schema, **options):
    return ZeroShotExtractor(
        context=AgentContext(schema=schema), options=ZeroShotOptions(**options)
    )


def scored(schema, likely):
    """A backend that finds one label likely, by few tokens, and all others unlikely."""

    def answer(request):
        return scores_text(
            {
                label: LabelScore(-1.0, 1, -0.1) if label == likely else LabelScore(-9.0, 2, -5.0)
                for label in request.labels
            }
        )

    return ScriptedBackend(answer=answer)


def test_scores_give_a_probability_to_every_label(semeval, example):
    backend = scored(semeval, "Other")
    prediction = ask(zero_shot(semeval, form="scores"), example, backend)
    assert prediction.label == "Other"
    assert set(prediction.probabilities) == set(semeval.label_names)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    (request,) = backend.history
    assert request.labels == semeval.label_names
    assert request.messages[0].content.endswith("exactly as written above.")


@pytest.mark.parametrize(("normalisation", "margin"), [("sum", 8), ("mean", 3.5),
                                                       ("constrained", 4.9)])  # fmt: skip
def test_a_normalisation_decides_how_far_labels_are_apart(semeval, example, normalisation, margin):
    extractor = zero_shot(semeval, form="scores", normalisation=normalisation)
    found = ask(extractor, example, scored(semeval, "Other")).probabilities
    apart = math.log(found["Other"] / found["Cause-Effect(e1,e2)"])
    assert apart == pytest.approx(margin)


@pytest.mark.parametrize("text", ["", "{}", "no scores", '{"Other": [-1, 1, -1]}'])
def test_an_answer_without_the_scores_is_an_invalid_label(semeval, example, text):
    extractor = zero_shot(semeval, form="scores")
    prediction = ask(extractor, example, ScriptedBackend(answer=lambda request: text))
    assert (prediction.label, prediction.outcome) == (None, Outcome.INVALID_LABEL)
    assert prediction.answer == text


def test_labels_without_any_probability_are_no_answer(semeval, example):
    def nothing(request):
        return scores_text({label: LabelScore(-math.inf, 1, -math.inf) for label in request.labels})

    prediction = ask(zero_shot(semeval, form="scores"), example, ScriptedBackend(answer=nothing))
    assert prediction.outcome is Outcome.INVALID_LABEL


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_constrained_answer_may_be_any_label_that_is_offered_and_nothing_else(
    semeval, example, form
):
    backend = ScriptedBackend(answer=lambda request: '{"relation": "Other"}')
    ask(zero_shot(semeval, form=form, constrained=True), example, backend)
    constraint = backend.history[0].constraint
    if form == "json":
        schema = json.loads(constraint.text)
        assert schema["properties"]["relation"]["enum"] == list(semeval.label_names)
        assert schema["additionalProperties"] is False
    else:
        literals = " | ".join(f'"{label}"' for label in semeval.label_names)
        assert constraint.text == f"root ::= {literals}"


def test_a_form_says_what_it_needs_of_its_backend():
    assert isinstance(ZeroShotExtractor, NeedsCapabilities)
    needs = ZeroShotExtractor.needs
    assert needs(options=ZeroShotOptions()) == frozenset()
    assert needs(options=ZeroShotOptions(form="scores")) == {"label_scoring"}
    assert needs(options=ZeroShotOptions(constrained=True)) == {"json_schema"}
    assert needs(options=ZeroShotOptions(form="text", constrained=True)) == {"grammar"}


@pytest.mark.parametrize(
    "options",
    [
        {"form": "scores", "constrained": True},
        {"form": "json", "normalisation": "mean"},
    ],
)
def test_options_that_do_not_fit_each_other_are_refused(options):
    with pytest.raises(ValidationError):
        ZeroShotOptions(**options)


def test_reasoning_is_written_and_cannot_be_scored():
    with pytest.raises(ValidationError, match="written freely"):
        RetrievalOptions(reasoning=True, form="scores")


def test_demonstrations_answer_with_the_bare_label_where_labels_are_scored(semeval, example):
    shown = example.labelled("Other")
    extractor = FewShotExtractor(
        context=AgentContext(schema=semeval, few_shot=(shown,)),
        options=FewShotOptions(form="scores"),
    )
    backend = scored(semeval, "Other")
    ask(extractor, example, backend)
    assert backend.history[0].messages[2].content == "Other"


def test_the_log_probability_of_an_answer_is_its_confidence(semeval, example):
    def answer(request):
        return Completion(request, '{"relation": "Other"}', log_probability=math.log(0.25))

    prediction = ask(zero_shot(semeval), example, ScriptedBackend(answer=answer))
    assert prediction.confidence == pytest.approx(0.25)
