"""What the extractors make of answers, beyond the one dialogue of the suite."""

import pytest

from agents.backends import ScriptedBackend, ScriptedOptions
from agents.extractors import (
    DynamicExamplesExtractor,
    DynamicExamplesOptions,
    ExplainThenLabelExtractor,
    ExplainThenLabelOptions,
    HierarchicalExtractor,
    HierarchicalOptions,
    MBreExtractor,
    MBreOptions,
    MultipleChoiceExtractor,
    MultipleChoiceOptions,
    ReflectiveExtractor,
    ReflectiveOptions,
    SelfConsistencyExtractor,
    SelfConsistencyOptions,
    SummarizeAskExtractor,
    SummarizeAskOptions,
    ZeroShotExtractor,
    ZeroShotOptions,
    dissimilar_groups,
)
from agents.prompts import bracketed, label_statement
from harness.errors import ConfigError
from harness.protocols import AgentContext, Completion, FinishReason, Sampling
from harness.relations import Outcome, load_schema


def talked(kind, options, schema, example, answer, sampling=None):
    """The prediction and every request, each answered by ``answer`` (a function or replies)."""
    context = AgentContext(schema=schema, sampling=sampling or Sampling())
    dialogue = kind(context=context, options=options).extract(example=example)
    if callable(answer):
        backend = ScriptedBackend(answer=answer)
    else:
        backend = ScriptedBackend(options=ScriptedOptions(replies=tuple(answer)))
    try:
        requests = next(dialogue)
        while True:
            requests = dialogue.send(list(backend.complete(requests)))
    except StopIteration as stop:
        return stop.value, backend.history


@pytest.fixture
def person(make_example):
    return make_example("Ann works for Orme .", "Ann", "Orme", head_type="PER", tail_type="ORG")


# -- type constraints ------------------------------------------------------------------------


def test_a_label_that_the_types_exclude_is_an_invalid_label(demo_schema, person):
    replies = ('{"relation": "born_in"}',)
    free, _ = talked(ZeroShotExtractor, ZeroShotOptions(), demo_schema, person, replies)
    options = ZeroShotOptions(type_constraints=True)
    bound, _ = talked(ZeroShotExtractor, options, demo_schema, person, replies)
    assert (free.label, bound.label) == ("born_in", None)
    assert bound.outcome is Outcome.INVALID_LABEL
    assert bound.answer == replies[0]


# -- multiple choice -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "label", "outcome"),
    [
        ("A", "employed_by", Outcome.PARSED),
        ("b.", "educated_at", Outcome.PARSED),
        ("(C)", "no_relation", Outcome.PARSED),
        ("**B**", "educated_at", Outcome.PARSED),
        ("A. [Ann] works or worked for [Orme], in any rank", "employed_by", Outcome.PARSED),
        ("The answer is A.", "employed_by", Outcome.PARSED),
        ("Option: C", "no_relation", Outcome.PARSED),
        ("<think>A or B?</think> B", "educated_at", Outcome.PARSED),
        ("[Ann] works or worked for [Orme], in any rank", "employed_by", Outcome.PARSED),
        ("A. Or rather: option B", None, Outcome.AMBIGUOUS),
        ("D", None, Outcome.INVALID_LABEL),
        ("A man works there.", None, Outcome.INVALID_LABEL),
        ("I cannot say.", None, Outcome.REFUSED),
        ("", None, Outcome.EMPTY),
    ],
)
def test_a_choice_is_read_by_its_letter_or_its_statement(
    reply, label, outcome, demo_schema, person
):
    found, _ = talked(
        MultipleChoiceExtractor, MultipleChoiceOptions(), demo_schema, person, [reply]
    )
    assert (found.label, found.outcome) == (label, outcome)


def test_an_answer_cut_before_its_letter_is_cut_off(demo_schema, person):
    def cut(request):
        return Completion(request=request, text="Let me see", finish=FinishReason.LENGTH)

    found, _ = talked(MultipleChoiceExtractor, MultipleChoiceOptions(), demo_schema, person, cut)
    assert found.outcome is Outcome.CUT_OFF


