"""The backend openai against a real llama.cpp server on loopback."""

import json
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

pytest.importorskip("openai")
pytest.importorskip("llama_cpp")
pytest.importorskip("gguf")
pytest.importorskip("uvicorn", reason="needs llama-cpp-python[server]")
pytest.importorskip("starlette_context", reason="needs llama-cpp-python[server]")

from agents.backends import OpenAIBackend, OpenAIOptions
from benchmarks.speed.random_gguf import write_random_gguf
from harness.protocols import Completion, Constraint, FinishReason, Message, Request, Sampling

pytestmark = pytest.mark.slow

LABELS = ["Cause-Effect(e1,e2)", "Other"]
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"relation": {"type": "string", "enum": LABELS}},
        "required": ["relation"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    model = write_random_gguf(folder / "m.gguf")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--model", model, "--model_alias", "m", "--host", "127.0.0.1", "--port", port]
    words += ["--n_ctx", 1024, "--n_threads", 1, "--n_threads_batch", 1, "--verbose", "false"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "llama_cpp.server", *map(str, words)], stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}/v1"
    deadline = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(f"{url}/models", timeout=2).read()
            break
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                pytest.fail((folder / "log").read_text())
            time.sleep(0.2)
    yield url
    server.terminate()
    server.wait(10)


def ask(n, **fields):
    return Request((Message("user", f"sentence {n}"),), **fields)


def answers(address, requests, **options):
    backend = OpenAIBackend(
        options=OpenAIOptions(model="m", base_url=address, concurrency=2, **options)
    )
    found = {outcome.request: outcome for outcome in backend.complete(requests)}
    backend.close()
    return [found[request] for request in requests]


def test_each_request_is_answered_within_its_bound_and_reports_usage(address):
    bounds = (2, 40)
    asked = [ask(0, sampling=Sampling(max_tokens=most, temperature=0)) for most in bounds]
    short, long = answers(address, asked)
    for answer in (short, long):
        assert isinstance(answer, Completion)
        assert answer.usage.source == "reported"
        assert answer.usage.output_tokens > 0  # the server counts bytes that are no UTF-8 anew
        assert answer.finish in (FinishReason.LENGTH, FinishReason.STOP)
    assert short.finish is FinishReason.LENGTH
    assert len(short.text) < len(long.text)


@pytest.mark.parametrize("structured", ["auto", "json_object"])
def test_a_json_schema_is_kept_in_the_form_that_the_server_knows(address, structured):
    constraint = Constraint("json_schema", SCHEMA)
    sampling = Sampling(max_tokens=60, temperature=1, seed=1)
    requests = [ask(n, sampling=sampling, constraint=constraint) for n in range(3)]
    for answer in answers(address, requests, structured=structured):
        assert json.loads(answer.text)["relation"] in LABELS
