"""Serves a system over HTTP: on this machine alone, or elsewhere with a token."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
from collections.abc import Callable

from harness.errors import ConfigError, MissingExtraError, Problem
from harness.shipping._system import System

__all__ = ["TOKEN_VARIABLE", "is_loopback", "serve_system"]

TOKEN_VARIABLE = "CALLDISTIL_TOKEN"
_SHORTEST_TOKEN = 16


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve_system(
    system: System,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    ready: Callable[[str], None] | None = None,
    most_bytes: int = 4 << 20,
    most_examples: int = 512,
    batch: int = 256,
) -> None:
    """Serves until it is stopped (Ctrl-C, SIGTERM): what is under way is answered first.

    Args:
        system: The system.
        host: Address to listen on. Any but a loopback one needs a token in the environment
            variable ``CALLDISTIL_TOKEN``; where that is set it is asked for on loopback too.
        port: Port; 0 takes a free one.
        ready: Told the server's URL.
        most_bytes: Size of a request's body, at most.
        most_examples: Examples of a request, at most.
        batch: Examples that are answered together, at most.

    Raises:
        ConfigError: When a token is missing or short, or the address cannot be listened on.
        MissingExtraError: When FastAPI or uvicorn is not installed.
    """
    for package in ("fastapi", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package=package, extra="serve", feature="serving")
    local = is_loopback(host)
    token = _token(host, local=local)
    import uvicorn

    from harness.shipping._app import make_app

    app = make_app(
        system,
        token=token,
        local=local,
        most_bytes=most_bytes,
        most_examples=most_examples,
        batch=batch,
    )
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_keep_alive=30
    )
    with _listening(host, port) as listener:
        if ready is not None:
            name = f"[{host}]" if ":" in host else host
            ready(f"http://{name}:{listener.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listener])


def _token(host: str, *, local: bool) -> str | None:
    token = os.environ.get(TOKEN_VARIABLE) or None
    if token is None and not local:
        raise ConfigError(
            [
                Problem(
                    f"{host} can be reached from other machines and there is no token",
                    f"set {TOKEN_VARIABLE}, or serve on 127.0.0.1",
                )
            ]
        )
    if token is not None and len(token) < _SHORTEST_TOKEN:
        raise ConfigError(
            [
                Problem(
                    f"the token in {TOKEN_VARIABLE} is shorter than {_SHORTEST_TOKEN} characters",
                    "make one: python -c 'import secrets; print(secrets.token_urlsafe())'",
                )
            ]
        )
    return token


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(
            [Problem(f"cannot listen on {host}:{port}: {error.strerror}", "choose another --port")]
        ) from None
