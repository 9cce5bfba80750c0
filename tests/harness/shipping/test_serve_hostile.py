"""``calldistil serve`` under requests drawn from its own OpenAPI, hostile bytes, and load."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
schemathesis = pytest.importorskip("schemathesis")

from test_serve import ask, bodies, folders, serving  # noqa: E402, F401 (fixtures)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(folders):  # noqa: F811
    with serving(folders / "gold") as found:
        yield found


def test_every_request_gets_an_answer_that_the_openapi_allows(url):
    """Driven by hand: schemathesis's own plug-in leans on what pytest keeps to itself."""
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    api = schemathesis.openapi.from_url(f"{url}/openapi.json")
    drawn = 0
    for found in api.get_all_operations():
        operation = found.ok()

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def one(case):
            nonlocal drawn
            drawn += 1
            # That spans lie within the text, no schema can say: 422 is right for them.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        one()
    assert drawn >= 60


def raw(url, content, *, wait_s=5.0, shut=True):
    """The first bytes that come back for what is written on a connection."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=wait_s) as connection:
        with suppress(OSError):  # a server may hang up before it has read all of it
            connection.sendall(content)
            if shut:
                connection.shutdown(socket.SHUT_WR)
        try:
            return connection.recv(4096)
        except OSError:
            return b""


LINE = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
HOSTILE = (
    b"",
    b"\x00" * 1000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS on a plain port
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    LINE + b"Content-Length: \xb2\r\n\r\n",
    LINE + b"Content-Length: -1\r\n\r\n",
    LINE + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    LINE + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    LINE + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
    LINE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    LINE + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
    LINE + b"Content-Length: 6\r\n\r\n[[[[[[",
    LINE + b"Content-Length: 60000\r\n\r\n" + b"[" * 60_000,
    LINE + b"Content-Length: 4\r\n\r\n\xff\xfe\x00\x00",
    LINE + b'Content-Length: 28\r\n\r\n{"examples": [{"marked":NaN}]'[:28],
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
)


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bytes_are_refused_and_the_server_goes_on(url, content):
    said = raw(url, content)
    assert not said or said.startswith(b"HTTP/1.1 4"), said[:200]
    assert b"Traceback" not in said and b"/harness/" not in said
    assert ask(url, "/health")[0] == 200


NESTED = [
    b'{"examples":' + b"[" * 100_000,
    b'{"examples": [{"marked": "' + b"<h>" * 100_000 + b'"}]}',
    b'{"examples": [{"marked": "\\ud800<h>a</h><t>b</t>"}]}',
    b'{"examples": [{"text": "ab", "head": {"start": 0, "end": 1e400},'
    b' "tail": {"start": 1, "end": 2}}]}',
    b'{"examples": [{"text": "ab", "head": {"start": 0, "end": ' + b"9" * 5000 + b"},"
    b' "tail": {"start": 1, "end": 2}}]}',
    b'{"examples": [{"text": "a\\u0000b", "head": {"start": 0, "end": 1}, "id": "\\u202e",'
    b' "tail": {"start": 2, "end": 3}}]}',
]


@pytest.mark.parametrize("body", NESTED, ids=range(len(NESTED)))
def test_hostile_bodies_are_answered_or_refused_in_the_one_form_of_errors(url, body):
    status, _, said = ask(url, raw=body)
    assert status in (200, 400, 413, 422), said
    assert status == 200 or set(said["error"]) == {"code", "message", "hint"}


def test_good_requests_are_answered_rightly_beside_hostile_and_idle_ones(url, bodies):  # noqa: F811
    rows, wanted = bodies
    labels = {prediction.example_id: prediction.label for prediction in wanted}
    wrong: list[object] = []
    where = urlsplit(url)
    idle = [socket.create_connection((where.hostname, where.port)) for _ in range(60)]
    for connection in idle:
        connection.sendall(LINE)  # and never the rest

    def good() -> None:
        for _ in range(6):
            status, _, said = ask(url, body={"examples": rows})
            found = {a["id"]: a["relation"] for a in said.get("answers", ())}
            if status != 200 or found != labels:
                wrong.append((status, said))

    def bad() -> None:
        for content in HOSTILE:
            raw(url, content, wait_s=2.0)

    threads = [threading.Thread(target=good) for _ in range(8)]
    threads += [threading.Thread(target=bad) for _ in range(4)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    for connection in idle:
        connection.close()
    assert wrong == []
    assert time.monotonic() - started < 300
    assert ask(url, "/health")[2]["waiting"] == 0
