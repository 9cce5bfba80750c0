"""What a campaign stands on: an experiment, an LLM server that counts, a PostgreSQL server."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

import benchmarks.experiments
from benchmarks.faults._executors import Executor
from benchmarks.faults._llm import name_of
from benchmarks.postgres_server import PostgresServer, server_programs
from harness.pipeline import RunFolder
from harness.store import content_digest, open_call_store

__all__ = ["Run", "Stand"]

_TRAINING_SEEDS = 3


class Run:
    """A run's folder, with its store, as it is found from outside.

    Args:
        folder: The folder; need not be there yet.
        server: Address of its call store, where that is on a server.
    """

    def __init__(self, folder: Path, server: str | None) -> None:
        self.folder = folder
        self.server = server

    def start(self, file: Path, executor: Executor) -> subprocess.Popen[bytes]:
        """Begins it, or goes on with it, in a session of its own."""
        words = ["run", str(file), "-o", str(self.folder), "-q", *executor.words]
        if self.server is not None:
            words += ["--calls", self.server]
        return subprocess.Popen(
            [sys.executable, "-c", "from harness.cli import main; main()", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=os.environ | {"LOOPBACK_KEY": "none", "OMP_NUM_THREADS": "1"},
        )

    def stored(self) -> dict[str, str]:
        """The names of the requests whose answers are stored, and when each was."""
        place = self.server or self.folder / "calls.sqlite"
        if isinstance(place, Path) and not place.exists():
            return {}
        with open_call_store(place) as store:
            return {
                name_of(json.loads(call.request)["messages"]): call.created_at.isoformat()
                for call in store
            }

    def artefacts(self) -> dict[str, tuple[str, str]]:
        """When each whole artefact was made, and the digest of what it holds."""
        store = RunFolder(self.folder, self.folder).artefacts
        return {a.folder.name: (a.about.created_at.isoformat(), content_digest(a)) for a in store}

    def finished_stages(self) -> int:
        """How many artefacts are in place."""
        folder = self.folder / "artefacts"
        return sum(p.name[0] != "." for p in folder.iterdir()) if folder.is_dir() else 0

    @property
    def drafts(self) -> list[Path]:
        """What killed writers left."""
        return sorted((self.folder / "artefacts").glob(".*.draft"))


class Stand:
    """The embedded demo with linear students over three seeds, its LLM on loopback.

    Args:
        folder: An empty folder for everything.
        latency_s: Seconds that the LLM takes to answer.
    """

    def __init__(self, folder: Path, *, latency_s: float = 0.03) -> None:
        self.folder = folder
        self.log = folder / "answered.log"
        self.log.touch()
        self.postgres: PostgresServer | None = None
        self._latency_s = latency_s
        self._llm: subprocess.Popen[str] | None = None
        self._port = 0
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        self.start_llm()
        self.file = self._experiment()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill_llm()
        if self.postgres is not None:
            self.postgres.stop()

    def answered(self) -> list[str]:
        """The names of the requests that the LLM answered, in order."""
        return self.log.read_text(encoding="ascii").split()

    def start_llm(self) -> None:
        """Starts the LLM server, on the port that it had before."""
        recordings = sorted(
            (benchmarks.experiments.NEWSROOM_DEMO.parents[1] / "demo/recordings").glob("*.jsonl")
        )
        words = [sys.executable, "-c", "from benchmarks.faults._llm import main; main()"]
        words += map(str, recordings)
        words += ["--log", str(self.log), "--port", str(self._port)]
        words += ["--latency", str(self._latency_s)]
        deadline = time.monotonic() + 60
        while True:
            self._llm = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
            assert self._llm.stdout is not None
            if line := self._llm.stdout.readline().strip():
                self._port = int(line)
                return
            self.kill_llm()
            if time.monotonic() > deadline:
                raise RuntimeError("the LLM server does not start")

    def kill_llm(self) -> None:
        """Ends the LLM server as SIGKILL does."""
        if self._llm is not None:
            self._llm.kill()
            self._llm.wait()
            if self._llm.stdout is not None:
                self._llm.stdout.close()
        self._llm = None

    def run(self, name: str, *, on_server: bool) -> Run:
        """A new run, whose calls are in a file or on the PostgreSQL server."""
        address = None
        if on_server:
            if self.postgres is None:
                programs = server_programs()
                assert programs is not None, "there is no PostgreSQL server"
                self.postgres = PostgresServer(programs)
                self.postgres.start()
            address = self.postgres.make(f"calls{next(self._numbers)}")
        return Run(self.folder / name, address)

    def _experiment(self) -> Path:
        shipped = benchmarks.experiments.NEWSROOM_DEMO
        text = shipped.read_text(encoding="utf-8").replace("../", f"{shipped.parent.parent}/")
        document = yaml.safe_load(text.replace("entity_marker.v1", "linear.v1"))
        del document["systems"]["linear-plain"]  # now the same as plain
        document["seeds"] = {"training": list(range(1, 1 + _TRAINING_SEEDS))}
        document["statistics"] = {"resamples": 1000}
        document["backends"]["teacher"].update(
            use="openai",
            options={
                "model": "demo",
                "base_url": f"http://127.0.0.1:{self._port}/v1",
                "api_key_env": "LOOPBACK_KEY",
                "concurrency": 4,
                "max_retries": 20,
            },
        )
        file = self.folder / "demo.yaml"
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return file
