"""What a request must pass before it is read: its host, its token, its size."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

__all__ = ["Limits"]

_Scope: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App: TypeAlias = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

_OPEN = "/health"  # asked without a token, by whatever watches the server
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Limits:
    """An ASGI layer that turns requests away.

    Args:
        app: The application behind it.
        token: What ``Authorization: Bearer`` must carry; None lets everyone in.
        most_bytes: Size of a body, at most.
        local: Whether the server is for this machine alone: a request must then name it so, which
            keeps out web pages whose name was made to point here (DNS rebinding).
    """

    def __init__(self, app: _App, *, token: str | None, most_bytes: int, local: bool) -> None:
        self._app = app
        self._token = token
        self._most_bytes = most_bytes
        self._local = local

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self._local and not self._names_this_machine(headers.get(b"host", "")):
            await _refuse(send, 421, "wrong_host", "This server is for its own machine alone.")
            return
        if scope["path"] != _OPEN and not self._may_enter(headers.get(b"authorization", "")):
            message = "The token is missing or wrong."
            await _refuse(send, 401, "unauthorised", message, (b"www-authenticate", b"Bearer"))
            return
        length = headers.get(b"content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self._most_bytes:
            await self._refuse_size(send)
            return
        body = await self._read(receive)
        if body is None:
            await self._refuse_size(send)
            return
        await self._app(scope, _replayed(body, receive), send)

    async def _read(self, receive: _Receive) -> bytes | None:
        """The whole body; None as soon as it is too large, whatever its header said."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(parts)
            part = message.get("body", b"")
            size += len(part)
            if size > self._most_bytes:
                return None
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)

    def _may_enter(self, said: str) -> bool:
        if self._token is None:
            return True
        scheme, _, token = said.partition(" ")
        right = secrets.compare_digest(token.strip().encode(), self._token.encode())
        return right and scheme.lower() == "bearer"

    @staticmethod
    def _names_this_machine(host: str) -> bool:
        name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        return (name if port.isdigit() and name else host).lower() in _LOCAL_NAMES

    async def _refuse_size(self, send: _Send) -> None:
        message = f"The body is larger than {self._most_bytes} bytes."
        await _refuse(send, 413, "too_large", message)


def _replayed(body: bytes, receive: _Receive) -> _Receive:
    given = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(
    send: _Send, status: int, code: str, message: str, *headers: tuple[bytes, bytes]
) -> None:
    body = json.dumps({"error": {"code": code, "message": message, "hint": ""}}).encode()
    start = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
