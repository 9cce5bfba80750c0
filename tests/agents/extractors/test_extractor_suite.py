"""Every extractor with a scripted backend: golden messages, and every call in the ledger.

Set ``CALLDISTIL_UPDATE_GOLDEN=1`` to write the golden files again, and read the difference.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agents.backends import ScriptedBackend, ScriptedOptions
from harness.errors import BackendError
from harness.pipeline import (
    Extract,
    agent_of,
    checked_component,
    converse,
    load_predictions,
    run_single,
)
from harness.protocols import AgentContext, Completion, Failure, Neighbour, Sampling
from harness.registry import extractors
from harness.store import open_call_store

GOLDEN = Path(__file__).parent / "golden"
EMPLOYED = '{"relation": "employed_by"}'


@dataclass(frozen=True)
class Case:
    """One dialogue: an extractor with options, and what the LLM answers in turn."""

    name: str
    extractor: str
    replies: tuple[str, ...]
    label: str | None = "employed_by"
    options: dict = field(default_factory=dict)


CASES = (
    Case("zero_shot", "zero_shot.v1", (EMPLOYED,)),
    Case(
        "zero_shot_text_constrained",
        "zero_shot.v1",
        ("employed_by",),
        options={"form": "text", "definitions": False, "type_constraints": True},
    ),
    Case(
        "few_shot",
        "few_shot.v1",
        (EMPLOYED,),
        options={"demonstrations": "balanced", "count": 1, "seed": 3},
    ),
    Case("retrieval", "retrieval.v1", (EMPLOYED,), options={"count": 2}),
    Case(
        "retrieval_reasoning",
        "retrieval.v1",
        ("Clue one.", "Clue two.", f"She joined it.\n{EMPLOYED}"),
        options={"count": 2, "reasoning": True},
    ),
    Case("rag4re", "rag4re.v1", ("employed_by",)),
    Case("rag4re_plain", "rag4re.v1", ("employed_by",), options={"retrieval": False}),
    Case("multiple_choice", "multiple_choice.v1", ("A",)),
    Case("explain_then_label", "explain_then_label.v1", (f"She joined it.\n{EMPLOYED}",)),
    Case(
        "explain_then_label_evidence",
        "explain_then_label.v1",
        ('"joined ... as a draughtswoman" shows that she worked there.', EMPLOYED),
        options={"evidence": "first_call"},
    ),
    Case(
        "summarize_ask",
        "summarize_ask.v1",
        (
            "She worked for the firm.",
            "She had a job at the firm.",
            *("Did she work there?", "Was she employed there?", "Studied there?", "A student?"),
            *("Yes.", "yes", "No.", "no"),
        ),
        options={"samples": 2, "type_constraints": True},
    ),
    Case(
        "self_consistency",
        "self_consistency.v1",
        (f"Joined.\n{EMPLOYED}", '{"relation": "educated_at"}', EMPLOYED),
        options={"samples": 3},
    ),
    Case(
        "reflective",
        "reflective.v1",
        (
            '{"relation": "educated_at"}',
            '{"verdict": "revise", "critique": "She worked there, she did not study."}',
            f"True.\n{EMPLOYED}",
            '{"verdict": "accept", "critique": ""}',
        ),
    ),
    Case(
        "hierarchical",
        "hierarchical.v1",
        (
            '{"groups": ["group 2", "group 3"]}',
            f"Joined a firm.\n{EMPLOYED}",
            'A pupil.\n{"relation": "educated_at"}',
            EMPLOYED,
        ),
    ),
    Case(
        "mbre",
        "mbre.v1",
        (
            '{"relation": "educated_at"}',
            EMPLOYED,
            '{"holds": true, "confidence": 0.4}',
            '{"holds": true, "confidence": 0.95}',
        ),
        options={"group_size": 5},
    ),
    Case(
        "dynamic_examples",
        "dynamic_examples.v1",
        (
            '{"candidates": ["employed_by", "educated_at"]}',
            '{"positive": ["<h>Ann</h> works for <t>Orme</t>."],'
            ' "negative": ["<h>Ann</h> sued <t>Orme</t>."]}',
            '{"positive": ["<h>Ann</h> studied at <t>Orme</t>.", "No markers."], "negative": []}',
            '{"keep": [1, 2]}',
            '{"keep": []}',
            EMPLOYED,
        ),
        options={"examples": 1},
    ),
)


def recording(dialogue, rounds):
    """The same dialogue, noting the requests of each round."""
    try:
        requests = next(dialogue)
        while True:
            rounds.append(requests)
            completions = yield requests
            requests = dialogue.send(completions)
    except StopIteration as stop:
        return stop.value


@pytest.fixture
def world(demo_schema, demo_examples):
    """A context with a few-shot set and neighbours, and the sentence to label."""
    few_shot = tuple(demo_examples["few_shot"].values())
    example = demo_examples["test"]["nr-1-041"].labelled(None)
    near = [e for e in few_shot if e.relation in ("employed_by", "educated_at")][:8:4]
    neighbours = {example.id: tuple(Neighbour(e, 0.9 - i / 10) for i, e in enumerate(near))}
    context = AgentContext(schema=demo_schema, few_shot=few_shot, neighbours=neighbours)
    return context, example


def carried_out(case, world, tmp_path, backend):
    """The rounds, the driver's result and the number of stored calls."""
    context, example = world
    found = checked_component(extractors, case.extractor, case.options, tmp_path)
    rounds = []
    dialogue = recording(
        found.kind(context=context, options=found.options).extract(example=example), rounds
    )
    with open_call_store(tmp_path / "calls.sqlite") as store:
        (result,) = converse([(example.id, dialogue)], backend=backend, store=store, run="test")
        keys = {call.key for call in result.calls}
        assert set(store.get_many(sorted(keys))) == keys
    return rounds, result


