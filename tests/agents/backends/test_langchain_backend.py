"""The backend langchain, on LangChain's own fakes and on ChatOpenAI against a local server."""

import json

import pytest
from pydantic import ValidationError

pytest.importorskip("langchain_core")

from langchain_core.language_models import (
    FakeListChatModel,
    GenericFakeChatModel,
)
from langchain_core.messages import AIMessage

from agents.backends import LangChainBackend, LangChainOptions
from benchmarks.speed.loopback import Fault, LoopbackServer, completion_body
from harness.errors import BackendError
from harness.protocols import (
    Completion,
    Constraint,
    Failure,
    FinishReason,
    Message,
    Request,
    Sampling,
)

SCHEMA = '{"type": "object", "properties": {"relation": {"type": "string"}}}'
PLANTED = "sk-planted-0123456789"


def ask(text, **rest):
    messages = (Message("system", "Which relation?"), Message("user", text))
    return Request(messages=messages, **rest)


def on(model, **options):
    return LangChainBackend(options=LangChainOptions(model="fake:m", **options), chat_model=model)


@pytest.fixture
def server(monkeypatch):
    """A local server with a key, and a backend on ChatOpenAI that knows it."""
    pytest.importorskip("langchain_openai")
    pytest.importorskip("langchain")
    monkeypatch.setenv("OPENAI_API_KEY", PLANTED)
    with LoopbackServer(key=PLANTED) as server:
        yield server


def chat_openai(server, **options):
    parameters = {"base_url": server.base_url, "max_retries": 0}
    return LangChainBackend(
        options=LangChainOptions(model="openai:gpt-test", parameters=parameters, **options)
    )


def test_answers_come_from_the_chat_model_with_the_messages_as_they_are():
    seen = []

    class Spy(FakeListChatModel):
        def _call(self, messages, *args, **kwargs):
            seen.append([(m.type, m.content) for m in messages])
            return super()._call(messages, *args, **kwargs)

    (answer,) = on(Spy(responses=["Other"])).complete([ask("a sentence")])
    assert answer.text == "Other" and answer.latency_s > 0
    assert seen == [[("system", "Which relation?"), ("human", "a sentence")]]


def test_usage_is_taken_apart_into_token_classes():
    usage = {
        "input_tokens": 100,
        "output_tokens": 30,
        "total_tokens": 130,
        "input_token_details": {"cache_read": 60, "cache_creation": 10},
        "output_token_details": {"reasoning": 20},
    }
    message = AIMessage(
        "Other", usage_metadata=usage, response_metadata={"stop_reason": "max_tokens"}
    )
    (answer,) = on(GenericFakeChatModel(messages=iter([message]))).complete([ask("s")])
    found = answer.usage
    assert (found.input_tokens, found.cache_read_tokens, found.cache_write_tokens) == (30, 60, 10)
    assert (found.output_tokens, found.reasoning_tokens, found.source) == (10, 20, "reported")
    assert answer.finish is FinishReason.LENGTH


def test_what_the_model_cannot_be_asked_for_is_noted_and_not_silently_dropped():
    backend = on(FakeListChatModel(responses=["Other"]))
    request = ask("s", sampling=Sampling(top_k=5), constraint=Constraint("json_schema", SCHEMA))
    assert [answer.text for answer in backend.complete([request])] == ["Other"]
    assert any("top_k" in note for note in backend.notes)
    assert any("json_schema" in note for note in backend.notes)


def test_chat_openai_gets_sampling_and_json_schema(server):
    backend = chat_openai(server)
    sampling = Sampling(temperature=0.5, top_p=0.9, max_tokens=7, seed=3, stop=("\n",))
    request = ask("hello", sampling=sampling, constraint=Constraint("json_schema", SCHEMA))
    server.answer = lambda body: '{"relation": "Other"}'
    (answer,) = backend.complete([request])
    assert answer.text == '{"relation": "Other"}'
    assert answer.usage.source == "reported"
    body = server.seen[-1].body
    assert (body["temperature"], body["top_p"], body["seed"]) == (0.5, 0.9, 3)
    assert 7 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert body["stop"] == ["\n"]
    assert body["response_format"]["json_schema"]["schema"] == json.loads(SCHEMA)
    assert backend.notes == ()


def test_chat_openai_gives_log_probabilities_where_the_server_does(server):
    def answer(body):
        assert body["logprobs"] is True
        whole = completion_body(body["model"], "ab")
        tokens = [{"token": t, "logprob": -0.5, "top_logprobs": [], "bytes": None} for t in "ab"]
        whole["choices"][0]["logprobs"] = {"content": tokens, "refusal": None}
        return whole

    server.answer = answer
    (found,) = chat_openai(server).complete([ask("s", sampling=Sampling(log_probabilities=True))])
    assert found.log_probability == pytest.approx(-1.0)


def test_many_requests_are_under_way_at_once_and_never_more_than_allowed(server):
    server.latency_s = 0.05
    backend = chat_openai(server, max_concurrency=4)
    requests = [ask(f"sentence {n}") for n in range(24)]
    answers = {answer.request: answer.text for answer in backend.complete(requests)}
    assert answers == {request: request.messages[-1].content for request in requests}
    assert 2 <= server.most_at_once <= 4


def test_a_fault_fails_its_request_alone(server):
    faults = {0: Fault.RATE_LIMIT, 1: Fault.SERVER_ERROR, 2: Fault.CUT}
    server.fault = faults.get
    backend = chat_openai(server, max_concurrency=1)
    outcomes = list(backend.complete([ask(f"sentence {n}") for n in range(5)]))
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    assert len(outcomes) == 5 and len(failures) == 3
    assert all(failure.error.retryable for failure in failures)
    assert sorted(str(failure.error.status) for failure in failures) == ["429", "500", "None"]


def test_a_key_that_a_server_echoes_does_not_come_through(server):
    server.key = "another"  # the server refuses, and says what it was sent
    (failure,) = chat_openai(server).complete([ask("s")])
    assert failure.error.status == 401 and not failure.error.retryable
    assert PLANTED not in str(failure.error) and "environment variable" in failure.error.hint


def test_keys_have_no_place_in_a_file():
    with pytest.raises(ValidationError, match="environment variable"):
        LangChainOptions(model="openai:m", parameters={"api_key": "sk-1"})
    assert LangChainOptions(model="openai:m", parameters={"max_tokens": 3}).parameters


def test_a_file_names_a_provider_and_no_path_to_import():
    with pytest.raises(ValidationError):
        LangChainOptions(model="os.path")
    pytest.importorskip("langchain")
    backend = LangChainBackend(options=LangChainOptions(model="my_package:Model"))
    with pytest.raises(BackendError, match="cannot be made"):
        list(backend.complete([ask("s")]))


def test_the_identity_holds_parameters_and_no_address():
    def identity(**parameters):
        options = LangChainOptions(model="openai:m", parameters=parameters)
        return LangChainBackend(options=options).model

    assert identity(base_url="http://a/v1") == identity(base_url="http://b/v1", timeout=3)
    assert identity(reasoning_effort="low") != identity()
    other = LangChainBackend(options=LangChainOptions(model="anthropic:m")).model
    assert other != identity() and other.name == identity().name == "m"


def test_closing_the_answers_leaves_the_rest_unasked(server):
    server.latency_s = 0.02
    answers = chat_openai(server, max_concurrency=2).complete([ask(f"{n}") for n in range(200)])
    assert isinstance(next(answers), Completion)
    answers.close()
    assert server.count < 20
