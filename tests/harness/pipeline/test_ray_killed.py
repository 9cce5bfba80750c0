"""SIGKILL of the driver and of workers in mid-run on Ray: no answer is asked for again."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed.loopback import LoopbackServer, completion_body
from harness.costs import prompt_tokens
from harness.pipeline import RunFolder, run_experiment
from harness.report import report_run, same_results
from harness.store import content_digest, open_call_store

pytest.importorskip("ray")
pytest.importorskip("openai")
pytestmark = pytest.mark.slow

CALLS = 36 + 3 + 12
AT_ONCE = 2
TASK = re.compile(r"^ray::(?!IDLE|\w*Agent)")
AT_WORK = re.compile(rf"{TASK.pattern}|raylet/raylet ")
# Claims of a killed process end after a minute; the test does not wait that long.
SHORT_CLAIMS = """\
import harness.pipeline._claims as claims
claims.Claims.__init__.__kwdefaults__["seconds"] = 2.0
"""


class CountingServer:
    """Answers as the small task's recording, and numbers every answer."""

    def __init__(self, recording: Path) -> None:
        lines = recording.read_text(encoding="utf-8").splitlines()
        self._answers = {
            json.dumps(row["messages"]): row["response"] for row in map(json.loads, lines)
        }
        self.asked: list[str] = []
        self.server = LoopbackServer(self._answer, latency_s=0.15)

    def _answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        prompt = json.dumps(body["messages"])
        self.asked.append(prompt)
        number = len(self.asked) - 1  # comes back as the tokens of the prompt
        usage = {"prompt_tokens": number, "completion_tokens": 1, "total_tokens": number + 1}
        return completion_body("some-llm", self._answers.get(prompt, "none"), usage=usage)


def on_server(small_task: Any, server: LoopbackServer) -> Path:
    def change(document: dict[str, Any]) -> None:
        document["resources"] = {"extract": {"cpus": 0.5}, "label": {"cpus": 0.5}}
        document["backends"]["teacher"] = {
            "use": "openai",
            "options": {"model": "some-llm", "base_url": server.base_url, "concurrency": AT_ONCE},
        }

    return small_task.changed(change)  # type: ignore[no-any-return]


def stored(folder: Path) -> dict[str, int]:
    """Stored answers by their key, each with its number at the server."""
    if not (folder / "calls.sqlite").exists():
        return {}
    with open_call_store(folder / "calls.sqlite") as calls:
        return {call.key: prompt_tokens(call.usage) or 0 for call in calls}


def artefacts(folder: Path) -> dict[str, tuple[str, str]]:
    run = RunFolder.at(folder)
    return {
        a.folder.name: (a.about.created_at.isoformat(), content_digest(a)) for a in run.artefacts
    }


def processes_of(session: int) -> Iterator[tuple[int, str]]:
    """The living processes that a driver began, each with its command line."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                yield int(entry.name), words


def until(what: Callable[[], Any], driver: subprocess.Popen[bytes], seconds: float = 240) -> Any:
    """What ``what`` gives once it gives something; None where the driver ends before."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end
        if driver.poll() is not None:
            return None
        time.sleep(0.01)
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_kills_of_driver_and_workers_repeat_no_answer_and_change_no_table(
    small_task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    counting = CountingServer(small_task.folder / "teacher.jsonl")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SHORT_CLAIMS)
    env = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "OMP_NUM_THREADS": "1"}
    moments = random.Random()
    killed = tmp_path / "killed"
    before: dict[str, tuple[str, str]] = {}
    kills = 0
    with counting.server as server:
        file = on_server(small_task, server)
        unbroken = run_experiment(file, folder=tmp_path / "unbroken", jobs=1)
        assert len(counting.asked) == CALLS
        counting.asked.clear()

        for victims in (["driver"], ["worker", "driver"], ["worker"]):
            words = ["run", str(file), "-o", str(killed), "-q", "--executor", "ray", "--jobs", "2"]
            driver = subprocess.Popen(
                [sys.executable, "-c", "from harness.cli import main; main()", *words],
                stdout=subprocess.DEVNULL,
                stderr=(tmp_path / "said").open("wb"),
                start_new_session=True,
                env=env,
            )
            for victim in victims:
                mark = len(counting.asked) + moments.randint(1, 10)
                if until(lambda mark=mark: len(counting.asked) >= mark, driver) is None:
                    break
                at_work = [
                    process for process, words_ in processes_of(driver.pid) if TASK.search(words_)
                ]
                if victim == "driver":
                    os.kill(driver.pid, signal.SIGKILL)
                elif at_work:
                    os.kill(moments.choice(at_work), signal.SIGKILL)
                kills += 1
            driver.wait(240)
            if driver.returncode < 0:
                # No task outlives the driver that began it; Ray's agents and unused workers may.
                end = time.monotonic() + 30
                while left := [w for _, w in processes_of(driver.pid) if AT_WORK.search(w)]:
                    assert time.monotonic() < end, left
                    time.sleep(0.1)
            else:
                assert driver.returncode == 0, (tmp_path / "said").read_text()

            answers, now = stored(killed), artefacts(killed)
            assert {name: now[name] for name in before} == before, "a finished stage was repeated"
            asked = Counter(counting.asked)
            for number in answers.values():
                kept = counting.asked[number]
                last = max(n for n, prompt in enumerate(counting.asked) if prompt == kept)
                # What is asked again was under way when its asker was killed, and not stored.
                assert last == number, f"asked {asked[kept]} times, again after it was stored"
            before = now

    assert {name: digest for name, (_, digest) in before.items()} == {
        a.folder.name: content_digest(a) for a in unbroken.artefacts
    }
    assert len(answers) == CALLS == len(set(counting.asked))
    assert kills >= 3
    assert len(counting.asked) <= CALLS + 2 * AT_ONCE * kills  # two stages ask at a time
    results = [report_run(folder) for folder in (unbroken.folder, killed)]
    told = same_results(*results)
    assert [line for line in told if "tokens" not in line] == []