def test_more_labels_than_letters_go_on_with_two(person):
    schema = load_schema("tacred")
    options = MultipleChoiceOptions(type_constraints=False)
    found, (request,) = talked(MultipleChoiceExtractor, options, schema, person, ["AA"])
    assert found.label == schema.label_names[26]
    assert "\nAA. " in request.messages[0].content


def test_a_given_statement_replaces_the_schemas(demo_schema, person):
    given = {"employed_by": "{head} is on the payroll of {tail}"}
    options = MultipleChoiceOptions(statements=given)
    _, (request,) = talked(MultipleChoiceExtractor, options, demo_schema, person, ["A"])
    assert "A. [Ann] is on the payroll of [Orme]\n" in request.messages[0].content


def test_every_label_of_the_built_in_schemas_has_a_statement_with_both_names():
    for name in ("newsroom-demo", "semeval-2010-task-8", "tacred", "retacred"):
        schema = load_schema(name)
        for label in schema.label_names:
            statement = label_statement(schema, label, "\\HEAD\\1", "TAIL")
            assert "\\HEAD\\1" in statement and "TAIL" in statement, label
            assert "the head" not in statement and "the tail" not in statement


def test_brackets_stand_around_both_mentions(make_example):
    assert bracketed(make_example()) == "The [cup] held hot [tea] ."


# -- explain, vote ---------------------------------------------------------------------------


def test_evidence_of_a_first_call_is_shown_in_the_second(demo_schema, person):
    options = ExplainThenLabelOptions(evidence="first_call")
    found, requests = talked(
        ExplainThenLabelExtractor,
        options,
        demo_schema,
        person,
        ['"works for"', '{"relation": "employed_by"}'],
    )
    assert found.evidence == '"works for"'
    assert requests[1].messages[-1].content.endswith('Evidence: "works for"')


def test_the_vote_counts_unread_answers_against_every_label(demo_schema, person):
    options = SelfConsistencyOptions(samples=4)
    replies = ["employed_by", "?", "educated_at", "educated_at"]
    found, _ = talked(SelfConsistencyExtractor, options, demo_schema, person, replies)
    assert found.label == "educated_at" and found.confidence == 0.5
    assert found.probabilities == {"educated_at": 0.5, "employed_by": 0.25}


def test_of_equally_many_votes_the_first_given_wins(demo_schema, person):
    options = SelfConsistencyOptions(samples=2)
    for replies in (["employed_by", "educated_at"], ["educated_at", "employed_by"]):
        found, _ = talked(SelfConsistencyExtractor, options, demo_schema, person, replies)
        assert found.label == replies[0]


def test_samples_differ_by_repeat_number_and_seed_across_repetitions(demo_schema, person):
    asked = []
    for repeat in (0, 1):
        context = AgentContext(schema=demo_schema, sampling=Sampling(seed=10), repeat=repeat)
        options = SelfConsistencyOptions(samples=3)
        extractor = SelfConsistencyExtractor(context=context, options=options)
        asked += next(extractor.extract(example=person))
    assert [request.repeat for request in asked] == [0, 1, 2, 3, 4, 5]
    assert [request.sampling.seed for request in asked] == [10, 11, 12, 10, 11, 12]


# -- summarise and ask -----------------------------------------------------------------------


def answering(yes):
    """Answers yes to questions about the given words."""

    def answer(request):
        text = request.messages[0].content
        if "Question:" not in text:
            return "Summary."
        return "yes" if any(word in text for word in yes) else "No."

    return answer


def test_the_na_label_holds_where_no_question_is_answered_yes(demo_schema, person):
    options = SummarizeAskOptions(question="statement", samples=1)
    found, requests = talked(SummarizeAskExtractor, options, demo_schema, person, answering(()))
    assert (found.label, found.confidence) == ("no_relation", 1.0)
    assert len(requests) == 1 + len(demo_schema.positive_labels)


