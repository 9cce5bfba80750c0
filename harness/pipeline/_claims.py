"""Claims on calls: what one worker asks for, no other worker pays for meanwhile."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import socket
import threading
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import ArtefactError
from harness.store import CallStore

__all__ = ["Claims"]

_SECONDS = 60.0


class Claims:
    """The claims of one round, extended while it lasts and given back at its end.

    A worker that is killed lets go after a minute at most, and others ask in its place; on the
    machine where it ran they see that it is gone and do not wait.

    Args:
        store: Where claims are kept.
        seconds: How long a claim lasts unless it is extended.
    """

    def __init__(self, store: CallStore, *, seconds: float = _SECONDS) -> None:
        self._store = store
        self._seconds = seconds
        self._owner = f"{_machine()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._held: set[str] = set()  # those without an answer yet
        self._taken: set[str] = set()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        if self._taken:
            with contextlib.suppress(ArtefactError):  # they then end by themselves
                self._store.release(self._taken, owner=self._owner)

    def take(self, keys: Iterable[str]) -> frozenset[str]:
        """Claims what is neither stored nor another's; returns what is ours now."""
        wanted = list(keys)
        mine = self._claim(wanted)
        if len(mine) < len(wanted) and self._let_go([key for key in wanted if key not in mine]):
            mine |= self._claim([key for key in wanted if key not in mine])
        with self._lock:
            self._held |= mine
            self._taken |= mine
        if self._held and self._thread is None:
            self._thread = threading.Thread(target=self._extend, name="claims", daemon=True)
            self._thread.start()
        return mine

    def _claim(self, keys: list[str]) -> frozenset[str]:
        return self._store.claim(keys, owner=self._owner, seconds=self._seconds)

    def _let_go(self, keys: list[str]) -> bool:
        """Gives back what processes of this machine claimed that are gone; whether any was."""
        claimed: defaultdict[str, list[str]] = defaultdict(list)
        for key, owner in self._store.claimed_by(keys).items():
            claimed[owner].append(key)
        gone = [owner for owner in claimed if _is_gone(owner)]
        for owner in gone:
            self._store.release(claimed[owner], owner=owner)
        return bool(gone)

    def answered(self, key: str) -> None:
        """What is stored needs no claim any more."""
        with self._lock:
            self._held.discard(key)

    def _extend(self) -> None:
        while not self._done.wait(self._seconds / 3):
            with self._lock:
                held = list(self._held)
            with contextlib.suppress(ArtefactError):  # the store's trouble is told where it is used
                self._store.claim(held, owner=self._owner, seconds=self._seconds)


@functools.cache
def _machine() -> str:
    """What process ids are counted in: this machine since it was started, or a container on it.

    Without ``/proc`` it is no name that another process shares, so that none is taken for gone.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        processes = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return f"{socket.gethostname()}/{secrets.token_hex(4)}"
    return f"{socket.gethostname()}/{boot[:8]}/{processes.name.strip('pid:[]')}"


def _is_gone(owner: str) -> bool:
    """Whether a claim's owner ran on this machine and runs no more."""
    machine, _, rest = owner.partition(":")
    process = rest.partition(":")[0]
    if machine != _machine() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's
        return False
    return False
