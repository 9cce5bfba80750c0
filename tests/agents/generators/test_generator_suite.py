"""Every generator with a scripted backend: golden messages, every call kept, every sample told.

Set ``CALLDISTIL_UPDATE_GOLDEN=1`` to write the golden files again, and read the difference.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agents.backends import ScriptedBackend, ScriptedOptions
from agents.generators import RejectReason
from harness.errors import BackendError
from harness.pipeline import (
    Generate,
    agent_of,
    checked_component,
    converse,
    load_examples,
    read_jsonl,
    run_single,
)
from harness.protocols import AgentContext, Completion, Failure, PlansGeneration, Sampling
from harness.registry import generators
from harness.relations import render_marked
from harness.store import open_call_store

GOLDEN = Path(__file__).parent / "golden"
LISTS = '{"topics": ["a flood", "a wedding"], "registers": ["a diary", "a news report"]}'


@dataclass(frozen=True)
class Case:
    """One generator, asked for one item.

    Attributes:
        name: Name of the golden file.
        generator: Registry name.
        replies: Answers in the order of the requests.
        item: Place of the item.
        options: Its options.
        rows, rejects: What comes of it.
    """

    name: str
    generator: str
    replies: tuple[str, ...]
    rows: int
    rejects: tuple[str, ...] = ()
    item: int = 0
    options: dict[str, Any] = field(default_factory=dict)


FOUNDED = "<h>Orme Mills</h> was set up by <t>Ann Orme</t>."
RECORD = (
    "Context: Ann Orme set up Orme Mills. Head Entity: Orme Mills. Head Type: ORG."
    " Tail Entity: Ann Orme. Tail Type: PER."
)
CASES = (
    Case("all_at_once", "all_at_once.v1", (f"1. {FOUNDED}\nThat is all.",), 1, ("marker_missing",)),
    Case("all_at_once_diverse.v1", "all_at_once_diverse.v1", (FOUNDED,), 1),
    Case("all_at_once_diverse.v2", "all_at_once_diverse.v2", (FOUNDED,), 1),
    Case(
        "all_at_once_denied",
        "all_at_once.v1",
        ("<h>Orme Mills</h> was not set up by <t>Ann Orme</t>.",),
        1,
        item=11,
        options={"na_policy": {"n": 3, "kinds": ["denied", "easy"]}},
    ),
    Case(
        "one_by_one",
        "one_by_one.v1",
        ("I cannot.", FOUNDED, f"Here:\n{FOUNDED}\n<h>Tey Ltd</h> is <t>Bo Tey</t>'s firm."),
        2,
        ("marker_missing", "marker_missing", "duplicate"),
        options={"n": 2, "demonstrations": 2, "retries": 1, "diverse": True},
    ),
    Case(
        "one_by_one_window",
        "one_by_one.v1",
        (FOUNDED, "<h>Tey Ltd</h> is <t>Bo Tey</t>'s firm."),
        2,
        options={"n": 2, "demonstrations": 2, "window": 2},
    ),
    Case(
        "schema_constrained",
        "schema_constrained.v1",
        (
            f"{RECORD}\n{RECORD.replace('ORG', 'BAND')}",
            "**Context:** Bo Tey founded Tey Ltd.\n**Head Entity:** Tey Ltd\n**Head Type:** org\n"
            "**Tail Entity:** Bo Tey\n**Tail Type:** PER\n\nI hope this helps.",
        ),
        2,
        ("type_unknown", "malformed"),
        options={"n": 2, "demonstrations": 2, "attempts": 3, "per_call": 2},
    ),
    Case(
        "unleash",
        "unleash.v1",
        (f"Relation: founded_by. {RECORD}\nRelation: acquired. {RECORD}",),
        1,
        ("wrong_label",),
    ),
    Case(
        "attributed",
        "attributed.v1",
        (LISTS, FOUNDED, "<h>Tey Ltd</h> is <t>Bo Tey</t>'s firm."),
        2,
        options={"n": 2, "demonstrations": 1},
    ),
    Case(
        "paraphrase",
        "paraphrase.v1",
        ("{gold}\nBy <t>{tail}</t>, and no other, was <h>{head}</h> started.\n" + FOUNDED,),
        1,
        ("duplicate_of_demonstration", "entity_changed"),
        options={"n": 2},
    ),
    Case(
        "entity_swap",
        "entity_swap.v1",
        ("1. Orme Mills | Ann Orme\n{head} | {tail}\nOrme Mills\nOrme | Orme",),
        1,
        ("entity_unchanged", "malformed", "malformed"),
        options={"n": 2},
    ),
)


@pytest.fixture
def world(demo_schema, demo_examples):
    """The schema and the few-shot set."""
    return demo_schema, tuple(demo_examples["few_shot"].values())


def made(case, world, tmp_path):
    schema, few_shot = world
    found = checked_component(generators, case.generator, case.options, tmp_path)
    context = AgentContext(schema=schema, few_shot=few_shot)
    return found.kind(context=context, options=found.options)


def replies_of(case, generator, schema):
    """The replies, with what they say of the item's gold row filled in."""
    shown = generator.items()[case.item].demonstrations
    gold = shown[0] if shown else None
    words = gold and {
        "{gold}": render_marked(gold, schema.markers),
        "{head}": gold.head.surface,
        "{tail}": gold.tail.surface,
    }
    filled = []
    for reply in case.replies:
        for name, value in (words or {}).items():
            reply = reply.replace(name, value)
        filled.append(reply)
    return tuple(filled)