def test_of_several_yes_the_least_uncertain_wins(demo_schema, person):
    options = SummarizeAskOptions(samples=3, question="statement", type_constraints=True)
    said = iter(["yes", "no", "yes", "yes", "yes", "yes"])  # employed_by, then educated_at

    def answer(request):
        return next(said) if "Question:" in request.messages[0].content else "Summary."

    found, _ = talked(SummarizeAskExtractor, options, demo_schema, person, answer)
    assert (found.label, found.confidence) == ("educated_at", 1.0)


def test_calls_per_sentence_are_k_and_two_k_per_relation(semeval_schema, make_example):
    options = SummarizeAskOptions(samples=3)
    _, requests = talked(
        SummarizeAskExtractor, options, semeval_schema, make_example(), answering(("tea",))
    )
    assert len(requests) == 3 + 2 * 3 * 18


# -- reflective ------------------------------------------------------------------------------


def test_critique_ends_after_the_declared_turns(demo_schema, person):
    def stubborn(request):
        if "check the work" in request.messages[0].content:
            return '{"verdict": "revise", "critique": "No."}'
        return '{"relation": "employed_by"}'

    options = ReflectiveOptions(turns=2)
    found, requests = talked(ReflectiveExtractor, options, demo_schema, person, stubborn)
    assert found.label == "employed_by"
    assert len(requests) == 1 + 2 * 2


def test_a_review_without_a_verdict_is_an_objection_and_an_empty_one_is_not(demo_schema, person):
    replies = ["employed_by", "She only visited.", "no_relation", ""]
    found, requests = talked(ReflectiveExtractor, ReflectiveOptions(), demo_schema, person, replies)
    assert found.label == "no_relation"
    assert "She only visited." in requests[2].messages[-1].content


# -- hierarchical ----------------------------------------------------------------------------


def test_specialists_that_agree_need_no_decision(demo_schema, person):
    replies = ['{"groups": ["group 2", "group 3"]}', "employed_by", "no_relation"]
    found, requests = talked(
        HierarchicalExtractor, HierarchicalOptions(), demo_schema, person, replies
    )
    assert (found.label, len(requests)) == ("employed_by", 3)


def test_no_group_means_the_na_label(demo_schema, person):
    found, requests = talked(
        HierarchicalExtractor, HierarchicalOptions(), demo_schema, person, ['{"groups": []}']
    )
    assert (found.label, len(requests)) == ("no_relation", 1)


def test_an_unreadable_route_asks_every_specialist(demo_schema, person):
    replies = ["the second", *["no_relation"] * 4]
    found, requests = talked(
        HierarchicalExtractor, HierarchicalOptions(), demo_schema, person, replies
    )
    assert (found.label, len(requests)) == ("no_relation", 5)


def test_type_constraints_leave_out_groups_without_a_fitting_relation(demo_schema, person):
    options = HierarchicalOptions(type_constraints=True)
    _, requests = talked(HierarchicalExtractor, options, demo_schema, person, ['{"groups": []}'])
    text = requests[0].messages[0].content
    assert "group 2:" in text and "group 3:" in text
    assert "group 1:" not in text and "group 4:" not in text


def test_groups_must_hold_every_relation_once(demo_schema):
    options = HierarchicalOptions(groups={"a": ("born_in", "nope"), "b": ("born_in",)})
    with pytest.raises(ConfigError) as raised:
        HierarchicalExtractor(context=AgentContext(schema=demo_schema), options=options)
    said = [problem.what for problem in raised.value.problems]
    assert "hierarchical.v1: 'nope' is not a relation of the schema" in said
    assert "hierarchical.v1: 'born_in' is in 2 groups" in said
    assert "hierarchical.v1: 'acquired' is in 0 groups" in said


# -- dynamic examples ------------------------------------------------------------------------


