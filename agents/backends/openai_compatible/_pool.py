"""Several servers of one model: the least loaded is asked, a dead one is left out for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Pool", "Server"]

FIRST_REST_S = 1.0
LONGEST_REST_S = 60.0


@dataclass(eq=False)
class Server:
    """One address.

    Attributes:
        address: Its base URL; None is the client's own default.
        client: The client that talks to it.
        under_way: Requests it is working on.
        failures: Times in a row that it could not be reached.
        rests_until: When it is asked again.
    """

    address: str | None
    client: Any = None
    under_way: int = 0
    failures: int = 0
    rests_until: float = 0.0

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return "the default address" if self.address is None else urlsplit(self.address).netloc


class Pool:
    """Hands out servers."""

    def __init__(
        self, addresses: Sequence[str | None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.servers = tuple(Server(address) for address in addresses)
        self._clock = clock
        self._turn = 0

    def pick(self) -> Server:
        """The least loaded server that is not resting; else the one that rests the shortest."""
        now = self._clock()
        # Equals take turns.
        self._turn = (self._turn + 1) % len(self.servers)
        order = self.servers[self._turn :] + self.servers[: self._turn]
        awake = [server for server in order if server.rests_until <= now]
        if awake:
            return min(awake, key=lambda server: server.under_way)
        return min(order, key=lambda server: server.rests_until)

    def reached(self, server: Server) -> None:
        """The server answered, whatever it said."""
        server.failures = 0
        server.rests_until = 0.0

    def lost(self, server: Server) -> None:
        """The server could not be reached, or hung up; it rests longer each time in a row."""
        now = self._clock()
        if server.rests_until > now:
            return  # all that were under way report the same loss
        server.failures += 1
        rest = min(LONGEST_REST_S, FIRST_REST_S * 2 ** (server.failures - 1))
        server.rests_until = now + rest
