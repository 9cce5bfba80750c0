import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.extractors import ParsedAnswer, Rule, parse_label_answer
from harness.protocols import FinishReason
from harness.relations import Outcome, Relation, Schema, load_schema

SEMEVAL = load_schema("semeval-2010-task-8")
DEMO = load_schema("newsroom-demo")
TACRED = Schema(
    name="tacred-like",
    na_label="no_relation",
    relations=tuple(
        Relation(name)
        for name in (
            "org:founded",
            "org:founded_by",
            "org:top_members/employees",
            "per:title",
            "per:stateorprovince_of_birth",
            "per:city_of_birth",
        )
    ),
)
WORDY = Schema(
    name="wordy", na_label="none", relations=(Relation("part of"), Relation("instance of"))
)

CE, EC = "Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)"


def read(text, schema=SEMEVAL, finish=FinishReason.STOP):
    return parse_label_answer(text, schema, finish)


PARSED = [
    # JSON
    (SEMEVAL, f'{{"relation": "{CE}"}}', CE, Rule.JSON_EXACT),
    (SEMEVAL, f'```json\n{{"relation": "{CE}"}}\n```', CE, Rule.JSON_EXACT),
    (SEMEVAL, f'Sure! {{"relation": "{CE}"}} Hope that helps.', CE, Rule.JSON_EXACT),
    (SEMEVAL, f'{{"thought": "Other?", "Relation": "{CE}"}}', CE, Rule.JSON_EXACT),
    (SEMEVAL, f'{{"result": {{"label": "{CE}"}}}}', CE, Rule.JSON_EXACT),
    (SEMEVAL, '{"relation": " cause_effect (E1, E2) "}', CE, Rule.JSON_NORMALISED),
    (SEMEVAL, '{"relation": "OTHER"}', "Other", Rule.JSON_NORMALISED),
    (SEMEVAL, '{"relation": "other"} {"relation": "Other"}', "Other", Rule.JSON_NORMALISED),
    (DEMO, '{"relation": "founded\\_by"}', "founded_by", Rule.JSON_EXACT),
    (SEMEVAL, f"A set {{x}} of {{ {{'y'}} is {CE}.", CE, Rule.MENTIONED),
    # the whole answer
    (SEMEVAL, f"  {CE}\n", CE, Rule.EXACT),
    (SEMEVAL, f"**{CE}**.", CE, Rule.EXACT),
    (SEMEVAL, "cause effect (e1 , e2)", CE, Rule.NORMALISED),
    (SEMEVAL, "`other`", "Other", Rule.NORMALISED),
    (DEMO, "Founded By", "founded_by", Rule.NORMALISED),
    (DEMO, "No relation.", "no_relation", Rule.NORMALISED),
    (TACRED, "org:top members/employees", "org:top_members/employees", Rule.NORMALISED),
    (TACRED, "PER: Title", "per:title", Rule.NORMALISED),
    (WORDY, "Part-of", "part of", Rule.NORMALISED),
    # stated
    (SEMEVAL, f"The relation is:\n\n{CE}\n\nThis is not Other but a cause.", CE, Rule.STATED),
    (SEMEVAL, "The relation type between e1 and e2 is Other.", "Other", Rule.STATED),
    (SEMEVAL, f"{EC} is tempting, but the answer is {CE}.", CE, Rule.STATED),
    (SEMEVAL, "I would say so.\n\nrelation_type: Other", "Other", Rule.STATED),
    (SEMEVAL, "{'relation': 'Other', 'why': 'it holds'}", "Other", Rule.STATED),
    (DEMO, "She was born in Paris, so the relation is born_in.", "born_in", Rule.STATED),
    (DEMO, 'Answer: "acquired", since it was founded by him', "acquired", Rule.STATED),
    (WORDY, "Relation: part of", "part of", Rule.STATED),
    (
        SEMEVAL,
        'I label the relation as "Other": it is no relation such as Cause-Effect, Message-Topic.',
        "Other",
        Rule.STATED,
    ),
    # mentioned once
    (SEMEVAL, f"{CE}\n\nThis is because one brings the other about.", CE, Rule.MENTIONED),
    (SEMEVAL, "Other\n\nNone of them fits the other words.", "Other", Rule.MENTIONED),
    (SEMEVAL, f"{CE}, {CE}", CE, Rule.MENTIONED),
    (SEMEVAL, f"This shows {CE}: an example of Cause-Effect.", CE, Rule.MENTIONED),
    (SEMEVAL, f"Not {EC}, rather {CE}", CE, Rule.MENTIONED),
    (DEMO, "He acquired it, which is `employed_by`", "employed_by", Rule.MENTIONED),
    (TACRED, "I pick org:founded_by here", "org:founded_by", Rule.MENTIONED),
    # reasoning before the answer is not the answer
    (SEMEVAL, f"<think>Is it {EC}? {{}}</think>\n{CE}", CE, Rule.EXACT),
    (SEMEVAL, f"{EC}, hmm.</think>{CE}", CE, Rule.EXACT),
]