def scripted(case):
    return ScriptedBackend(options=ScriptedOptions(replies=case.replies))


def written(rounds, replies, prediction):
    """A dialogue as a person reads it."""
    parts, waiting = [], iter(replies)
    for number, requests in enumerate(rounds, start=1):
        for request in requests:
            parts.append(f"##### round {number}, repeat {request.repeat}")
            parts += [f"[{message.role}]\n{message.content}" for message in request.messages]
            parts.append(f"----- answer\n{next(waiting)}")
    said = {
        "label": prediction.label,
        "outcome": prediction.outcome.value,
        "probabilities": dict(prediction.probabilities),
        "evidence": prediction.evidence,
    }
    parts.append("##### prediction\n" + json.dumps(said, indent=1, ensure_ascii=False))
    return "\n".join(parts) + "\n"


def test_the_suite_covers_every_extractor_that_the_project_registers():
    ours = {name for name in extractors if extractors.get(name).__module__.startswith("agents.")}
    assert {case.extractor for case in CASES} == ours


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_rendered_messages_equal_their_golden_file(case, world, tmp_path):
    rounds, result = carried_out(case, world, tmp_path, scripted(case))
    text = written(rounds, case.replies, result.value)
    file = GOLDEN / f"{case.name}.txt"
    if os.environ.get("CALLDISTIL_UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
    assert result.value.label == case.label


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_call_of_every_round_is_in_the_ledger(case, world, tmp_path):
    backend = scripted(case)
    rounds, result = carried_out(case, world, tmp_path, backend)
    asked = [request for requests in rounds for request in requests]
    assert list(result.requests) == asked == backend.history
    assert len(result.calls) == len(case.replies)
    assert all(call.paid_now for call in result.calls)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_answer_that_says_nothing_is_a_fault_and_never_an_error(case, world, tmp_path):
    for reply in ("", "I'm sorry, I cannot help with that.", "{", "perhaps"):
        backend = ScriptedBackend(answer=lambda request, reply=reply: reply)
        folder = tmp_path / str(len(reply))
        folder.mkdir()
        _, result = carried_out(case, world, folder, backend)
        assert result.value.label is None
        assert result.value.outcome.value in ("empty", "refused", "invalid_label")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_call_that_failed_is_asked_again_and_no_other(case, world, tmp_path):
    replies = iter(case.replies)
    failed = []

    def answer(request):
        if not failed:
            failed.append(request)
            return Failure(request=request, error=BackendError("busy", retryable=True))
        return Completion(request=request, text=next(replies))

    backend = ScriptedBackend(answer=answer)
    with pytest.raises(BackendError, match="busy"):
        carried_out(case, world, tmp_path, backend)
    before = list(backend.history)
    # The failed request is answered last: its reply is the one that was not given yet.
    rest = [*case.replies[len(before) - 1 :]]
    order = [*before[1:], *before[:1]] if len(before) > 1 else before
    assert order[-1] == failed[0]
    replies = iter(rest)
    rounds, result = carried_out(case, world, tmp_path, backend)
    again = backend.history[len(before) :]
    assert again.count(failed[0]) == 1
    assert not set(again) & set(before[1:])
    assert len(result.calls) == sum(map(len, rounds))


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not case.extractor.startswith(("rag4re", "retrieval"))],
    ids=lambda case: case.name,
)
def test_the_stage_charges_every_call_with_its_tokens(case, world, tmp_path):
    context, example = world
    agent = agent_of(
        extractors,
        case.extractor,
        options=case.options,
        backend="scripted",
        backend_options={"replies": list(case.replies)},
        sampling=Sampling(temperature=0.5, seed=7),
        tokenizer="o200k_base",
    )
    measures = run_single(
        Extract(agent=agent, schema=context.schema),
        inputs={"examples": [example], "few_shot": context.few_shot},
        output=tmp_path / "out",
        agent=agent,
    )
    assert len(measures.charges) == len(case.replies)
    assert all(charge.paid and charge.usage.input_tokens for charge in measures.charges)
    (prediction,) = load_predictions(tmp_path / "out", context.schema)
    assert prediction.label == case.label
