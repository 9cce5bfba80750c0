"""Whatever an LLM writes, every sample of it is a row or a typed reject."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.generators import (
    AllAtOnce,
    Attributed,
    EntitySwap,
    Explanations,
    NaPolicy,
    OneByOne,
    Paraphrase,
    RecordReader,
    RejectReason,
    SchemaConstrained,
    Unleash,
    written_record,
    written_records,
)
from harness.errors import ConfigError
from harness.pipeline import Explain, agent_of, load_explanations, run_single
from harness.protocols import AgentContext, Completion, FinishReason, Sampling
from harness.registry import explainers
from harness.relations import Example, Mention, Outcome, load_schema, render_marked

SEMEVAL = load_schema("semeval-2010-task-8")
DEMO = load_schema("newsroom-demo")
TEXT = "An old mill stood in York, and York sold the mill."
GOLD = Example(
    "g1", TEXT, Mention(3, 11, "old mill"), Mention.of(TEXT, 21, 25, "LOC"), "headquartered_in"
)
KINDS = (AllAtOnce, OneByOne, SchemaConstrained, Unleash, Attributed, Paraphrase, EntitySwap)


def made(kind, schema=DEMO, few_shot=(GOLD,), sampling=Sampling(), repeat=0, **options):  # noqa: B008
    context = AgentContext(
        schema=schema, few_shot=tuple(few_shot), sampling=sampling, repeat=repeat
    )
    return kind(context=context, options=kind.Options(**options))


def carried_out(dialogue, answer):
    """The result of a dialogue and every completion it was sent."""
    sent = []
    try:
        requests = next(dialogue)
        while True:
            completions = [answer(request, len(sent) + at) for at, request in enumerate(requests)]
            sent += completions
            requests = dialogue.send(completions)
    except StopIteration as stop:
        return stop.value, sent


def answered(kind, text, finish=FinishReason.STOP, *, item=0, **settings):
    generator = made(kind, **settings)
    dialogue = generator.generate(item=generator.items()[item])
    return carried_out(dialogue, lambda request, _: Completion(request, text, finish))[0]


def reasons(found):
    return [reject.reason for reject in found.rejects]


PIECES = st.sampled_from(
    ["Context:", "Head Entity:", "Head Type:", "Tail Entity:", "Tail Type:", "Relation:", "York",
     "mill", ".", " ", "\n", "ORG", "LOC", "|", "<h>", "</h>", "<t>", "</t>", "old mill", "1. ",
     "**", '"', "headquartered_in", "{", '{"topics": ["a"], "registers": [1]}', "\u2028", "\r",
     TEXT, "<think>", "</think>"]
)  # fmt: skip
ANSWERS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join))


@given(
    st.sampled_from(KINDS),
    st.sampled_from([SEMEVAL, DEMO]),
    st.lists(ANSWERS, min_size=1, max_size=4),
    st.sampled_from(FinishReason),
)
def test_every_sample_of_any_answer_is_kept_or_rejected_once(kind, schema, texts, finish):
    gold = GOLD if schema is DEMO else GOLD.labelled("Other")
    generator = made(kind, schema, (gold,), n=3)
    item = generator.items()[0]
    found, sent = carried_out(
        generator.generate(item=item),
        lambda request, at: Completion(request, texts[at % len(texts)], finish),
    )
    assert len(found.rows) <= item.count
    assert all(RejectReason(reject.reason) for reject in found.rejects)
    assert len({row.example.id for row in found.rows}) == len(found.rows)
    asked = {completion.request for completion in sent}
    for row in found.rows:
        assert row.example.relation == item.label and row.request in asked
        assert finish is not FinishReason.REFUSAL
    # Within one answer each sample has a place of its own, without a gap.
    places = Counter((s.request, s.position) for s in (*found.rows, *found.rejects))
    by_request = {}
    for (request, place), count in places.items():
        if all(r.reason != "attributes_unreadable" for r in found.rejects if r.request == request):
            assert count == 1
        by_request.setdefault(request, set()).add(place)
    assert all(p == set(range(len(p))) for p in by_request.values())


@given(ANSWERS)
def test_every_line_is_in_one_record(text):
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]
    assert "\n".join(written_records(text)).split("\n") == (lines or [""])


NAMES = st.from_regex(r"[A-Z][a-z]{1,8}( [A-Z][a-z]{1,8})?", fullmatch=True)


@given(NAMES, NAMES, st.sampled_from([" met ", " wrote about "]), st.booleans())
def test_a_record_is_read_as_the_example_it_was_written_from(head, tail, between, lines):
    if head in tail or tail in head or "Type" in head + tail or "Entity" in head + tail:
        return
    text = f"{head}{between}{tail}."
    example = Example(
        "r",
        text,
        Mention.of(text, 0, len(head), "PER"),
        Mention.of(text, len(text) - 1 - len(tail), len(text) - 1, "ORG"),
        "employed_by",
    )
    record = written_record(example)
    if lines:
        for name in ("Head Entity", "Head Type", "Tail Entity", "Tail Type"):
            record = record.replace(f" {name}:", f"\n{name}:")
    (unit,) = written_records(record)
    assert RecordReader(DEMO, DEMO.entity_types).example(unit, "employed_by", "r") == example


def test_the_tail_of_a_record_has_its_own_type_and_not_the_heads():
    """The published script of UnleashLLMRE gives the tail the head's type."""
    text = (
        "Relation: employed_by. Context: Ann joined Orme. Head Entity: Ann. Head Type: PER."
        " Tail Entity: Orme. Tail Type: ORG."
    )
    (row,) = answered(Unleash, text, item=DEMO.label_names.index("employed_by")).rows
    assert (row.example.head.type, row.example.tail.type) == ("PER", "ORG")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("Sure, here they are:", "malformed"),
        ("Context: Ann left. Head Entity: Ann. Head Type: PER.", "field_missing"),
        ("Context: A b. Head Entity: . Head Type: PER. Tail Entity: b. Tail Type: LOC.",
         "field_missing"),
        ("Context: Ann left. Head Entity: Bo. Head Type: PER. Tail Entity: Ann. Tail Type: PER.",
         "head_not_in_text"),
        ("Context: Ann left. Head Entity: Ann. Head Type: PER. Tail Entity: An. Tail Type: PER.",
         "tail_not_in_text"),
        ("Context: Ann left. Head Entity: Ann. Head Type: PER. Tail Entity: Ann. Tail Type: PER.",
         "arguments_overlap"),
        ("Context: Ann left. Head Entity: Ann. Head Type: CAT. Tail Entity: left. Tail Type: PER.",
         "type_unknown"),
        ("Relation: r. Context: A b. Head Entity: A. Head Type: PER. Tail Entity: b."
         " Tail Type: PER.", "wrong_label"),
    ],
)  # fmt: skip
def test_a_record_that_is_no_sample_is_rejected_with_its_reason(record, reason):
    assert reasons(answered(Unleash, record)) == [reason]