@pytest.mark.parametrize(("schema", "text", "label", "rule"), PARSED)
def test_an_answer_that_gives_one_label_is_parsed(schema, text, label, rule):
    assert read(text, schema) == ParsedAnswer(label, Outcome.PARSED, rule)


FAULTS = [
    ("", Outcome.EMPTY, Rule.NO_TEXT),
    (" \n\t ", Outcome.EMPTY, Rule.NO_TEXT),
    ('"."', Outcome.EMPTY, Rule.NO_TEXT),
    ('{"relation": ""}', Outcome.EMPTY, Rule.NO_TEXT),
    # the direction is never guessed
    ("Cause-Effect", Outcome.INVALID_LABEL, Rule.DIRECTION_MISSING),
    ('{"relation": "Cause-Effect"}', Outcome.INVALID_LABEL, Rule.DIRECTION_MISSING),
    ("cause effect", Outcome.INVALID_LABEL, Rule.DIRECTION_MISSING),
    ("The relation is Cause-Effect.", Outcome.INVALID_LABEL, Rule.DIRECTION_MISSING),
    ("Message-Topic(e1", Outcome.INVALID_LABEL, Rule.DIRECTION_MISSING),
    # labels that the schema does not have
    ("Cause-Effect(e1,e1)", Outcome.INVALID_LABEL, Rule.UNKNOWN_LABEL),
    ("Part-Of(e1,e2)", Outcome.INVALID_LABEL, Rule.UNKNOWN_LABEL),
    ("Cause-Effects(e1,e2)", Outcome.INVALID_LABEL, Rule.UNKNOWN_LABEL),
    ("Composition", Outcome.INVALID_LABEL, Rule.UNKNOWN_LABEL),
    ('{"relation": "Part-Whole(e1,e2)"}', Outcome.INVALID_LABEL, Rule.UNKNOWN_LABEL),
    ('{"relation": null}', Outcome.INVALID_LABEL, Rule.UNKNOWN_LABEL),
    ('{"relation": 3}', Outcome.INVALID_LABEL, Rule.UNKNOWN_LABEL),
    ("The soup was rather good in the end.", Outcome.INVALID_LABEL, Rule.NO_LABEL),
    ("No other word for the other thing fits.", Outcome.INVALID_LABEL, Rule.NO_LABEL),
    (f"It is certainly not {CE} here", Outcome.INVALID_LABEL, Rule.NO_LABEL),
    # several
    (f"{CE}, {EC}", Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    (f"{CE}, other", Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    (f"{CE}, Composition", Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    (f"{CE}, Name-Origin(e2,e1)", Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    (f"{CE}, {CE}, Message-Top", Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    (f"{CE}, Product-Producer(e1,", Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    ("Cause-Effect, Message-Topic", Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    (f"The relation is {CE} or {EC}.", Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    (f"The relation is {CE}. No, the relation is {EC}.", Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    (f'{{"relation": "{CE}", "relation": "{EC}"}}', Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    (f'{{"relation": "{CE}"}}\n{{"relation": "x"}}', Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    (f'{{"relation": "{CE} or {EC}"}}', Outcome.AMBIGUOUS, Rule.SEVERAL_LABELS),
    # refused
    ("I'm sorry, but I can't help with that.", Outcome.REFUSED, Rule.REFUSAL_WORDS),
    ("As an AI language model, I have no view.", Outcome.REFUSED, Rule.REFUSAL_WORDS),
    ("I cannot determine which one holds here.", Outcome.REFUSED, Rule.REFUSAL_WORDS),
    # reasoning that never ends
    (f"<think>Perhaps {CE}", Outcome.CUT_OFF, Rule.NO_TEXT),
]


@pytest.mark.parametrize(("text", "outcome", "rule"), FAULTS)
def test_an_answer_that_gives_no_one_label_has_a_typed_outcome(text, outcome, rule):
    assert read(text) == ParsedAnswer(None, outcome, rule)


def test_ordinary_words_that_are_labels_do_not_count_in_prose():
    text = "The firm was acquired by a man who was born in Oslo and founded by nobody."
    assert read(text, DEMO).rule is Rule.NO_LABEL


def test_a_longer_label_is_not_read_as_the_shorter_one_it_begins_with():
    assert read("It is org:founded_by.", TACRED).label == "org:founded_by"
    assert read("It is org:founded.", TACRED).label == "org:founded"
    assert read("It is org:founded_in.", TACRED).label is None
    assert read("It is org:top_members.", TACRED).label is None


def test_a_label_without_its_prefix_is_not_completed():
    assert read("city_of_birth", TACRED).rule is Rule.UNKNOWN_LABEL


def test_a_refusal_by_the_provider_is_one_whatever_the_text_says():
    assert read(CE, finish=FinishReason.REFUSAL).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    "text", ["", "The relation between", "Cause-Effect", '{"relation": "Cause-Ef', f"{CE}, {EC}"]
)
def test_a_cut_answer_without_one_label_is_cut_off(text):
    assert read(text, finish=FinishReason.LENGTH).outcome is Outcome.CUT_OFF


def test_a_cut_answer_that_gave_its_label_before_is_parsed():
    assert read(f"{CE}\n\nThis is because the", finish=FinishReason.LENGTH).label == CE


def test_a_label_at_the_cut_that_may_be_the_start_of_another_is_cut_off():
    cut = '{"relation": "org:founded'
    assert read(cut, TACRED, FinishReason.LENGTH).outcome is Outcome.CUT_OFF
    assert read(cut, TACRED, FinishReason.STOP).label == "org:founded"
    assert read('{"relation": "per:title', TACRED, FinishReason.LENGTH).label == "per:title"


def test_labels_that_differ_in_case_alone_are_told_apart_by_their_exact_spelling():
    schema = Schema("s", "NA", (Relation("Part-Of"), Relation("part_of")))
    assert read("part_of", schema).label == "part_of"
    assert read("Part-Of", schema).label == "Part-Of"
    assert read("PART OF", schema).label is None


NAMES = st.text(
    st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=12
).filter(lambda name: name == name.strip() and "think" not in name.lower())


@st.composite
def schemas(draw):
    names = draw(st.lists(NAMES, min_size=2, max_size=6, unique=True))
    *relations, na = names
    directed = draw(st.booleans())
    try:
        return Schema("s", na, tuple(Relation(name) for name in relations), directed=directed)
    except ValueError:  # a drawn NA label that is spelt like a directed one
        return Schema("s", na, tuple(Relation(name) for name in relations))


def test_a_label_with_a_backslash_parses_to_itself():
    schema = Schema("s", "NA", (Relation("\\_x"),))
    assert read("\\_x", schema).label == "\\_x"
    assert read('{"relation": "\\\\_x"}', schema).label == "\\_x"


@given(schemas(), st.data())
def test_every_label_of_any_schema_parses_to_itself(schema, data):
    label = data.draw(st.sampled_from(schema.label_names))
    assert read(label, schema).label == label
    assert read(f"\n {label} ", schema).label == label
    assert read(json.dumps({"relation": label}), schema).label == label
    fenced = "```json\n" + json.dumps({"relation": label}, ensure_ascii=False) + "\n```"
    assert read(fenced, schema).label == label


PIECES = st.one_of(
    st.sampled_from(SEMEVAL.label_names),
    st.sampled_from(["Cause-Effect", "Message-Topic(e", "Part-Of(e1,e2)", "other", "e1", "("]),
    st.sampled_from(['{"relation": "', '"}', "```json", "<think>", "</think>", "{", "}", "\\_"]),
    st.sampled_from(["relation is ", "not ", "I can't", ", ", "\n", "\u2028", "\ud800", "."]),
)


@given(
    st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=4))).map("".join)),
    st.sampled_from(FinishReason),
    st.sampled_from([SEMEVAL, DEMO, TACRED, WORDY]),
)
def test_no_answer_crashes_the_parser_and_every_outcome_is_typed(text, finish, schema):
    parsed = read(text, schema, finish)
    assert isinstance(parsed.rule, Rule)
    assert (parsed.label in schema) == (parsed.outcome is Outcome.PARSED)
    assert (parsed.label is None) == (parsed.outcome is not Outcome.PARSED)
    if finish is FinishReason.LENGTH and parsed.label is None:
        assert parsed.outcome is Outcome.CUT_OFF


@given(st.lists(st.sampled_from(SEMEVAL.label_names), min_size=2, max_size=5))
def test_a_list_of_labels_is_parsed_only_if_they_are_one(labels):
    parsed = read(", ".join(labels))
    assert parsed.label == (labels[0] if len(set(labels)) == 1 else None)


@pytest.mark.parametrize("text", ["{" * 20_000, '{"a":' * 3_000, "is " * 20_000, "\n" * 50_000])
def test_long_degenerate_answers_are_read_without_a_crash(text):
    assert read(text + "x").outcome is Outcome.INVALID_LABEL


@pytest.mark.parametrize(
    "text", ["[" + '{"a":' * 13_000, '{"a":[' * 10_000, '{"a":1,' * 9_000, '{"a":' * 13_000 + "1"]
)
def test_objects_that_are_opened_by_the_thousand_take_no_minute(text):
    """Each brace was followed to the end of the answer; found by fuzzing."""
    started = time.process_time()
    assert read(text).outcome is Outcome.INVALID_LABEL
    assert time.process_time() - started < 5
