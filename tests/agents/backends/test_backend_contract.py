"""What every backend keeps, run against each one that is registered."""

import json
import math
from dataclasses import replace

import pytest
from pydantic import BaseModel, ValidationError

from agents.backends import (
    HuggingFaceBackend,
    HuggingFaceOptions,
    LangChainBackend,
    LangChainOptions,
    LlamaCppBackend,
    LlamaCppOptions,
    OpenAIBackend,
    OpenAIOptions,
    RecordedBackend,
    RecordedOptions,
    ScriptedBackend,
    ScriptedOptions,
)
from benchmarks.speed.loopback import LoopbackServer
from harness.errors import BackendError
from harness.protocols import (
    Backend,
    Capabilities,
    Completion,
    Failure,
    LabelScore,
    Message,
    Request,
    Usage,
    read_scores,
    scores_text,
)
from harness.registry import Registry

REQUESTS = tuple(Request(messages=(Message(role="user", content=f"ask {n}"),)) for n in range(4))
UNANSWERABLE = Request(messages=(Message(role="user", content="nobody has an answer"),))
REPLIES = {request: f"answer {n}" for n, request in enumerate(REQUESTS)}
LABELS = ("Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Cause", "Other")
SCORES = scores_text(
    {label: LabelScore(math.log(0.2), 3, math.log(0.25)) for label in LABELS},
)