def test_a_record_without_types_is_read_where_the_schema_has_none():
    found = answered(
        SchemaConstrained,
        "Context: Rain caused a flood. Head Entity: rain. Tail Entity: flood.",
        schema=SEMEVAL,
        few_shot=(),
    )
    (row,) = found.rows
    assert (row.example.head.surface, row.example.head.type) == ("Rain", None)


def test_attempts_end_with_enough_samples_and_at_two_equal_answers():
    record = "Context: {0} runs Orme. Head Entity: Orme. Head Type: ORG. Tail Entity: {0}."
    record += " Tail Type: PER."
    generator = made(SchemaConstrained, n=3, per_call=1, attempts=9)
    names = ["Ann", "Bo", "Cy", "Dot"]
    item = generator.items()[0]
    found, sent = carried_out(
        generator.generate(item=item),
        lambda request, at: Completion(request, record.format(names[at])),
    )
    assert len(found.rows) == 3 and [c.request.repeat for c in sent] == [0, 1, 2]
    found, sent = carried_out(
        generator.generate(item=item), lambda request, at: Completion(request, record.format("Ann"))
    )
    assert len(sent) == 2 and reasons(found) == ["duplicate"]


def test_asking_again_has_a_repeat_number_and_a_seed_of_its_own():
    settings = {"sampling": Sampling(seed=5), "repeat": 2}
    generator = made(SchemaConstrained, n=2, per_call=2, attempts=3, **settings)
    _, sent = carried_out(
        generator.generate(item=generator.items()[0]),
        lambda request, at: Completion(request, f"no {at}"),
    )
    assert [(c.request.repeat, c.request.sampling.seed) for c in sent] == [(6, 5), (7, 6), (8, 7)]


