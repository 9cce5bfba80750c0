"""``calldistil serve``: a real server on the loopback interface."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from harness.datasets import read_examples
from harness.errors import BackendError, ConfigError
from harness.relations import Prediction
from harness.shipping import export_system, load_system, serve_system

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

TOKEN = "a-token-of-some-length"


@contextlib.contextmanager
def serving(folder, *words, **env):
    """The command in a process of its own; gives its URL."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from harness.cli import main; main()",
         "serve", str(folder), "--port", "0", *map(str, words)],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | env,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + (process.stderr.read() if process.poll() is not None else "")
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        process.stderr.close()


def ask(url, path="/predict", body=None, *, headers=None, raw=None, method=None):
    """Status, headers and JSON of an answer."""
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, method=method)
    request.add_header("content-type", "application/json")
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)


@pytest.fixture(scope="module")
def folders(shipped_run, tmp_path_factory):
    base = tmp_path_factory.mktemp("served")
    for name in ("gold", "mixed"):
        export_system(shipped_run, name, base / name)
    return base


@pytest.fixture(scope="module")
def url(folders):
    with serving(folders / "gold") as found:
        yield found


@pytest.fixture(scope="module")
def bodies(sentences, folders):
    """The test sentences as a request holds them, and what the student says of them."""
    system = load_system(folders / "gold")
    examples = read_examples(sentences, schema=system.schema)
    rows = [
        {
            "id": e.id,
            "text": e.text,
            "head": {"start": e.head.start, "end": e.head.end},
            "tail": {"start": e.tail.start, "end": e.tail.end},
        }
        for e in examples
    ]
    return rows, system.answer(examples)


def test_served_answers_are_those_of_the_loaded_system(url, bodies):
    rows, wanted = bodies
    status, _, said = ask(url, body={"examples": rows, "probabilities": True})
    assert status == 200
    assert [(a["id"], a["relation"]) for a in said["answers"]] == [
        (p.example_id, p.label) for p in wanted
    ]
    for answer, prediction in zip(said["answers"], wanted, strict=True):
        assert answer["probabilities"] == pytest.approx(dict(prediction.probabilities), abs=1e-6)


def test_marked_sentences_are_read_with_the_schemas_markers(url):
    markers = ask(url, "/schema")[2]["markers"]
    head, tail = markers["head"], markers["tail"]
    text = f"<{head}>Ada</{head}> works for <{tail}>Acme</{tail}> ."
    status, _, said = ask(url, body={"examples": [{"marked": text}]})
    assert (status, said["answers"][0]["id"]) == (200, "0")
    assert said["answers"][0]["relation"] == "works_for"


def test_health_schema_and_openapi_say_what_is_served(url):
    assert ask(url, "/health")[2] | {"version": ""} == {
        "status": "ok", "system": "gold", "kind": "student", "version": "", "waiting": 0,
    }  # fmt: skip
    assert ask(url, "/schema")[2]["labels"] == ["works_for", "lives_in", "none"]
    paths = ask(url, "/openapi.json")[2]["paths"]
    assert set(paths) == {"/health", "/schema", "/predict"}
    assert "413" in paths["/predict"]["post"]["responses"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "body.examples: Field required"),
        ({"examples": []}, "at least 1 item"),
        ({"examples": [{"text": "a b"}]}, "give text, head and tail, or marked"),
        ({"examples": [{"marked": "no marks"}]}, r"examples\[0\]: there is no"),
        ({"examples": [{"marked": "x", "why": 1}]}, "Extra inputs"),
        (
            {"examples": [{"text": "a b", "head": {"start": 0, "end": 9},
                           "tail": {"start": 2, "end": 3}}]},
            r"examples\[0\]",
        ),
    ],
)  # fmt: skip
def test_a_wrong_body_gives_a_clear_error(url, body, said):
    status, _, error = ask(url, body=body)
    assert (status, error["error"]["code"]) == (422, "invalid")
    assert re.search(said, error["error"]["message"])


def test_an_unknown_path_and_a_wrong_method_have_the_same_form_of_error(url):
    assert ask(url, "/nowhere")[2]["error"]["code"] == "not_found"
    assert ask(url, "/predict")[2]["error"]["code"] == "not_allowed"
    assert ask(url, raw=b"{not json")[2]["error"]["code"] == "invalid"


def test_a_request_that_names_another_host_is_refused(url):
    status, _, said = ask(url, "/health", headers={"Host": "evil.example"})
    assert (status, said["error"]["code"]) == (421, "wrong_host")


