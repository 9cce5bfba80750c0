"""The parts of the backend openai: bodies, answers, usage, forms, limits, pool, fatal faults."""

import asyncio
import gc
import itertools
import json
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.backends import OpenAIBackend, OpenAIOptions
from benchmarks.speed.loopback import Fault, LoopbackServer, completion_body
from harness.errors import BackendError
from harness.protocols import (
    Batchable,
    Completion,
    Constraint,
    Failure,
    FinishReason,
    Message,
    Probeable,
    Request,
    Sampling,
    Usage,
)

pytest.importorskip("openai")

ASK = Request((Message("system", "be brief"), Message("user", "hello")))
SCHEMA = Constraint("json_schema", '{"type":"object","properties":{"relation":{"enum":["a"]}}}')


def made(server, **options):
    given = {"model": "m", "base_url": server.base_url, "timeout_s": 5.0}
    return OpenAIBackend(options=OpenAIOptions(**(given | options)))


def asked(count, **fields):
    return [replace(ASK, messages=(Message("user", f"n {n}"),), **fields) for n in range(count)]


def read(body, **options):
    given = {"model": "m", "base_url": "http://127.0.0.1:9/v1"}
    backend = OpenAIBackend(options=OpenAIOptions(**(given | options)))
    return backend.batch_answer(ASK, body)


# -- bodies --------------------------------------------------------------------------------


def test_a_body_holds_what_was_asked_and_nothing_that_was_left_open():
    options = OpenAIOptions(model="m", base_url="http://localhost:1/v1")
    assert OpenAIBackend(options=options).batch_body(ASK) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello"},
        ],
    }
    full = replace(ASK, sampling=Sampling(9, 0.5, 0.9, 40, 1.1, 7, ("\n",)))
    body = OpenAIBackend(options=options).batch_body(full)
    assert {name: body[name] for name in body if name not in ("model", "messages")} == {
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "repetition_penalty": 1.1,
        "repeat_penalty": 1.1,
        "seed": 7,
        "stop": ["\n"],
    }


def test_openais_own_address_gets_max_completion_tokens_and_servers_max_tokens():
    bound = replace(ASK, sampling=Sampling(max_tokens=9))
    own, local = {"model": "m"}, {"model": "m", "base_url": "http://localhost:1/v1"}
    for options, field in (
        (own, "max_completion_tokens"),
        (local, "max_tokens"),
        (own | {"max_tokens_field": "max_tokens"}, "max_tokens"),
    ):
        body = OpenAIBackend(options=OpenAIOptions(**options)).batch_body(bound)
        assert body[field] == 9
        assert len({"max_tokens", "max_completion_tokens"} & body.keys()) == 1


def test_it_can_be_batched_and_probed_before_there_is_a_key_or_a_server(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    backend = OpenAIBackend(options=OpenAIOptions(model="m"))
    assert isinstance(backend, Batchable) and isinstance(backend, Probeable)
    assert backend.batch_body(ASK)["model"] == "m"


# -- identity ------------------------------------------------------------------------------


def test_addresses_limits_and_keys_do_not_change_the_model_and_what_changes_answers_does():
    def identity(**options):
        checked = OpenAIOptions(model="m", **options)
        return OpenAIBackend(options=checked).model, OpenAIBackend.fingerprint(options=checked)

    plain = identity()
    assert plain == identity(
        base_urls=("http://a/v1", "http://b/v1"), api_key_env="OTHER", concurrency=3,
        requests_per_minute=5, tokens_per_minute=5, timeout_s=1, deadline_s=1, max_retries=0,
        max_tokens_field="max_tokens", answers_as=("x",),
    )  # fmt: skip
    others = [identity(extra_body={"reasoning_effort": "low"}), identity(structured="none")]
    assert len({plain[0], *(model for model, _ in others)}) == 3
    assert all(print_ != plain[1] for _, print_ in others)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"api_key": "sk-1"}, "no place in a file"),
        ({"base_url": "localhost:8000"}, "http://host:port"),
        ({"base_url": "http://u:p@h/v1"}, "no user, password"),
        ({"base_url": "http://h/v1?key=1"}, "no user, password"),
        ({"base_url": "http://h/v1", "base_urls": ["http://i/v1"]}, "not both"),
        ({"base_urls": ["http://h/v1", "http://h/v1"]}, "twice"),
        ({"extra_body": {"model": "x"}}, "set elsewhere"),
        ({"extra_body": {"Authorization": "x"}}, "holds no keys"),
        ({"api_key_env": "sk-abc"}, "pattern"),
    ],
)
def test_options_that_cannot_be_right_are_refused(options, says):
    with pytest.raises(ValidationError, match=says):
        OpenAIOptions.model_validate({"model": "m"} | options)


