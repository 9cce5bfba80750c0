"""A PostgreSQL server of one's own on loopback, for benchmarks and tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["PostgresServer", "server_programs"]

_USER = "postgres"


def server_programs() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl``, where a server is installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("pg_ctl"):
        folders.append(Path(found).resolve().parent)
    return next((f for f in folders if (f / "initdb").exists() and (f / "pg_ctl").exists()), None)


class PostgresServer:
    """A server with an empty data folder; ``kill`` ends it as SIGKILL does.

    Args:
        programs: From ``server_programs``.
        fsync: Whether commits wait for the disk, as they do unless a server is told otherwise;
            what was committed survives ``kill`` without it.
    """

    def __init__(self, programs: Path, *, fsync: bool = False) -> None:
        self._programs = programs
        self._fsync = fsync
        self._folder = Path(tempfile.mkdtemp(prefix="calldistil-postgres-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(self._folder, _USER)
        self._call("initdb", "-D", self._data, "-U", _USER, "-A", "trust", "-E", "UTF8", "-N")

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def start(self) -> None:
        """Starts it and waits until it can be reached."""
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1"
        if not self._fsync:
            options += " -c fsync=off"
        log = str(self._folder / "log")
        self._call("pg_ctl", "-D", self._data, "-o", options, "-l", log, "-w", "start")

    def make(self, database: str) -> str:
        """Makes a database; returns its address."""
        self._call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", _USER, database)
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{database}"

    def kill(self) -> None:
        """Ends every process of it at once."""
        pid = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
        )
        for process in (pid, *map(int, listed.stdout.split())):
            with contextlib.suppress(ProcessLookupError):  # a child may have ended since
                os.kill(process, 9)
        for left in (self._folder / "data" / "postmaster.pid", *self._folder.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)

    def stop(self) -> None:
        """Ends it and removes its data."""
        self._call("pg_ctl", "-D", self._data, "-m", "immediate", "stop", check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _call(self, program: str, *words: str, check: bool = True) -> None:
        command: Sequence[str] = [str(self._programs / program), *words]
        if os.geteuid() == 0:
            who = [f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"]
            command = ["setpriv", *who, *command]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", timeout=120
        )
        if check and done.returncode != 0:
            log = self._folder / "log"
            tail = log.read_text(encoding="utf-8")[-2000:] if log.exists() else ""
            raise RuntimeError(f"{program} failed: {done.stderr or done.stdout}\n{tail}")