def test_sizes_are_bounded(folders, bodies):
    rows = bodies[0]
    with serving(folders / "gold", "--max-examples", 3, "--max-bytes", 2000) as url:
        assert ask(url, body={"examples": rows[:3]})[0] == 200
        status, _, said = ask(url, body={"examples": rows[:4]})
        assert (status, said["error"]["code"]) == (413, "too_large")
        status, _, said = ask(url, body={"examples": [{"marked": "x" * 3000}]})
        assert (status, said["error"]["message"]) == (413, "The body is larger than 2000 bytes.")
        chunked = iter([b"x" * 1500, b"x" * 1500])  # says no length beforehand
        assert ask(url, raw=chunked)[0] == 413


def test_a_token_is_asked_for_where_there_is_one(folders, bodies):
    with serving(folders / "gold", CALLDISTIL_TOKEN=TOKEN) as url:
        body = {"examples": bodies[0][:1]}
        assert ask(url, "/health")[0] == 200
        status, headers, said = ask(url, body=body)
        assert (status, said["error"]["code"]) == (401, "unauthorised")
        assert headers["www-authenticate"] == "Bearer"
        for wrong in ("Bearer no", f"Basic {TOKEN}", "Bearer"):
            assert ask(url, body=body, headers={"Authorization": wrong})[0] == 401
            assert ask(url, "/openapi.json", headers={"Authorization": wrong})[0] == 401
        assert ask(url, body=body, headers={"Authorization": f"Bearer {TOKEN}"})[0] == 200


def test_without_a_token_other_machines_are_not_served(folders, monkeypatch):
    system = load_system(folders / "gold")
    monkeypatch.delenv("CALLDISTIL_TOKEN", raising=False)
    with pytest.raises(ConfigError, match=r"0\.0\.0\.0 can be reached.*CALLDISTIL_TOKEN"):
        serve_system(system, host="0.0.0.0", port=0)
    monkeypatch.setenv("CALLDISTIL_TOKEN", "short")
    with pytest.raises(ConfigError, match="shorter than 16"):
        serve_system(system, port=0)


def test_a_taken_port_is_named(folders):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            serve_system(load_system(folders / "gold"), port=port)


def test_a_cascade_is_served_too(folders, bodies, sentences):
    rows = bodies[0]
    system = load_system(folders / "mixed")
    wanted = [p.label for p in system.answer(read_examples(sentences, schema=system.schema))]
    system.close()
    with serving(folders / "mixed") as url:
        answers = ask(url, body={"examples": rows})[2]["answers"]
    assert [answer["relation"] for answer in answers] == wanted


class Slow:
    """Answers late, notes the sizes of its batches, and fails on a sentence that says so."""

    name, kind = "slow", "student"

    def __init__(self, schema):
        self.schema, self.sizes = schema, []

    def answer(self, examples, /, *, progress=None):
        time.sleep(0.1)
        self.sizes.append(len(examples))
        if any("fail" in example.text for example in examples):
            raise BackendError("the LLM is away", retryable=True)
        return [Prediction(example.id, "none") for example in examples]

    def close(self):
        pass


def test_requests_that_come_together_are_answered_together_and_fail_alone(folders):
    import asyncio

    from harness.shipping._batcher import Batcher, BusyError

    schema = load_system(folders / "gold").schema
    system = Slow(schema)

    async def go():
        from harness.relations import Example, Mention

        def example(id, text="a b"):
            return Example(id, text, Mention.of(text, 0, 1), Mention.of(text, 2, 3))

        async with Batcher(system, room=20, wait_s=0.5) as batcher:
            asked = [batcher.submit([example(str(n))]) for n in range(10)]
            bad = batcher.submit([example("bad", "a fail")])
            *answers, error = await asyncio.gather(*asked, bad, return_exceptions=True)
            with pytest.raises(BusyError):
                await batcher.submit([example(str(n)) for n in range(21)])
            assert batcher.waiting == 0
        return answers, error

    answers, error = asyncio.run(go())
    assert [a[0].example_id for a in answers] == [str(n) for n in range(10)]
    assert isinstance(error, BackendError)
    assert system.sizes[0] == 11  # one batch, then each alone


def test_many_clients_at_once_get_their_own_answers(url, bodies):
    rows, wanted = bodies
    got = {}

    def one(at):
        got[at] = ask(url, body={"examples": [rows[at]]})[2]["answers"][0]

    threads = [threading.Thread(target=one, args=(at,)) for at in range(len(rows))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(got[at]["id"], got[at]["relation"]) for at in range(len(rows))] == [
        (p.example_id, p.label) for p in wanted
    ]