# -- answers -------------------------------------------------------------------------------


def test_usage_is_taken_apart_into_token_classes():
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    answer = read(completion_body("m", "x", usage=usage))
    assert answer.usage == Usage(36, 64, 0, 10, 20, source="reported")


def test_classes_that_a_server_does_not_tell_are_unknown_and_not_zero():
    plain = read(completion_body("m", "x", usage={"prompt_tokens": 5, "completion_tokens": 2}))
    assert plain.usage == Usage(5, None, None, 2, None, source="reported")
    body = completion_body("m", "x")
    del body["usage"]
    assert read(body).usage == Usage()


@pytest.mark.parametrize(
    ("finish", "message", "reason", "text"),
    [
        ("stop", {"content": "x"}, FinishReason.STOP, "x"),
        ("length", {"content": "x"}, FinishReason.LENGTH, "x"),
        ("length", {"content": None}, FinishReason.LENGTH, ""),
        ("content_filter", {"content": None}, FinishReason.REFUSAL, ""),
        ("stop", {"content": None, "refusal": "I won't"}, FinishReason.REFUSAL, "I won't"),
        ("tool_calls", {"content": "x"}, FinishReason.UNKNOWN, "x"),
    ],
)
def test_stops_for_length_and_refusals_are_answers(finish, message, reason, text):
    body = completion_body("m", "")
    body["choices"][0] |= {"finish_reason": finish, "message": message}
    answer = read(body)
    assert (answer.finish, answer.text) == (reason, text)


@pytest.mark.parametrize(
    ("asked_for", "said", "right"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4", "gpt-4-0613", True),
        ("mistral-large-latest", "mistral-large-2411", True),
        ("meta/Llama-3", "llama-3", True),
        ("/models/tiny.gguf", "tiny.gguf", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o", "gpt-4o-mini-2024-07-18", False),
        ("gpt-4-0613", "gpt-4-1106", False),
        ("gpt-4", "gpt-4-turbo", False),
        ("m", 7, False),
    ],
)
def test_a_dated_version_answers_for_its_name_and_another_model_does_not(asked_for, said, right):
    body = completion_body("m", "x") | {"model": said}
    if right:
        assert read(body, model=asked_for).text == "x"
        return
    with pytest.raises(BackendError, match="instead of") as wrong:
        read(body, model=asked_for)
    assert wrong.value.retryable


def test_a_name_listed_in_answers_as_is_right():
    assert read(completion_body("served-name", "x"), answers_as=["served-name"]).text == "x"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "model": st.just("m") | json_values,
        "choices": st.lists(
            st.fixed_dictionaries(
                {}, optional={"message": json_values, "finish_reason": json_values}
            )
        )
        | json_values,
        "usage": json_values,
    },
)


@given(bodies)
def test_any_json_is_an_answer_or_a_typed_failure(body):
    try:
        assert isinstance(read(body), Completion)
    except BackendError as error:
        assert error.retryable and error.message


# -- structured answers --------------------------------------------------------------------


def server_that_knows(*forms):
    """Refuses the forms of structured answers that it does not know, llama_cpp.server's way."""

    def answer(body):
        response_format = body.get("response_format", {})
        form = response_format.get("type", "grammar" if "grammar" in body else "none")
        if "schema" in response_format:
            form += "+schema"
        if form not in forms:
            return (500 if form == "json_schema" else 400), {"error": {"message": f"no {form}"}}
        return form

    return LoopbackServer(answer)


@pytest.mark.parametrize(
    ("known", "kept_to"),
    [
        (("json_schema", "json_object", "none"), "json_schema"),
        (("json_object+schema", "json_object", "none"), "json_object+schema"),
        (("json_object", "none"), "json_object"),
        (("none",), "none"),
    ],
)
def test_auto_steps_down_to_what_the_server_knows_remembers_it_and_says_so(known, kept_to):
    with server_that_knows(*known) as server:
        backend = made(server, concurrency=1)
        answers = list(backend.complete(asked(3, constraint=SCHEMA)))
        assert {answer.text for answer in answers} == {kept_to}
        tried = len(server.seen)
        list(backend.complete(asked(5, constraint=SCHEMA)))
        assert len(server.seen) == tried + 5  # never tried again
        expected = () if kept_to == "json_schema" else (kept_to,)
        assert tuple(note.rpartition(": ")[2] for note in backend.notes) == expected
        backend.close()


