import json
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.backends import RecordedBackend, RecordedOptions, ScriptedBackend, ScriptedOptions
from agents.generators import (
    AllAtOnce,
    AllAtOnceDiverse,
    AllAtOnceDiversePerLine,
    AllAtOnceOptions,
    RejectReason,
)
from harness.protocols import (
    AgentContext,
    Completion,
    FinishReason,
    GenerationItem,
    Request,
    RowGenerator,
    Sampling,
)
from harness.registry import Registry
from harness.relations import Example, MarkFault, Mention, load_schema, render_marked

SEMEVAL = load_schema("semeval-2010-task-8")
DEMO = load_schema("newsroom-demo")
LABEL = "Cause-Effect(e1,e2)"
GOOD = "The <e1>rain</e1> caused a <e2>flood</e2>."


def made(kind=AllAtOnce, schema=SEMEVAL, few_shot=(), **options):
    return kind(
        context=AgentContext(schema=schema, few_shot=tuple(few_shot)),
        options=AllAtOnceOptions(**options),
    )


def answered(generator, item, text, finish=FinishReason.STOP):
    dialogue = generator.generate(item=item)
    (request,) = next(dialogue)
    with pytest.raises(StopIteration) as stopped:
        dialogue.send([Completion(request=request, text=text, finish=finish)])
    return stopped.value.value


def read(text, finish=FinishReason.STOP, *, label=LABEL, schema=SEMEVAL, shown=(), count=32):
    item = GenerationItem(label=label, demonstrations=tuple(shown), count=count)
    return answered(made(schema=schema), item, text, finish)


def asked_of(generator, backend):
    """Every item's set, answered by a backend."""
    sets = []
    for item in generator.items():
        dialogue = generator.generate(item=item)
        (completion,) = backend.complete(next(dialogue))
        with pytest.raises(StopIteration) as stopped:
            dialogue.send([completion])
        sets.append(stopped.value.value)
    return sets


def test_every_registered_generator_describes_itself():
    registry = Registry("generator", group="calldistil.generators")
    names = {"all_at_once.v1", "all_at_once_diverse.v1", "all_at_once_diverse.v2"}
    assert names <= set(registry)
    for name in registry:
        kind = registry.get(name)
        generator = kind(context=AgentContext(schema=SEMEVAL), options=kind.Options())
        assert isinstance(generator, RowGenerator)
        assert generator.summary and "\n" not in generator.summary and generator.source
        assert generator.name == name


def test_there_is_one_item_per_label_the_na_label_last(make_example):
    items = made(n=5).items()
    assert [item.label for item in items] == list(SEMEVAL.label_names)
    assert {item.count for item in items} == {5}


def test_the_first_examples_of_a_label_are_its_demonstrations(make_example):
    few_shot = [make_example(id=str(n), relation=("Other", LABEL)[n % 2]) for n in range(10)]
    items = {item.label: item for item in made(few_shot=few_shot, demonstrations=3).items()}
    assert [e.id for e in items["Other"].demonstrations] == ["0", "2", "4"]
    assert [e.id for e in items[LABEL].demonstrations] == ["1", "3", "5"]
    assert items["Cause-Effect(e2,e1)"].demonstrations == ()


def test_a_label_with_few_examples_shows_what_there_is(make_example):
    items = {i.label: i for i in made(few_shot=[make_example(relation=LABEL)]).items()}
    assert len(items[LABEL].demonstrations) == 1


def test_the_request_carries_the_contexts_sampling_and_repeat_number():
    context = AgentContext(schema=SEMEVAL, sampling=Sampling(temperature=1.0), repeat=4)
    generator = AllAtOnce(context=context, options=AllAtOnceOptions())
    (request,) = next(generator.generate(item=generator.items()[0]))
    assert (request.sampling, request.repeat) == (Sampling(temperature=1.0), 4)


def test_the_modes_ask_in_their_own_words():
    requests = [
        next(made(kind).generate(item=made(kind).items()[0]))[0].messages[0].content
        for kind in (AllAtOnce, AllAtOnceDiverse, AllAtOnceDiversePerLine)
    ]
    assert "as different from them" not in requests[0]
    assert "one at a time. After" in requests[1]
    assert "one at a time, one per line. After" in requests[2]


def test_a_line_becomes_a_labelled_row_with_its_provenance():
    (row,) = (found := read(GOOD)).rows
    assert found.rejects == ()
    assert row.example == Example(
        id=f"gen-all_at_once.v1-{LABEL}-0-0",
        text="The rain caused a flood.",
        head=Mention(4, 8, "rain"),
        tail=Mention(18, 23, "flood"),
        relation=LABEL,
    )
    assert row.position == 0
    assert LABEL in row.request.messages[0].content


