"""Several processes on one call store; and what is left when one of them is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness.protocols import Completion, Message, ModelIdentity, Request
from harness.store import StoredCall, open_call_store

WRITER = """
import sys
from harness.protocols import Completion, Message, ModelIdentity, Request
from harness.store import StoredCall, open_call_store

file, first, step, count = sys.argv[1], *map(int, sys.argv[2:])
with open_call_store(file) as store:
    for number in range(first, first + step * count, step):
        request = Request((Message("user", str(number)),))
        completion = Completion(request, f"answer {number} " + "x" * 2000)
        store.put(StoredCall.of(model=ModelIdentity("m"), completion=completion, run="r"))
        print(number, flush=True)
"""


def start_writer(file: Path, *, first: int, step: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(file), str(first), str(step), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def key_of(number: int) -> str:
    request = Request((Message("user", str(number)),))
    return StoredCall.of(model=ModelIdentity("m"), completion=Completion(request, ""), run="r").key


def test_processes_that_start_and_write_at_once_lose_nothing_and_meet_no_lock(
    tmp_path: Path,
) -> None:
    file = tmp_path / "calls.sqlite"  # not there yet: they race to make it, too
    writers = [start_writer(file, first=first, step=2, count=120) for first in range(4)]
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert (writer.returncode, errors) == (0, "")
    with open_call_store(file) as store:
        assert store.count() == 242  # two pairs write the same keys, but for their ends
        assert len(store.get_many(key_of(number) for number in range(242))) == 242


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.05, 0.11, 0.23])
def test_every_answer_whose_put_returned_survives_sigkill(tmp_path: Path, seconds: float) -> None:
    file = tmp_path / "calls.sqlite"
    writer = start_writer(file, first=0, step=1, count=100_000)
    assert writer.stdout is not None
    first = writer.stdout.readline()
    time.sleep(seconds)
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate(timeout=30)
    assert writer.returncode == -signal.SIGKILL
    returned = [int(line) for line in [first, *rest.splitlines()] if line.strip().isdigit()]
    with open_call_store(file) as store:
        found = store.get_many(key_of(number) for number in returned)
        assert len(found) == len(returned) >= 1
        assert found[key_of(0)].text.startswith("answer 0 ")
        assert store.put(next(iter(found.values()))) is False  # and the file is writable


IN_A_LIMITED_PROCESS = """
import os, resource, signal, sys
from harness.errors import ArtefactError
from harness.protocols import Completion, Message, ModelIdentity, Request
from harness.store import StoredCall, open_call_store

def call(number):
    completion = Completion(Request((Message("user", str(number)),)), "x" * 5000)
    return StoredCall.of(model=ModelIdentity("m"), completion=completion, run="r")

file, limit = sys.argv[1:]
if limit == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
elif os.geteuid() == 0:
    os.seteuid(65534)
stored = 0
try:
    with open_call_store(file) as store:
        for number in range(1000, 2000):
            store.put(call(number))
            stored += 1
except ArtefactError as error:
    print(stored)
    print(error)
"""


def in_a_limited_process(file: Path, limit: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_LIMITED_PROCESS, str(file), limit],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


def test_a_full_disk_is_an_error_that_says_so_and_keeps_what_was_stored(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite"
    stored, message, hint = in_a_limited_process(file, "full")
    assert "failed:" in message
    assert hint.startswith("Free some space")
    with open_call_store(file) as store:
        assert store.count() == int(stored) > 0


def test_a_file_that_may_not_be_written_is_an_error_that_says_so() -> None:
    # Not tmp_path: an unprivileged process could not reach what lies in it.
    with tempfile.TemporaryDirectory() as name:
        folder, file = Path(name), Path(name, "calls.sqlite")
        with open_call_store(file):
            pass
        folder.chmod(0o777)
        file.chmod(0o444)
        stored, message, hint = in_a_limited_process(file, "read-only")
    assert stored == "0"
    assert "readonly" in message
    assert hint.startswith("Make the file and its folder writable")