def test_a_grammar_is_sent_as_one():
    grammar = Constraint("grammar", 'root ::= "a"')
    with server_that_knows("grammar", "none") as server:
        backend = made(server)
        (answer,) = backend.complete(asked(1, constraint=grammar))
        assert (answer.text, server.seen[0].body["grammar"]) == ("grammar", grammar.text)
        backend.close()


def test_a_form_that_worked_is_kept_through_later_server_errors():
    broken = iter([None, Fault.SERVER_ERROR, Fault.SERVER_ERROR, Fault.SERVER_ERROR, None])
    with server_that_knows("json_schema", "none") as server:
        server.fault = lambda index: next(broken)
        backend = made(server, concurrency=1)
        answers = list(backend.complete(asked(2, constraint=SCHEMA)))
        assert [answer.text for answer in answers] == ["json_schema", "json_schema"]
        backend.close()


def test_a_declared_form_is_the_only_one_tried():
    with server_that_knows("none") as server:
        backend = made(server, structured="json_schema", max_retries=0)
        (failure,) = backend.complete(asked(1, constraint=SCHEMA))
        assert isinstance(failure, Failure) and len(server.seen) == 1
        backend.close()


# -- stopping ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setup", "says"),
    [({"key": "right"}, "HTTP 401"), ({"models": ("other",)}, "does not exist")],
)
def test_a_fatal_fault_fails_the_rest_at_once_with_one_message(setup, says, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    with LoopbackServer(**setup) as server:
        backend = made(server, concurrency=4)
        outcomes = list(backend.complete(asked(500)))
        backend.close()
    assert len(outcomes) == 500
    assert all(isinstance(outcome, Failure) for outcome in outcomes)
    assert {outcome.error.retryable for outcome in outcomes} == {False}
    assert all(says in outcome.error.message for outcome in outcomes)
    assert len(server.seen) <= 4


def test_nobody_there_is_told_without_trying_every_request():
    with LoopbackServer() as server:
        pass
    backend = made(server, max_retries=1)
    started = time.monotonic()
    outcomes = list(backend.complete(asked(1000)))
    assert time.monotonic() - started < 10
    assert len(outcomes) == 1000
    assert all("connection" in o.error.message and o.error.retryable for o in outcomes)
    backend.close()


def test_a_deadline_ends_what_is_under_way_and_keeps_what_came():
    with LoopbackServer(latency_s=0.2) as server:
        backend = made(server, concurrency=2, deadline_s=0.5)
        outcomes = list(backend.complete(asked(20)))
        backend.close()
    kept = [o for o in outcomes if isinstance(o, Completion)]
    late = [o for o in outcomes if isinstance(o, Failure)]
    assert len(outcomes) == 20 and 2 <= len(kept) <= 6
    assert all("deadline of 0.5 s" in o.error.message and o.error.retryable for o in late)


def test_closing_the_iterator_drops_what_is_under_way_and_leaves_no_thread():
    with LoopbackServer(latency_s=0.3) as server:
        backend = made(server, concurrency=4)
        outcomes = backend.complete(asked(200))
        next(outcomes)
        outcomes.close()
        time.sleep(0.1)  # what was on its way is read
        sent = len(server.seen)
        time.sleep(0.5)
        assert len(server.seen) == sent <= 9
        # And it can be asked again.
        assert len(list(backend.complete(asked(2)))) == 2
        backend.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "openai"]


def test_answers_that_nobody_takes_do_not_pile_up():
    with LoopbackServer() as server:
        backend = made(server, concurrency=8)
        outcomes = backend.complete(asked(2000))
        next(outcomes)
        time.sleep(0.7)
        assert len(server.seen) < 300
        assert len(list(outcomes)) == 1999
        backend.close()
        gc.collect()


# -- limits and pools ----------------------------------------------------------------------


def test_no_more_are_under_way_than_declared():
    with LoopbackServer(latency_s=0.02) as server:
        backend = made(server, concurrency=7)
        list(backend.complete(asked(60)))
        backend.close()
    assert server.most_at_once == 7


