"""An LLM server that counts: it answers from recordings and notes each answer as it is given.

``Stand`` runs it in a process of its own. The note is on disk before the answer is on the wire, so
that it outlives a SIGKILL of the server.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.loopback import LoopbackServer

__all__ = ["main", "name_of"]


def name_of(messages: Sequence[Mapping[str, str]]) -> str:
    """A short name of a request, from what is asked in it."""
    plain = [[message["role"], message["content"]] for message in messages]
    return hashlib.sha256(json.dumps(plain).encode("ascii")).hexdigest()[:20]


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until it is killed."""
    parser = argparse.ArgumentParser(prog="llm")
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.03)
    chosen = parser.parse_args(arguments)
    answers = {}
    for file in chosen.recordings:
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            answers[name_of(row["messages"])] = row["response"]
    with chosen.log.open("a", encoding="ascii", buffering=1) as log:

        def answer(body: Mapping[str, Any]) -> str:
            name = name_of(body["messages"])
            text = str(answers[name])
            log.write(f"{name}\n")
            return text

        server = LoopbackServer(answer, latency_s=chosen.latency, port=chosen.port, keep=False)
        server.start()
        print(server.port, flush=True)
        threading.Event().wait()
