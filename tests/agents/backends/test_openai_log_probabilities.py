"""Log-probabilities of answers: asked for, summed, and unknown wherever a token's is missing."""

import json

import pytest

from agents.backends import OpenAIBackend, OpenAIOptions
from benchmarks.speed.loopback import LoopbackServer, completion_body
from harness.protocols import Completion, Message, Request, Sampling

ASKED = Request(
    (Message("user", "which?"),), sampling=Sampling(max_tokens=4, log_probabilities=True)
)


def answered(logprobs, request=ASKED):
    """What comes of an answer with these log-probabilities, read as from a batch file."""
    body = completion_body("m", "yes")
    body["choices"][0]["logprobs"] = logprobs
    return OpenAIBackend(options=OpenAIOptions(model="m")).batch_answer(
        request, json.loads(json.dumps(body))
    )


def test_the_tokens_log_probabilities_are_summed():
    found = answered({"content": [{"token": "y", "logprob": -0.5}, {"token": "es", "logprob": 0}]})
    assert found.log_probability == -0.5


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        {},
        {"content": None},
        {"content": []},
        {"content": [{"logprob": -0.5}, {}]},
        {"content": [{"logprob": "high"}]},
        {"content": [{"logprob": True}]},
        {"content": [{"logprob": 2.0}]},
        {"content": [{"logprob": float("nan")}]},
        {"content": [{"logprob": float("-inf")}]},
        {"content": {"logprob": -1}},
        [-0.5],
    ],
)
def test_what_is_not_a_log_probability_of_every_token_is_unknown(logprobs):
    found = answered(logprobs)
    assert found.text == "yes"
    assert found.log_probability is None


def test_they_are_asked_for_where_they_are_wanted_and_only_there():
    pytest.importorskip("openai")

    def answer(body):
        whole = completion_body("m", "yes")
        if body.get("logprobs"):
            whole["choices"][0]["logprobs"] = {"content": [{"token": "yes", "logprob": -0.25}]}
        return whole

    plain = Request(ASKED.messages)
    with LoopbackServer(answer) as server:
        backend = OpenAIBackend(options=OpenAIOptions(model="m", base_url=server.base_url))
        outcomes = {o.request: o for o in backend.complete([ASKED, plain])}
        backend.close()
    assert all(isinstance(outcome, Completion) for outcome in outcomes.values())
    assert outcomes[ASKED].log_probability == -0.25
    assert outcomes[plain].log_probability is None
    assert sorted("logprobs" in seen.body for seen in server.seen) == [False, True]