@pytest.mark.parametrize(
    "line",
    [
        f"1. {GOOD}",
        f"(12) {GOOD}",
        f"[3] {GOOD}",
        f"- {GOOD}",
        f"* {GOOD}",
        f"• {GOOD}",
        f'"{GOOD}"',
        f'7) "{GOOD}"',
        f"“{GOOD}”",
        f"{LABEL}: {GOOD}",
        f"[{LABEL}] {GOOD}",
        f"{GOOD} ({LABEL})",
        f"{GOOD} -> {LABEL}",
        f"\t{GOOD}  ",
    ],
)
def test_numbering_quotes_and_the_labels_own_name_are_taken_off(line):
    (row,) = read(line).rows
    assert render_marked(row.example, SEMEVAL.markers) == GOOD


@pytest.mark.parametrize(
    "line",
    [
        '"Go," said the <e1>cat</e1>, "and bring the <e2>cream</e2>!"',
        "1998 was the year the <e1>rain</e1> caused a <e2>flood</e2>.",
        "Other: the <e1>rain</e1> and a <e2>flood</e2>.",
        "<e1>Rain</e1> (not sun) caused a <e2>flood</e2> (again)",
    ],
)
def test_what_belongs_to_the_sentence_stays(line):
    (row,) = read(line, label="Other").rows
    assert render_marked(row.example, SEMEVAL.markers) in (line, line.removeprefix("Other: "))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Here are 32 more samples:", RejectReason.MARKER_MISSING),
        ("```", RejectReason.MARKER_MISSING),
        ("The rain caused a flood.", RejectReason.MARKER_MISSING),
        ("The <e1>rain caused a <e2>flood</e2>.", RejectReason.MARKER_MISSING),
        ("The <E1>rain</E1> caused a <E2>flood</E2>.", RejectReason.MARKER_MISSING),
        ("The rain caused a <e2>flood</e2>.", RejectReason.HEAD_MISSING),
        ("The <e1>rain</e1> caused a flood.", RejectReason.TAIL_MISSING),
        ("<e1>Rain</e1> and <e1>sun</e1> cause <e2>floods</e2>.", RejectReason.MARKER_DOUBLED),
        ("The <e1>rain caused a <e2>flood</e2></e1>.", RejectReason.MARKER_NESTED),
        ("The <e1>rain <e2>and</e1> flood</e2>.", RejectReason.MARKER_NESTED),
        ("The <e1> </e1> caused a <e2>flood</e2>.", RejectReason.SPAN_EMPTY),
        (f"Cause-Effect(e2,e1): {GOOD}", RejectReason.WRONG_LABEL),
        (f"{GOOD} [Other]", RejectReason.WRONG_LABEL),
    ],
)
def test_a_line_that_is_no_sample_is_rejected_with_its_reason(line, reason):
    found = read(f"{GOOD}\n{line}")
    (reject,) = found.rejects
    assert (reject.reason, reject.text, reject.label, reject.position) == (reason, line, LABEL, 1)
    assert len(found.rows) == 1


def test_every_fault_of_marking_is_a_reject_reason():
    assert {fault.value for fault in MarkFault} <= {reason.value for reason in RejectReason}


def test_a_sample_written_twice_is_kept_once():
    found = read(f"{GOOD}\n2. {GOOD.upper().replace('E1', 'e1').replace('E2', 'e2')}")
    assert [row.position for row in found.rows] == [0]
    assert found.rejects[0].reason == RejectReason.DUPLICATE


def test_the_same_sentence_with_other_entities_marked_is_another_sample():
    assert len(read(f"{GOOD}\nThe <e1>rain</e1> <e2>caused</e2> a flood.").rows) == 2


def test_a_demonstration_written_again_is_rejected(make_example):
    shown = make_example(text="The rain  caused a flood.", head="rain", tail="flood")
    (reject,) = read(GOOD, shown=[shown]).rejects
    assert reject.reason == RejectReason.DUPLICATE_OF_DEMONSTRATION


def test_what_is_written_beyond_the_number_asked_for_is_surplus():
    lines = [f"The <e1>rain</e1> caused <e2>flood</e2> {n}." for n in range(5)]
    found = read("\n".join(lines), count=3)
    assert [row.position for row in found.rows] == [0, 1, 2]
    assert [reject.reason for reject in found.rejects] == [RejectReason.SURPLUS] * 2


def test_the_last_line_of_a_cut_answer_is_rejected():
    found = read(f"{GOOD}\nThe <e1>sun</e1> caused a <e2>fire</e2> in\n\n", FinishReason.LENGTH)
    assert len(found.rows) == 1
    assert found.rejects[0].reason == RejectReason.CUT_OFF