def test_tokens_per_minute_space_requests_out():
    with LoopbackServer() as server:
        # Ten tokens each by estimate, twelve by report: 0.2 s and a bit for each.
        backend = made(server, tokens_per_minute=3000, concurrency=8)
        list(backend.complete(asked(6, sampling=Sampling(max_tokens=9))))
        backend.close()
    spent = server.seen[-1].at - server.seen[0].at
    assert spent >= 5 * 10 * 60 / 3000 * 0.9


def test_overload_lowers_what_is_under_way_and_answers_raise_it_again():
    from agents.backends.openai_compatible._limits import AdaptiveLimit

    now = itertools.count()
    limit = AdaptiveLimit(30, clock=lambda: next(now))
    limit.overloaded()
    limit.overloaded()
    low = limit.limit
    assert low == pytest.approx(30 * 4 / 9)
    for _ in range(1000):
        limit.answered(0.1)
    assert limit.limit == 30
    for _ in range(200):
        limit.overloaded()
    assert limit.limit == 1


@given(st.integers(1, 8), st.integers(1, 60))
def test_an_adaptive_limit_lets_everyone_through_and_never_too_many(most, count):
    from agents.backends.openai_compatible._limits import AdaptiveLimit

    async def run():
        limit = AdaptiveLimit(most, window_s=0)
        seen = 0

        async def one(n):
            nonlocal seen
            await limit.enter()
            seen = max(seen, limit.under_way)
            await asyncio.sleep(0)
            limit.overloaded() if n % 3 else limit.answered(0.01)
            limit.leave()

        await asyncio.wait_for(asyncio.gather(*map(one, range(count))), 10)
        return seen, limit.under_way

    seen, left = asyncio.run(run())
    assert seen <= most and left == 0


def test_a_pool_shares_requests_among_its_servers():
    with LoopbackServer(latency_s=0.02) as one, LoopbackServer(latency_s=0.02) as two:
        backend = made(one, base_url=None, base_urls=(one.base_url, two.base_url), concurrency=8)
        outcomes = list(backend.complete(asked(100)))
        backend.close()
    assert all(isinstance(o, Completion) for o in outcomes)
    assert min(one.count, two.count) >= 40


def test_a_dead_server_of_a_pool_is_left_out_and_no_request_is_lost():
    with LoopbackServer(latency_s=0.01) as one, LoopbackServer(latency_s=0.01) as two:

        def answer(body):
            if two.count > 20:
                two.stop_soon()
            return "x"

        two.answer = answer
        backend = made(one, base_url=None, base_urls=(one.base_url, two.base_url), concurrency=8)
        outcomes = list(backend.complete(asked(200)))
        backend.close()
    assert len(outcomes) == 200
    assert all(isinstance(o, Completion) for o in outcomes)
    assert one.count >= 170 > two.count


def test_retry_after_is_waited_for():
    with LoopbackServer(fault={0: Fault.RATE_LIMIT_AFTER}.get, retry_after_s=0.4) as server:
        backend = made(server)
        (answer,) = backend.complete([ASK])
        backend.close()
    assert isinstance(answer, Completion)
    assert server.seen[1].at - server.seen[0].at >= 0.4


def test_a_wait_that_is_asked_for_and_is_too_long_is_a_failure_that_says_so():
    with LoopbackServer(fault={0: Fault.RATE_LIMIT_AFTER}.get, retry_after_s=7200) as server:
        backend = made(server)
        (failure,) = backend.complete([ASK])
        backend.close()
    assert isinstance(failure, Failure)
    assert (failure.error.status, failure.error.retry_after) == (429, 7200)


def test_a_prompt_that_the_provider_filters_is_a_refusal():
    refused = (400, {"error": {"message": "filtered", "code": "content_filter"}})
    with LoopbackServer(lambda body: refused) as server:
        backend = made(server)
        (answer,) = backend.complete([ASK])
        backend.close()
    assert isinstance(answer, Completion)
    assert (answer.finish, answer.text) == (FinishReason.REFUSAL, "")


def test_the_key_is_sent_and_shown_nowhere(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-7")
    with LoopbackServer(lambda body: json.dumps(body), key="sk-planted-7") as server:
        backend = made(server)
        (answer,) = backend.complete([ASK])
        assert server.seen[0].authorization == "Bearer sk-planted-7"
        assert isinstance(answer, Completion)
        assert "sk-planted-7" not in repr(vars(backend)) + repr(vars(backend._session))
        backend.close()
