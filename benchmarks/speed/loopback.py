"""A loopback server that speaks OpenAI's chat completions, as fast and as faulty as it is told.

Run ``python -m benchmarks.speed.loopback --latency 0.1``: it prints its base URL and serves until
it is stopped. Tests and benchmarks use ``LoopbackServer`` in this process, on a thread of its
own. It answers with what ``answer`` makes of a request's body; nothing about it is a model.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

__all__ = ["Fault", "LoopbackServer", "Seen", "completion_body", "main"]

HANG_S = 3600.0


class Fault(StrEnum):
    """What can go wrong with one request."""

    RATE_LIMIT = "429"
    RATE_LIMIT_AFTER = "429, with Retry-After"
    SERVER_ERROR = "500"
    HANG = "hang"
    CUT = "cut connection"
    BROKEN_JSON = "broken JSON"
    TRUNCATED = "truncated body"
    WRONG_MODEL = "wrong model"
    NO_CHOICES = "empty choices"


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that came in.

    Attributes:
        at: ``time.monotonic()`` when it was read whole.
        path: Its path.
        authorization: Its header of that name.
        body: Its JSON body; empty for GET.
        fault: What was done to it instead of an answer.
    """

    at: float
    path: str
    authorization: str
    body: Mapping[str, Any]
    fault: Fault | None


Answer = Callable[[Mapping[str, Any]], "str | Mapping[str, Any] | tuple[int, Mapping[str, Any]]"]
"""Makes a text, a whole response body, or a status with a body, of a request's body."""


def completion_body(
    model: str, text: str, *, finish: str = "stop", usage: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The body of a completed answer, in OpenAI's form."""
    return {
        "id": "chatcmpl-loopback",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish,
                "logprobs": None,
            }
        ],
        "usage": usage or {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    }


