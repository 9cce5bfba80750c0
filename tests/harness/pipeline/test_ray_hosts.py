"""Two hosts, as network namespaces of this machine, one of which dies in mid-run."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.experiments import NEWSROOM_DEMO
from harness.pipeline import RunFolder, run_experiment
from harness.report import report_run, same_results
from harness.store import content_digest

pytest.importorskip("ray")
pytest.importorskip("fsspec")
pytestmark = pytest.mark.slow

PORT = 6391


@dataclass(frozen=True)
class Host:
    """A network namespace with one address."""

    name: str
    address: str

    def start(self, words: Sequence[str], log: Path, **env: str) -> subprocess.Popen[bytes]:
        """Starts a command there, in a session of its own."""
        with log.open("wb") as stream:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, *words],
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                env=os.environ | env,
            )

    def kill(self) -> None:
        """Ends everything that runs there, at once."""
        found = _ip("netns", "pids", self.name).stdout.split()
        for process in map(int, found):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """Two namespaces, joined by a cable."""
    if shutil.which("ip") is None or os.getuid() != 0:
        pytest.skip("network namespaces need root and the command ip")
    tag = uuid.uuid4().hex[:6]
    pair = tuple(Host(f"cd{tag}{end}", f"10.213.77.{n}") for n, end in enumerate("ab", start=1))
    made = _ip("netns", "add", pair[0].name)
    if made.returncode:
        pytest.skip(f"network namespaces are not available here: {made.stderr.strip()}")
    try:
        _ip("netns", "add", pair[1].name)
        ends = [f"v{tag}a", f"v{tag}b"]
        cable = _ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        if cable.returncode:
            pytest.skip(f"a veth pair cannot be made here: {cable.stderr.strip()}")
        for host, end in zip(pair, ends, strict=True):
            _ip("link", "set", end, "netns", host.name)
            for words in (
                ("addr", "add", f"{host.address}/24", "dev", end),
                ("link", "set", end, "up"),
                ("link", "set", "lo", "up"),
            ):
                done = _ip("-n", host.name, *words)
                assert done.returncode == 0, done.stderr
        yield pair  # type: ignore[misc]
    finally:
        for host in pair:
            host.kill()
            _ip("netns", "del", host.name)


def until(what: Callable[[], Any], log: Path, seconds: float = 180) -> None:
    """Waits until ``what`` gives something."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, log.read_text(errors="replace")[-3000:]
        time.sleep(0.05)


def experiment(folder: Path) -> Path:
    """The demo with linear students over two training seeds."""
    text = NEWSROOM_DEMO.read_text(encoding="utf-8")
    text = text.replace("../", f"{NEWSROOM_DEMO.parent.parent}/")
    text = text.replace("entity_marker.v1", "linear.v1").replace(
        "training: [1]", "training: [1, 2]"
    )
    file = folder / "demo.yaml"
    file.write_text(text + "statistics: {resamples: 200}\n", encoding="utf-8")
    return file


def test_a_run_on_two_hosts_outlives_the_second(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    first, second = hosts
    file, run, storage = experiment(tmp_path), tmp_path / "run", tmp_path / "storage"
    env = {"RAY_worker_niceness": "0", "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    env |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    where = (
        (f"--port={PORT}", "--head", "--include-dashboard=false"),
        (f"--address={first.address}:{PORT}",),
    )
    logs = [tmp_path / f"ray-{host.name}" for host in hosts]
    for host, words, log in zip(hosts, where, logs, strict=True):
        start = (
            *(sys.executable, "-m", "ray.scripts.scripts", "start", *words, "--block"),
            *("--num-cpus=1", f"--node-ip-address={host.address}"),
            "--object-store-memory=100000000",
        )
        up = host.start(start, log, **env)
        until(lambda: "runtime started" in log.read_text(errors="replace") or up.poll(), log)  # noqa: B023
        assert up.poll() is None, log.read_text(errors="replace")[-3000:]
    said = tmp_path / "said"
    driver = first.start(
        [
            *(sys.executable, "-c", "from harness.cli import main; main()", "run", str(file)),
            *("-o", str(run), "--store", f"file://{storage}"),
            *("--executor", "ray", "--address", f"{first.address}:{PORT}"),
        ],
        said,
        **env,
    )
    until(lambda: len(list(storage.glob("train-*/whole.json"))) >= 2 or driver.poll(), said)
    assert driver.poll() is None, said.read_text(errors="replace")[-3000:]
    second.kill()
    assert driver.wait(300) == 0, said.read_text(errors="replace")[-3000:]

    there = RunFolder.open(run)
    here = run_experiment(file, folder=tmp_path / "here", jobs=1)
    digests = [{a.folder.name: content_digest(a) for a in r.artefacts} for r in (here, there)]
    assert digests[0] == digests[1]
    assert same_results(report_run(here.folder), report_run(there.folder)) == []