def test_without_a_readable_candidate_the_label_is_asked_plainly(demo_schema, person):
    replies = ["hm", '{"relation": "employed_by"}']
    found, requests = talked(
        DynamicExamplesExtractor, DynamicExamplesOptions(), demo_schema, person, replies
    )
    plain, (request,) = talked(
        ZeroShotExtractor, ZeroShotOptions(), demo_schema, person, replies[1:]
    )
    assert (found, requests[1]) == (plain, request)


def test_an_example_without_markers_or_beyond_the_number_asked_for_is_dropped(demo_schema, person):
    good = "<h>A</h> works for <t>B</t>."
    replies = [
        '{"candidates": ["employed_by"]}',
        f'{{"positive": ["bare", "{good}", "{good}"], "negative": []}}',
        '{"keep": [1]}',
        "employed_by",
    ]
    options = DynamicExamplesOptions(examples=2)
    _, requests = talked(DynamicExamplesExtractor, options, demo_schema, person, replies)
    assert requests[2].messages[0].content.count(good) == 1
    assert requests[3].messages[-1].content.count("=> employed_by") == 1


# -- M-BRe -----------------------------------------------------------------------------------

EMPLOYED = '{"relation": "employed_by"}'


def mined(schema, example, replies, **options):
    return talked(MBreExtractor, MBreOptions(**options), schema, example, replies)


def test_groups_hold_each_label_once_and_keep_the_two_directions_apart(semeval_schema):
    groups = dissimilar_groups(semeval_schema, 6)
    assert [len(group) for group in groups] == [6, 6, 6]
    assert sorted(label for group in groups for label in group) == sorted(
        semeval_schema.positive_labels
    )
    assert not any(semeval_schema.reverse(label) in group for group in groups for label in group)


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ('{"holds": true, "confidence": 0.8}', "employed_by"),
        ('{"holds": true, "confidence": 0.79}', None),
        ('{"holds": true, "confidence": 90}', "employed_by"),
        ('{"holds": "yes"}', "employed_by"),
        ("Yes.", "employed_by"),
        ('{"holds": false, "confidence": 0.99}', None),
        ("Hard to say.", None),
    ],
)
def test_a_candidate_is_kept_where_it_is_sure_enough(demo_schema, person, answer, label):
    prediction, _ = mined(demo_schema, person, (EMPLOYED, answer), group_size=11)
    assert prediction.label == label
    assert prediction.outcome is (Outcome.PARSED if label else Outcome.AMBIGUOUS)


def test_an_undecided_sentence_is_na_where_that_is_declared(demo_schema, person):
    replies = (EMPLOYED, "no")
    prediction, _ = mined(demo_schema, person, replies, group_size=11, undecided="na")
    assert prediction.label == "no_relation"


def test_sentences_that_no_group_claims_are_na_after_one_round(demo_schema, person):
    replies = ('{"relation": "no_relation"}',) * 2
    prediction, history = mined(demo_schema, person, replies, group_size=5)
    assert (prediction.label, len(history)) == ("no_relation", 2)


def test_a_label_of_another_group_is_no_candidate(demo_schema, person):
    replies = (EMPLOYED, '{"relation": "no_relation"}')
    prediction, history = mined(demo_schema, person, replies, group_size=5)
    assert (prediction.outcome, len(history)) == (Outcome.INVALID_LABEL, 2)


def test_votes_have_repeat_numbers_of_their_own_and_their_mean_counts(demo_schema, person):
    yes, no = '{"holds": true, "confidence": 1.0}', '{"holds": false}'
    replies = (EMPLOYED, yes, yes, no)
    prediction, history = mined(demo_schema, person, replies, group_size=11, votes=3, threshold=0.6)
    assert [request.repeat for request in history[1:]] == [0, 1, 2]
    assert (prediction.label, prediction.evidence) == ("employed_by", "employed_by: 0.67")


def test_groups_that_leave_a_label_out_are_an_error_that_names_it(demo_schema, person):
    with pytest.raises(ConfigError, match="'acquired' is in 0 groups"):
        mined(demo_schema, person, (), groups=(("born_in",),))