def recorded(folder):
    file = folder / "recording.jsonl"
    lines = [
        {"messages": [{"role": "user", "content": r.messages[0].content}], "response": reply}
        for r, reply in REPLIES.items()
    ]
    lines += [
        {
            "messages": [{"role": "user", "content": request.messages[0].content}],
            "labels": list(LABELS),
            "response": SCORES,
        }
        for request in REQUESTS
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    options = RecordedOptions(recordings=(file,), model="m")
    return RecordedBackend(options=options), options


def scripted(folder):
    def answer(request):
        if request.labels:
            return SCORES
        if request in REPLIES:
            return REPLIES[request]
        return Failure(request=request, error=BackendError("no reply", hint="script one"))

    options = ScriptedOptions(model="m")
    return ScriptedBackend(options=options, answer=answer), options


def openai(folder):
    pytest.importorskip("openai")

    def answer(body):
        said = body["messages"][-1]["content"]
        if said == UNANSWERABLE.messages[0].content:
            return 400, {"error": {"message": "that I do not know"}}
        return said.replace("ask", "answer")

    server = LoopbackServer(answer).start()
    options = OpenAIOptions(model="m", base_url=server.base_url)
    backend = OpenAIBackend(options=options)
    close = backend.close

    def close_both():
        close()
        server.stop()

    backend.close = close_both
    return backend, options


def llama_cpp(folder):
    pytest.importorskip("llama_cpp")
    pytest.importorskip("gguf")
    from benchmarks.speed.random_gguf import write_random_gguf

    # The last character of a question decides the answer; one question the template refuses.
    template = (
        "{% set said = messages[-1].content %}"
        "{% if 'nobody' in said %}{{ raise_exception('that I do not know') }}{% endif %}{{ said }}"
    )
    answers = {reply[-1]: reply for reply in REPLIES.values()}
    write_random_gguf(folder / "m.gguf", template=template, answers=answers)
    options = LlamaCppOptions(model=folder / "m.gguf", context=512)
    return LlamaCppBackend(options=options), options


def hf(folder):
    pytest.importorskip("transformers")
    pytest.importorskip("llguidance")
    from memorised import memorise

    known = {request.messages[0].content: reply for request, reply in REPLIES.items()}
    # What nobody has an answer to does not fit into the context.
    memorise(folder / "m", known, texts=LABELS, context=UNANSWERABLE.messages[0].content)
    options = HuggingFaceOptions(model=str(folder / "m"), device="cpu")
    return HuggingFaceBackend(options=options), options


def langchain(folder):
    pytest.importorskip("langchain_core")
    from langchain_core.language_models import SimpleChatModel

    class Echo(SimpleChatModel):
        """Answers as the others do."""

        @property
        def _llm_type(self):
            return "echo"

        def _call(self, messages, stop=None, run_manager=None, **kwargs):
            if messages[-1].content == UNANSWERABLE.messages[0].content:
                raise ValueError("that I do not know")
            return messages[-1].content.replace("ask", "answer")

    options = LangChainOptions(model="echo:m")
    return LangChainBackend(options=options, chat_model=Echo()), options


MAKERS = {
    "hf": hf,
    "langchain": langchain,
    "llama_cpp": llama_cpp,
    "openai": openai,
    "recorded": recorded,
    "scripted": scripted,
}
"""How a test makes each backend so that it answers REQUESTS and not UNANSWERABLE. A new backend
joins here."""


@pytest.fixture(params=sorted(MAKERS))
def made(request, tmp_path):
    backend, options = MAKERS[request.param](tmp_path)
    yield backend, options
    backend.close()


@pytest.fixture
def backend(made):
    return made[0]


@pytest.fixture
def registry():
    return Registry("backend", group="calldistil.backends")


def test_every_registered_backend_is_under_this_contract(registry):
    # What stands for a model that is not there answers nothing: test_stored_backend.py.
    assert set(registry.names()) == {*MAKERS, "stored"}


def test_a_backend_describes_itself(backend, registry):
    assert isinstance(backend, Backend)
    assert any(registry.get(name) is type(backend) for name in registry)
    assert backend.summary and "\n" not in backend.summary
    assert backend.source
    assert issubclass(backend.Options, BaseModel)
    assert isinstance(backend.capabilities, Capabilities)
    assert backend.model.name == "m"


def test_unknown_options_are_errors(backend):
    with pytest.raises(ValidationError, match="not_an_option"):
        backend.Options.model_validate({"not_an_option": 1})


def test_a_fingerprint_is_text_and_says_which_model_answers(made):
    backend, options = made
    fingerprint = backend.fingerprint(options=options)
    assert all(isinstance(text, str) for text in (*fingerprint, *fingerprint.values()))
    assert fingerprint["model"] == "m"


def test_each_request_is_answered_once(backend):
    answers = list(backend.complete(REQUESTS))
    assert all(isinstance(answer, Completion) for answer in answers)
    assert {answer.request: answer.text for answer in answers} == REPLIES
    assert len(answers) == len(REQUESTS)


def test_a_failure_stands_beside_the_answers_of_other_requests(backend):
    answers = {a.request: a for a in backend.complete([REQUESTS[0], UNANSWERABLE, REQUESTS[1]])}
    assert len(answers) == 3
    failure = answers[UNANSWERABLE]
    assert isinstance(failure, Failure)
    assert failure.error.message and failure.error.hint
    assert answers[REQUESTS[1]].text == REPLIES[REQUESTS[1]]


def test_no_requests_give_no_answers(backend):
    assert list(backend.complete([])) == []


def test_what_is_not_known_is_not_zero(backend):
    (answer,) = backend.complete(REQUESTS[:1])
    if not backend.capabilities.usage:
        assert answer.usage == Usage()
    assert answer.latency_s is None or answer.latency_s > 0


def test_labels_are_scored_or_each_request_fails_with_the_way_out(backend):
    requests = [replace(request, labels=LABELS) for request in REQUESTS[:2]]
    outcomes = {outcome.request: outcome for outcome in backend.score_labels(requests)}
    assert list(outcomes) == requests
    for outcome in outcomes.values():
        if not backend.capabilities.label_scoring:
            assert isinstance(outcome, Failure)
            assert not outcome.error.retryable
            assert "form" in outcome.error.hint
            continue
        scores = read_scores(outcome)
        assert list(scores) == list(LABELS)
        constrained = sum(math.exp(score.constrained) for score in scores.values())
        assert constrained == pytest.approx(1, abs=1e-3)
        assert sum(math.exp(score.log_probability) for score in scores.values()) <= 1.001


def test_a_backend_can_be_closed_twice(backend):
    backend.close()
    backend.close()