class LoopbackServer:
    """Serves ``/v1/chat/completions`` and ``/v1/models`` on 127.0.0.1 in a ``with`` block.

    Args:
        answer: Makes the answer; without it, the last message's content comes back.
        latency_s: Seconds before it answers.
        fault: Says for the n-th request (from 0) what goes wrong, if anything.
        models: Names listed; a request for another one is answered with 404 where given.
        key: The bearer token that requests must carry, if any.
        retry_after_s: What ``Retry-After`` says.
        port: 0 takes a free one.

    Attributes:
        seen: Every request, in order.
        most_at_once: The most requests under way at one time.
    """

    def __init__(
        self,
        answer: Answer | None = None,
        *,
        latency_s: float = 0.0,
        fault: Callable[[int], Fault | None] | None = None,
        models: Sequence[str] = (),
        key: str | None = None,
        retry_after_s: float = 0.05,
        port: int = 0,
        keep: bool = True,
    ) -> None:
        self.answer: Answer = answer or (lambda body: str(body["messages"][-1]["content"]))
        self.latency_s = latency_s
        self.fault = fault or (lambda index: None)
        self.models = tuple(models)
        self.key = key
        self.retry_after_s = retry_after_s
        self.port = port
        self.keep = keep
        self.seen: list[Seen] = []
        self.count = 0
        self.under_way = 0
        self.most_at_once = 0
        self._connections: set[_Connection] = set()
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> Self:
        """Begins to serve on a thread."""
        self._started.clear()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self.serve()), name="loopback", daemon=True
        )
        self._thread.start()
        if not self._started.wait(10):
            raise RuntimeError("the loopback server did not start")
        return self

    def stop_soon(self) -> None:
        """Begins to end, as ``stop`` does; may be called while an answer is made."""
        if self._stop is not None:
            self._stop.set()

    def stop(self) -> None:
        """Ends at once, in the middle of answers too, as a killed server does."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def serve(self) -> None:
        """Serves until ``stop``."""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self._loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self.port, backlog=1024
        )
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for connection in list(self._connections):
            connection.abort()


class _Connection(asyncio.Protocol):
    """One keep-alive connection; requests on it come one after another."""

    def __init__(self, server: LoopbackServer) -> None:
        self.server = server
        self.received = bytearray()
        self.transport: asyncio.Transport | None = None
        self.timers: set[asyncio.TimerHandle] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.server._connections.discard(self)
        for timer in self.timers:
            timer.cancel()
        self.server.under_way -= len(self.timers)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            first, *lines = self.received[:end].decode("latin-1").split("\r\n")
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
            }
            size = int(headers.get("content-length", "0"))
            if len(self.received) < end + 4 + size:
                return
            raw = bytes(self.received[end + 4 : end + 4 + size])
            del self.received[: end + 4 + size]
            self._take(first.split(" ")[1], headers, json.loads(raw) if raw else {})

    def _take(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
        server = self.server
        fault = None
        if path.endswith("/chat/completions"):
            fault = server.fault(server.count)
            server.count += 1
        authorization = headers.get("authorization", "")
        if server.keep:
            server.seen.append(Seen(time.monotonic(), path, authorization, body, fault))
        server.under_way += 1
        server.most_at_once = max(server.most_at_once, server.under_way)
        wait = HANG_S if fault is Fault.HANG else server.latency_s
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None

        def reply() -> None:
            assert timer is not None
            self.timers.discard(timer)
            server.under_way -= 1
            self._reply(path, authorization, body, fault)

        timer = loop.call_later(wait, reply)
        self.timers.add(timer)

    def _reply(
        self, path: str, authorization: str, body: Mapping[str, Any], fault: Fault | None
    ) -> None:
        server = self.server
        if server.key is not None and authorization != f"Bearer {server.key}":
            # As services do, with what they were sent: a client must not pass it on.
            said = f"Incorrect API key provided: {authorization}"
            self._send(401, {"error": {"message": said, "code": "invalid_api_key"}})
        elif path.endswith("/models"):
            names = server.models or ("loopback",)
            self._send(200, {"object": "list", "data": [{"id": name} for name in names]})
        elif server.models and body.get("model") not in server.models:
            said = f"The model {body.get('model')!r} does not exist"
            self._send(404, {"error": {"message": said, "code": "model_not_found"}})
        else:
            self._complete(body, fault)

    def _complete(self, body: Mapping[str, Any], fault: Fault | None) -> None:
        server = self.server
        model = "another-model" if fault is Fault.WRONG_MODEL else str(body.get("model"))
        if fault is Fault.CUT:
            self.abort()
        elif fault in (Fault.RATE_LIMIT, Fault.RATE_LIMIT_AFTER):
            extra = {}
            if fault is Fault.RATE_LIMIT_AFTER:
                extra = {"Retry-After": f"{server.retry_after_s:g}"}
            self._send(429, {"error": {"message": "slow down", "code": "rate_limit"}}, extra)
        elif fault is Fault.SERVER_ERROR:
            self._send(500, {"error": {"message": "internal error"}})
        elif fault is Fault.NO_CHOICES:
            self._send(200, completion_body(model, "") | {"choices": []})
        else:
            status = 200
            try:
                made = server.answer(body)
            except Exception as error:
                made = (500, {"error": {"message": f"{type(error).__name__}: {error}"}})
            if isinstance(made, tuple):
                status, made = made
            whole = completion_body(model, made) if isinstance(made, str) else dict(made)
            if fault is Fault.BROKEN_JSON:
                self._write(200, json.dumps(whole).encode()[:-9] + b",,]}", {})
            elif fault is Fault.TRUNCATED:
                self._write(200, json.dumps(whole).encode(), {}, cut=20)
            else:
                self._send(status, whole)

    def _send(
        self, status: int, body: Mapping[str, Any], extra: Mapping[str, str] | None = None
    ) -> None:
        self._write(status, json.dumps(body).encode(), extra or {})

    def _write(self, status: int, raw: bytes, extra: Mapping[str, str], cut: int = 0) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        more = "".join(f"{name}: {value}\r\n" for name, value in extra.items())
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(raw)}\r\n{more}\r\n"
        )
        self.transport.write(head.encode() + raw[: len(raw) - cut])
        if cut:
            self.transport.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until interrupted; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.loopback",
        description="Serves chat completions on 127.0.0.1, with the last message as the answer.",
    )
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--port", type=int, default=0)
    named = parser.parse_args(arguments)
    server = LoopbackServer(latency_s=named.latency, port=named.port, keep=False).start()
    print(server.base_url, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