def test_attempts_that_cannot_suffice_are_an_error_that_says_so():
    with pytest.raises(ValueError, match="cannot give 32: raise attempts or per_call"):
        SchemaConstrained.Options(per_call=4, attempts=2)


def test_one_by_one_gives_a_label_up_after_its_retries():
    generator = made(OneByOne, n=5, retries=2)
    _, sent = carried_out(
        generator.generate(item=generator.items()[0]), lambda request, at: Completion(request, "no")
    )
    assert [completion.request.repeat for completion in sent] == [0, 1, 2]


def test_a_swap_changes_a_surface_wherever_it_stands_and_its_article():
    found = answered(EntitySwap, "brewery | Ulm\nabbey | Essex\n- The Arms | Ely", n=3)
    assert [row.example.text for row in found.rows] == [
        "A brewery stood in Ulm, and Ulm sold the mill.",
        "An abbey stood in Essex, and Essex sold the mill.",
        "A The Arms stood in Ely, and Ely sold the mill.",
    ]
    for row in found.rows:
        e = row.example
        assert (e.head.type, e.tail.type, e.group, e.meta["gold"]) == (None, "LOC", "g1", "g1")


def test_a_paraphrase_keeps_surfaces_types_and_the_gold_rows_group():
    found = answered(
        Paraphrase, "In <t>york</t> there is an <h>old  mill</h>.\n<h>mill</h> <t>York</t>"
    )
    (row,) = found.rows
    assert (row.example.tail.type, row.example.group) == ("LOC", "g1")
    assert reasons(found) == ["entity_changed"]


def test_gold_rows_of_the_na_label_are_left_out_on_request():
    few_shot = (GOLD, GOLD.labelled("no_relation"))
    assert len(made(Paraphrase, few_shot=few_shot).items()) == 2
    assert len(made(Paraphrase, few_shot=few_shot, na_rows=False).items()) == 1


def test_attributes_are_asked_once_and_spread_evenly():
    generator = made(Attributed, n=6, topics=2, registers=3)
    items = generator.items()
    shared = [next(generator.generate(item=item))[0] for item in items]
    assert len(set(shared)) == 1
    lists = '{"topics": ["a", "b"], "registers": ["x", "y", "z"]}'
    sample = "<h>Orme {0}</h> was set up by <t>Ann</t>."
    found, _ = carried_out(
        generator.generate(item=items[0]),
        lambda request, at: Completion(request, lists if at == 0 else sample.format(at)),
    )
    topics = Counter(row.example.meta["topic"] for row in found.rows)
    assert topics == {"a": 3, "b": 3}
    assert {row.example.meta["argument_order"] for row in found.rows} == {
        "<h> before <t>", "<t> before <h>",
    }  # fmt: skip


def test_lists_that_cannot_be_read_are_rejected_and_leave_the_other_attributes():
    generator = made(Attributed, SEMEVAL, n=2)
    sample = "<e1>Rain</e1> caused <e2>flood {0}</e2>."
    found, _ = carried_out(
        generator.generate(item=generator.items()[0]),
        lambda request, at: Completion(request, "none" if at < 2 else sample.format(at)),
    )
    assert reasons(found) == ["attributes_unreadable"] * 2
    assert set(found.rows[0].example.meta) == {"length", "argument_order"}


def test_na_rows_are_made_as_the_policy_says():
    policy = NaPolicy(n=5, kinds=("other_pair", "reversed"))
    items = made(AllAtOnce, na_policy=policy).items()
    assert [(i.count, dict(i.facts)) for i in items if i.label == "no_relation"] == [
        (3, {"na_kind": "other_pair"}),
        (2, {"na_kind": "reversed"}),
    ]
    assert [i.label for i in items[:-2]] == list(DEMO.positive_labels)
    none = made(AllAtOnce, na_policy=NaPolicy(n=0)).items()
    assert "no_relation" not in {item.label for item in none}


def test_a_reversed_pair_is_no_na_row_where_labels_carry_direction():
    with pytest.raises(ConfigError, match="has a label of its own"):
        made(AllAtOnce, SEMEVAL, na_policy=NaPolicy(kinds=("reversed",)))