def carried_out(case, world, tmp_path, backend):
    generator = made(case, world, tmp_path)
    item = generator.items()[case.item]
    with open_call_store(tmp_path / "calls.sqlite") as store:
        (result,) = converse(
            [("item", generator.generate(item=item))], backend=backend, store=store, run="test"
        )
        keys = {call.key for call in result.calls}
        assert set(store.get_many(sorted(keys))) == keys
    return result


def written(result, replies):
    """A dialogue as a person reads it."""
    parts, waiting = [], iter(replies)
    for request in result.requests:
        parts.append(f"##### repeat {request.repeat}")
        parts += [f"[{message.role}]\n{message.content}" for message in request.messages]
        parts.append(f"----- answer\n{next(waiting)}")
    parts.append("##### rows")
    for row in result.value.rows:
        e = row.example
        said = {"id": e.id, "text": e.text, "head": e.head.surface, "head_type": e.head.type}
        said |= {"tail": e.tail.surface, "tail_type": e.tail.type, "relation": e.relation}
        said |= {"group": e.group, "meta": dict(e.meta)}
        parts.append(json.dumps(said, ensure_ascii=False))
    parts.append("##### rejects")
    parts += [f"{reject.reason}: {reject.text}" for reject in result.value.rejects]
    return "\n".join(parts) + "\n"


def test_the_suite_covers_every_generator_that_the_project_registers():
    ours = {name for name in generators if generators.get(name).__module__.startswith("agents.")}
    assert {case.generator for case in CASES} == ours


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_rendered_messages_equal_their_golden_file(case, world, tmp_path):
    replies = replies_of(case, made(case, world, tmp_path), world[0])
    backend = ScriptedBackend(options=ScriptedOptions(replies=replies))
    result = carried_out(case, world, tmp_path, backend)
    text = written(result, replies)
    file = GOLDEN / f"{case.name}.txt"
    if os.environ.get("CALLDISTIL_UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
    assert len(result.value.rows) == case.rows
    assert tuple(reject.reason for reject in result.value.rejects) == case.rejects
    assert len(result.calls) == len(replies)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_planned_rounds_hold_the_rounds_that_come(case, world, tmp_path):
    generator = made(case, world, tmp_path)
    assert isinstance(generator, PlansGeneration)
    item = generator.items()[case.item]
    planned = generator.rounds(item=item)
    replies = iter(replies_of(case, generator, world[0]))
    dialogue = generator.generate(item=item)
    requests = next(dialogue)
    for planned_round in planned:
        assert planned_round.calls.at_least <= len(requests) <= planned_round.calls.at_most
        try:
            requests = dialogue.send([Completion(request=r, text=next(replies)) for r in requests])
        except StopIteration:
            break
    else:
        pytest.fail("there are more rounds than were planned")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("reply", ["", "I'm sorry, I cannot help with that.", "{", "| | |"])
def test_an_answer_that_holds_no_sample_is_rejected_and_ends(case, reply, world, tmp_path):
    backend = ScriptedBackend(answer=lambda request: reply)
    result = carried_out(case, world, tmp_path, backend)
    assert result.value.rows == ()
    samples = [reject for reject in result.value.rejects if reject.text]
    assert len(samples) == (len(result.calls) if reply else 0)
    assert all(RejectReason(reject.reason) for reject in result.value.rejects)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_call_that_failed_is_asked_again_and_no_other(case, world, tmp_path):
    replies = dict(enumerate(replies_of(case, made(case, world, tmp_path), world[0])))
    failed = []

    def answer(request):
        answered = len(set(map(id, backend.history))) - 1 - len(failed)
        if len(failed) < 1 and answered == len(replies) - 1:
            failed.append(request)
            return Failure(request=request, error=BackendError("busy", retryable=True))
        return Completion(request=request, text=replies[answered])

    backend = ScriptedBackend(answer=answer)
    with pytest.raises(BackendError, match="busy"):
        carried_out(case, world, tmp_path, backend)
    asked = len(backend.history)
    result = carried_out(case, world, tmp_path, backend)
    assert backend.history[asked:] == failed
    assert len(result.value.rows) == case.rows


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_stage_writes_rows_with_provenance_and_every_reject(case, world, tmp_path):
    schema, few_shot = world
    agent = agent_of(
        generators,
        case.generator,
        options=case.options,
        backend="scripted",
        backend_options={"replies": [FOUNDED + "\nno sample"] * 3000},
        sampling=Sampling(temperature=0.4, seed=7),
        tokenizer="o200k_base",
    )
    measures = run_single(
        Generate(agent=agent, schema=schema, repeat=1),
        inputs={"few_shot": few_shot[::8]},
        output=tmp_path / "out",
        agent=agent,
    )
    rows = load_examples(tmp_path / "out")
    rejects = list(read_jsonl(tmp_path / "out" / "rejects.jsonl"))
    assert measures.units == len(rows) and rejects
    assert len({row.id for row in rows}) == len(rows)
    keys = {charge.key for charge in measures.charges}
    for row in rows:
        assert row.meta["request"] in keys
        assert row.meta["generator"] == case.generator
        assert json.loads(row.meta["sampling"])["temperature"] == 0.4
        assert row.meta["repeat"] == "1"
    assert {reject["request"] for reject in rejects} <= keys
    assert all(charge.usage.input_tokens for charge in measures.charges)
