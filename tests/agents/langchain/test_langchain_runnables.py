"""Students and extractors in LangChain's pipelines, and as tools."""

import pytest

pytest.importorskip("langchain_core")

from langchain_core.runnables import RunnableLambda, RunnableParallel

from agents.backends import ScriptedBackend, ScriptedOptions
from agents.langchain import as_runnable, as_tool, extractor_runnable, extractor_tool
from harness.errors import BackendError, ConfigError
from harness.protocols import Failure
from harness.students import make_student

MARKED = "<h>Ada</h> was born in <t>Oslo</t> ."


@pytest.fixture(scope="module")
def student(demo_schema, demo_examples):
    student = make_student("linear", schema=demo_schema, options={"types": False})
    student.fit(examples=list(demo_examples["few_shot"].values()), seed=1)
    return student


def answering(answer):
    return ScriptedBackend(options=ScriptedOptions(), answer=answer)


@pytest.fixture
def by_sentence():
    """A backend that answers by the sentence, and fails for one."""

    def answer(request):
        said = request.messages[-1].content
        if "nobody" in said:
            return Failure(request=request, error=BackendError("no reply", hint="ask again"))
        return '{"relation": "%s"}' % ("born_in" if "born" in said else "no_relation")

    return answering(answer)


def test_a_student_takes_sentences_in_every_form(student, demo_examples):
    runnable = as_runnable(student)
    marked = runnable.invoke(MARKED)
    plain = {"text": "Ada was born in Oslo .", "head": "Ada", "tail": "Oslo"}
    spans = plain | {"head": {"start": 0, "end": 3}, "tail": {"start": 16, "end": 20}}
    assert runnable.invoke(plain) == runnable.invoke(spans) == marked
    assert marked["relation"] in student.labels and 0 < marked["probability"] <= 1
    example = next(iter(demo_examples["test"].values()))
    assert runnable.invoke(example)["id"] == example.id


def test_a_student_answers_in_a_pipeline_as_it_predicts(student, demo_examples):
    examples = list(demo_examples["test"].values())[:20]
    expected = [student.labels[row.argmax()] for row in student.predict_proba(examples=examples)]
    chain = as_runnable(student) | RunnableLambda(lambda answer: answer["relation"])
    assert chain.batch(examples) == expected
    both = RunnableParallel(relation=chain, sentence=lambda example: example.text)
    assert both.invoke(examples[0]) == {"relation": expected[0], "sentence": examples[0].text}


def test_a_batch_goes_through_the_student_in_one_go(student, demo_examples):
    calls = []

    class Counting(type(student)):
        def predict_proba(self, *, examples, progress=None):
            calls.append(len(examples))
            return student.predict_proba(examples=examples)

    counting = Counting(schema=student.schema, options=type(student).Options(types=False))
    as_runnable(counting).batch(list(demo_examples["test"].values())[:30])
    assert calls == [30]


def test_a_streamed_list_comes_in_pieces_that_add_up_to_the_answer(student, demo_examples):
    examples = list(demo_examples["test"].values())[:150]
    runnable = as_runnable(student)
    pieces = list(runnable.stream(examples))
    assert len(pieces) > 1
    assert [row for piece in pieces for row in piece] == runnable.invoke(examples)
    assert list(runnable.stream(MARKED)) == [runnable.invoke(MARKED)]


def test_a_saved_student_is_a_runnable_by_its_folder(student, tmp_path):
    student.save(folder=tmp_path)
    assert as_runnable(tmp_path).invoke(MARKED) == as_runnable(student).invoke(MARKED)


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("Ada was born in Oslo .", "mark both entities"),
        ({"text": "Ada met Ada .", "head": "Ada", "tail": "met"}, "stands 2 times"),
        ({"text": "Ada met Bo .", "head": "Ada"}, "both head and tail"),
        ({"sentence": "Ada"}, "text"),
        ({"text": "Ada", "head": {"start": 0, "end": 9}, "tail": "Ada"}, "ends at 9"),
        (3, "not int"),
    ],
)
def test_a_sentence_that_cannot_be_read_says_what_would_do(student, sentence, told):
    with pytest.raises(ValueError, match=told):
        as_runnable(student).invoke(sentence)


def test_a_fault_in_a_batch_stays_in_its_place_where_asked(student):
    first, second = as_runnable(student).batch(["unmarked", MARKED], return_exceptions=True)
    assert isinstance(first, ValueError)
    assert second["relation"] in student.labels
    with pytest.raises(ValueError):
        as_runnable(student).batch(["unmarked", MARKED])


def test_an_extractor_asks_its_backend_for_a_whole_batch_at_once(by_sentence, demo_schema):
    runnable = extractor_runnable("zero_shot", schema="newsroom-demo", backend=by_sentence)
    other = "<h>Bo</h> saw <t>Rome</t> ."
    born, none, again = runnable.batch([MARKED, other, MARKED])
    assert born["relation"] == again["relation"] == "born_in"
    assert none == {
        "id": "2", "relation": "no_relation", "probability": None, "outcome": "parsed"
    }  # fmt: skip
    assert len(by_sentence.history) == 2  # the same sentence is asked about once


def test_an_answer_that_cannot_be_read_has_no_relation_and_says_why():
    backend = answering(lambda request: "I would rather not")
    answer = extractor_runnable("zero_shot", schema="newsroom-demo", backend=backend).invoke(MARKED)
    assert answer["relation"] is None and answer["outcome"] == "invalid_label"


def test_a_call_that_fails_raises_and_leaves_the_others_of_a_batch(by_sentence):
    runnable = extractor_runnable("zero_shot", schema="newsroom-demo", backend=by_sentence)
    broken = "<h>nobody</h> saw <t>Rome</t> ."
    failed, born = runnable.batch([broken, MARKED], return_exceptions=True)
    assert isinstance(failed, BackendError) and born["relation"] == "born_in"
    with pytest.raises(BackendError):
        runnable.invoke(broken)


def test_an_extractor_with_several_rounds_ends_as_in_a_run(demo_examples):
    backend = answering(lambda request: '{"relation": "born_in"}')
    runnable = extractor_runnable(
        "explain_then_label", schema="newsroom-demo", backend=backend,
        few_shot=list(demo_examples["few_shot"].values())[:2],
    )  # fmt: skip
    assert runnable.invoke(MARKED)["outcome"] in ("parsed", "invalid_label", "empty")
    assert backend.history


def test_an_extractor_that_needs_neighbours_is_refused():
    with pytest.raises(ConfigError, match="neighbours"):
        extractor_runnable("retrieval", schema="newsroom-demo", backend=answering(str))


def test_a_tool_tells_an_llm_what_it_takes_and_what_relations_there_are(by_sentence):
    tool = extractor_tool("zero_shot", schema="newsroom-demo", backend=by_sentence)
    assert "born_in: the head person was born in the tail place" in tool.description
    assert set(tool.args) == {"text", "head", "tail"}
    assert tool.invoke({"text": MARKED})["relation"] == "born_in"
    arguments = {"text": "Ada was born in Oslo .", "head": "Ada", "tail": "Oslo"}
    call = {"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"}
    assert "born_in" in tool.invoke(call).content


def test_what_a_tool_cannot_read_goes_back_to_the_llm_as_a_message(student):
    tool = as_tool(as_runnable(student), name="kinship")
    assert tool.name == "kinship"
    assert "mark both entities" in tool.invoke({"text": "Ada was born in Oslo ."})