@pytest.mark.parametrize(
    ("text", "finish", "outcome"),
    [
        ("<think>hm</think>\nThe text says\nso.", FinishReason.STOP, Outcome.PARSED),
        ("I cannot use the word, the sentence says.", FinishReason.STOP, Outcome.REFUSED),
        ("He says 'I cannot pay', so money is owed.", FinishReason.STOP, Outcome.PARSED),
        ("Sorry, but I can't help.", FinishReason.STOP, Outcome.REFUSED),
        ("  ", FinishReason.STOP, Outcome.EMPTY),
        ("<think>hm", FinishReason.STOP, Outcome.CUT_OFF),
        ("The text", FinishReason.LENGTH, Outcome.CUT_OFF),
        ("The text", FinishReason.REFUSAL, Outcome.REFUSED),
    ],
)
def test_an_explanation_is_used_or_has_a_reason(text, finish, outcome):
    dialogue = made(Explanations).explain(example=GOLD)
    said, _ = carried_out(dialogue, lambda request, at: Completion(request, text, finish))
    assert said.outcome is outcome
    if outcome is Outcome.PARSED:
        assert "\n" not in said.text and "think" not in said.text
    else:
        assert said.text == text


@pytest.mark.data
def test_the_145_genuine_explanations_are_usable(data_home, llm_recordings, semeval_examples):
    file = llm_recordings / "semeval-2010-task-8" / "explain.v1.jsonl"
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 145
    explainer = made(Explanations, SEMEVAL)
    for line in lines:
        dialogue = explainer.explain(example=semeval_examples[line["example_id"]])
        said, (completion,) = carried_out(
            dialogue, lambda request, at, line=line: Completion(request, line["response"])
        )
        messages = [{"role": m.role, "content": m.content} for m in completion.request.messages]
        assert messages == line["messages"]
        assert (said.outcome, said.text) == (Outcome.PARSED, line["response"])


@pytest.mark.data
def test_the_stage_explains_the_few_shot_sentences_from_the_recording(
    data_home, llm_recordings, semeval_few_shot, tmp_path
):
    file = llm_recordings / "semeval-2010-task-8" / "explain.v1.jsonl"
    agent = agent_of(
        explainers,
        "explanations",
        options={},
        backend="recorded",
        backend_options={"model": "m", "recordings": [str(file)]},
        sampling=Sampling(),
        tokenizer="o200k_base",
    )
    measures = run_single(
        Explain(agent=agent, schema=SEMEVAL),
        inputs={"examples": semeval_few_shot},
        output=tmp_path / "out",
        agent=agent,
    )
    explained = load_explanations(tmp_path / "out")
    assert list(explained) == [example.id for example in semeval_few_shot]
    assert measures.units == 145 and not any(charge.paid for charge in measures.charges)


@pytest.mark.data
@pytest.mark.parametrize("kind", [k for k in KINDS if k not in (Paraphrase, EntitySwap)])
def test_genuine_answers_of_every_kind_are_accounted_for(kind, data_home, llm_recordings):
    """Answers to other prompts stand in for an LLM that does not keep to the form."""
    files = [
        *(llm_recordings / "semeval-2010-task-8").glob("*.jsonl"),
        *(llm_recordings.parent / "demo" / "recordings").glob("*.jsonl"),
    ]
    assert len(files) == 9
    for file in files:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        schema = SEMEVAL if file.parent.name == "semeval-2010-task-8" else DEMO
        settings = {} if kind in (AllAtOnce, Attributed, OneByOne) else {"attempts": 8}
        generator = made(kind, schema, (), n=32, **settings)
        item = next(i for i in generator.items() if i.label == lines[0].get("relation", i.label))
        for start in range(0, len(lines), 97):
            found, sent = carried_out(
                generator.generate(item=item),
                lambda request, at, s=start, ls=lines: Completion(
                    request, ls[(s + at) % len(ls)]["response"]
                ),
            )
            count = len(found.rows) + len(found.rejects)
            told = sum(len(c.text.splitlines()) for c in sent)
            if kind in (AllAtOnce, OneByOne):
                assert count == told
            assert count <= told


def test_a_genuine_answers_samples_are_read_alike_at_once_and_in_named_fields(demo_examples):
    for example in demo_examples["few_shot"].values():
        record = written_record(example)
        read = RecordReader(DEMO, DEMO.entity_types).example(record, example.relation, example.id)
        assert (read.text, read.head.surface, read.tail.surface, read.tail.type) == (
            example.text, example.head.surface, example.tail.surface, example.tail.type,
        )  # fmt: skip
        assert render_marked(read, DEMO.markers).count("<h>") == 1