def test_every_line_of_a_refused_answer_is_rejected():
    found = read(f"I'd rather not.\n{GOOD}", FinishReason.REFUSAL)
    assert {reject.reason for reject in found.rejects} == {RejectReason.REFUSED}
    assert found.rows == () and len(found.rejects) == 2


def test_samples_weighed_in_the_reasoning_are_not_written_samples():
    found = read(f"<think>\n{GOOD}\n</think>\nThe <e1>sun</e1> caused a <e2>fire</e2>.")
    assert [row.example.head.surface for row in found.rows] == ["sun"]
    assert read(f"<think>\n{GOOD}", FinishReason.LENGTH).rejects == ()


def test_types_are_given_where_the_schema_leaves_no_choice():
    line = "<t>Ada</t> founded <h>Acme</h>."
    (row,) = read(line, schema=DEMO, label="founded_by").rows
    assert (row.example.head.type, row.example.tail.type) == ("ORG", "PER")
    (row,) = read(line, schema=DEMO, label="no_relation").rows
    assert (row.example.head.type, row.example.tail.type) == (None, None)


LINES = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(
            ["<e1>", "</e1>", "<e2>", "</e2>", "rain", " ", "1. ", '"', LABEL, ": ", "\u2028", "-"]
        ),
        max_size=10,
    ).map("".join),
    st.just(GOOD),
)


@given(st.lists(LINES, max_size=12), st.sampled_from(FinishReason), st.integers(1, 6))
def test_every_written_line_is_kept_or_rejected_once(lines, finish, count):
    text = "\n".join(lines)
    found = read(text, finish, count=count)
    positions = sorted(item.position for item in (*found.rows, *found.rejects))
    written = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    assert positions == list(range(len(written)))
    assert len(found.rows) <= count
    assert all(RejectReason(reject.reason) for reject in found.rejects)
    assert len({row.example.id for row in found.rows}) == len(found.rows)
    for row in found.rows:
        assert row.example.text[row.example.head.start :].startswith(row.example.head.surface)


def test_reading_the_same_answer_again_gives_the_same_rows():
    generator = made(n=2)
    backend = ScriptedBackend(options=ScriptedOptions(), answer=lambda request: f"{GOOD}\nno")
    assert asked_of(generator, backend) == asked_of(generator, backend)


def recorded(folder, generator):
    file = folder / f"generate.{generator.name}.jsonl"
    return RecordedBackend(options=RecordedOptions(recordings=(file,), model="m"))


@pytest.mark.parametrize("kind", [AllAtOnce, AllAtOnceDiversePerLine])
def test_the_demos_recordings_give_384_rows(kind, demo_examples):
    folder = resources.files("benchmarks") / "demo" / "recordings"
    generator = made(kind, DEMO, demo_examples["few_shot"].values())
    sets = asked_of(generator, recorded(folder, generator))
    assert [len(found.rows) for found in sets] == [32] * 12
    assert [found.rejects for found in sets] == [()] * 12
    ids = [row.example.id for found in sets for row in found.rows]
    assert len(set(ids)) == 384


@pytest.mark.data
@pytest.mark.parametrize("kind", [AllAtOnce, AllAtOnceDiverse])
def test_the_shipped_semeval_recordings_give_608_rows(kind, data_home, semeval_few_shot):
    folder = resources.files("benchmarks") / "recordings" / "semeval-2010-task-8"
    generator = made(kind, SEMEVAL, semeval_few_shot)
    sets = asked_of(generator, recorded(folder, generator))
    assert sum(len(found.rows) for found in sets) == 608
    assert sum(len(found.rejects) for found in sets) == 0
    assert all(
        row.example.head.end <= row.example.tail.start for found in sets for row in found.rows
    )


def test_a_genuine_answer_cut_anywhere_is_read_whole_but_for_its_last_line(demo_examples):
    file = resources.files("benchmarks") / "demo" / "recordings" / "generate.all_at_once.v1.jsonl"
    line = json.loads(file.read_text(encoding="utf-8").splitlines()[0])
    answer = line["response"]
    for end in range(0, len(answer), 97):
        cut = answer[:end]
        found = read(cut, FinishReason.LENGTH, schema=DEMO, label=line["relation"])
        written = sum(bool(part.strip()) for part in cut.split("\n"))
        assert len(found.rows) == max(0, written - 1)
        assert len(found.rows) + len(found.rejects) == written


def test_a_row_keeps_the_request_it_answers():
    (row,) = read(GOOD).rows
    assert isinstance(row.request, Request)
