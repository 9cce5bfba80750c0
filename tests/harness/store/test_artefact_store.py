"""Artefacts: whole or absent, whoever writes them, dies or tampers."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ArtefactError
from harness.store import Artefact, ArtefactStore, content_digest, content_hash, folder_digest

KEY = content_hash("one")
OTHER = content_hash("other")


@pytest.fixture
def store(tmp_path: Path) -> ArtefactStore:
    return ArtefactStore(tmp_path / "artefacts")


def write(store: ArtefactStore, text: str = "hello", *, key: str = KEY) -> Artefact:
    with store.writing("train", key, inputs={"rows": OTHER}, config={"epochs": 3}) as draft:
        (draft.content / "deep" / "er").mkdir(parents=True)
        (draft.content / "a.txt").write_text(text)
        (draft.content / "deep" / "er" / "b.bin").write_bytes(b"\0\1")
        draft.timings["fit"] = 1.5
        draft.notes["loss"] = [0.5, 0.25]
    found = store.find("train", key)
    assert found is not None
    return found


def names(store: ArtefactStore) -> list[str]:
    return sorted(path.name for path in store.root.iterdir() if path.name != ".publish.lock")


def test_a_written_artefact_is_found_with_its_content_and_what_is_known_of_it(
    store: ArtefactStore,
) -> None:
    artefact = write(store)
    assert artefact.folder == store.root / f"train-{KEY[:20]}"
    assert (artefact.content / "a.txt").read_text() == "hello"
    about = artefact.about
    assert (about.stage, about.key, about.inputs) == ("train", KEY, {"rows": OTHER})
    assert (about.config, about.timings) == ({"epochs": 3}, {"fit": 1.5})
    assert about.notes == {"loss": [0.5, 0.25]}
    assert about.files == {"a.txt": 5, "deep/er/b.bin": 2}
    assert about.digest == content_digest(artefact)
    assert names(store) == [artefact.folder.name]


def test_what_was_not_written_is_not_found(store: ArtefactStore) -> None:
    assert store.find("train", KEY) is None
    assert list(store) == []
    assert store.sweep() == ()
    write(store)
    assert store.find("train", OTHER) is None
    assert store.find("predict", KEY) is None
    assert [artefact.key for artefact in store] == [KEY]


def test_nothing_is_found_before_the_block_has_ended(store: ArtefactStore) -> None:
    with store.writing("train", KEY) as draft:
        (draft.content / "a").write_text("x")
        assert store.find("train", KEY) is None
        assert list(store) == []
    assert store.find("train", KEY) is not None


@pytest.mark.parametrize("error", [RuntimeError("bad"), KeyboardInterrupt()])
def test_an_exception_leaves_nothing_behind_and_passes_through(
    store: ArtefactStore, error: BaseException
) -> None:
    with pytest.raises(type(error)), store.writing("train", KEY) as draft:
        (draft.content / "a").write_text("x")
        raise error
    assert names(store) == []
    assert store.find("train", KEY) is None


def test_where_two_write_the_same_artefact_the_first_to_finish_stays(store: ArtefactStore) -> None:
    with store.writing("train", KEY) as slow:
        (slow.content / "a.txt").write_text("slow")
        first = write(store, "quick")
    found = store.find("train", KEY)
    assert found == first
    assert (first.content / "a.txt").read_text() == "quick"
    assert names(store) == [first.folder.name]


def lose_about(folder: Path) -> None:
    (folder / "about.json").unlink()


def cut_about(folder: Path) -> None:
    text = (folder / "about.json").read_text()
    (folder / "about.json").write_text(text[: len(text) // 2])


def change_key(folder: Path) -> None:
    about = json.loads((folder / "about.json").read_text())
    about["stage"] = "predict"
    (folder / "about.json").write_text(json.dumps(about))


def lose_a_file(folder: Path) -> None:
    (folder / "content" / "a.txt").unlink()


def cut_a_file(folder: Path) -> None:
    (folder / "content" / "a.txt").write_text("hel")


def lose_content(folder: Path) -> None:
    shutil.rmtree(folder / "content")


@pytest.mark.parametrize(
    "tamper", [lose_about, cut_about, change_key, lose_a_file, cut_a_file, lose_content]
)
def test_an_artefact_that_is_not_whole_is_absent_and_can_be_written_again(
    store: ArtefactStore, tamper: Callable[[Path], None]
) -> None:
    tamper(write(store).folder)
    assert store.find("train", KEY) is None
    again = write(store, "again")
    assert (again.content / "a.txt").read_text() == "again"
    assert names(store) == [again.folder.name]


def test_two_keys_with_the_same_beginning_are_an_error_not_a_mix_up(store: ArtefactStore) -> None:
    write(store)
    twin = KEY[:20] + OTHER[20:]
    assert store.find("train", twin) is None
    with pytest.raises(ArtefactError, match="another artefact"), store.writing("train", twin):
        pass
    assert store.find("train", KEY) is not None


def test_equal_content_has_one_digest_whatever_the_key_times_and_timings(
    store: ArtefactStore,
) -> None:
    one = write(store)
    time.sleep(0.01)
    two = write(store, key=OTHER)
    assert content_digest(one) == content_digest(two)
    assert one.about.created_at != two.about.created_at


def test_changed_moved_and_renamed_files_change_the_digest(tmp_path: Path) -> None:
    def digest(**files: str) -> str:
        folder = tmp_path / content_hash(files)
        for name, text in files.items():
            file = folder / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return folder_digest(folder)

    digests = [
        digest(a="1", b="2"),
        digest(a="2", b="1"),
        digest(a="1", c="2"),
        digest(a="12"),
        digest(a="1", x__b="2"),
    ]
    assert len(set(digests)) == 5


@pytest.mark.parametrize(
    ("stage", "key"),
    [("../x", KEY), ("Train", KEY), ("", KEY), ("train", "ab"), ("train", "z" * 40)],
)
def test_names_that_could_leave_the_store_are_refused(
    store: ArtefactStore, stage: str, key: str
) -> None:
    with pytest.raises(ValueError, match="is not a"):
        store.find(stage, key)


def test_a_store_that_cannot_be_made_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with (
        pytest.raises(ArtefactError, match=r"cannot be written: .*\n.*writable"),
        ArtefactStore(tmp_path / "taken").writing("train", KEY),
    ):
        pass


def test_errors_of_the_stage_itself_are_not_taken_for_the_stores(store: ArtefactStore) -> None:
    with pytest.raises(FileNotFoundError), store.writing("train", KEY) as draft:
        (draft.content / "absent").read_text()


# -- killed writers ------------------------------------------------------------------------

WRITER = """
import sys, time
from pathlib import Path
from harness.store import ArtefactStore

with ArtefactStore(Path(sys.argv[1])).writing("train", sys.argv[2]) as draft:
    (draft.content / "a.txt").write_text("from a child")
    print("writing", flush=True)
    sys.stdin.readline()
print("written", flush=True)
"""


def start_writer(store: ArtefactStore, key: str = KEY) -> subprocess.Popen[str]:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.root), key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    return writer


def test_what_a_killed_writer_leaves_is_ignored_and_swept(store: ArtefactStore) -> None:
    writer = start_writer(store)
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert len(names(store)) == 2  # its draft and its lock
    assert store.find("train", KEY) is None
    assert list(store) == []
    swept = store.sweep()
    assert [name.startswith(f".train-{KEY[:20]}.") for name in swept] == [True]
    assert names(store) == []
    assert store.sweep() == ()


def test_sweeping_leaves_a_live_writer_alone(store: ArtefactStore) -> None:
    dead, live = start_writer(store, OTHER), start_writer(store)
    dead.send_signal(signal.SIGKILL)
    dead.communicate()
    assert len(store.sweep()) == 1
    out, _ = live.communicate("go on\n")
    assert (out, live.returncode) == ("written\n", 0)
    found = store.find("train", KEY)
    assert found is not None
    assert (found.content / "a.txt").read_text() == "from a child"
    assert names(store) == [found.folder.name]


def test_a_draft_without_a_lock_is_swept(store: ArtefactStore) -> None:
    (store.root / f".train-{KEY[:20]}.0123456789abcdef.draft" / "content").mkdir(parents=True)
    assert len(store.sweep()) == 1
    assert names(store) == []


def _race(root: str, worker: int, rounds: int) -> None:
    store = ArtefactStore(Path(root))
    for number in range(rounds):
        key = content_hash(number)
        store.sweep()
        if store.find("train", key) is None:
            with store.writing("train", key) as draft:
                (draft.content / "a.txt").write_text(f"round {number}")
                (draft.content / "who").write_text(str(worker))
        assert store.find("train", key) is not None


def test_writers_and_sweepers_of_several_processes_do_not_disturb_each_other(
    store: ArtefactStore,
) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_race, args=(str(store.root), n, 25)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert len(list(store)) == 25
    assert all(content_digest(artefact) == artefact.about.digest for artefact in store)
    assert len(names(store)) == 25


BUSY_WRITER = """
import sys
from pathlib import Path
from harness.store import ArtefactStore, content_hash

store = ArtefactStore(Path(sys.argv[1]))
for number in range(100_000):
    with store.writing("train", content_hash(number)) as draft:
        for part in range(3):
            (draft.content / f"{part}.txt").write_text(f"{number} {part} " * 500)
    print(number, flush=True)
"""


@pytest.mark.parametrize("seconds", [0.0, 0.013, 0.04, 0.09])
def test_a_writer_killed_at_any_moment_leaves_only_whole_artefacts(
    store: ArtefactStore, seconds: float
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", BUSY_WRITER, str(store.root)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    first = writer.stdout.readline()
    time.sleep(seconds)
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate(timeout=30)
    done = [int(line) for line in [first, *rest.splitlines()]]
    assert all(store.find("train", content_hash(number)) is not None for number in done)
    whole = list(store)
    assert all(content_digest(artefact) == artefact.about.digest for artefact in whole)
    store.sweep()
    assert names(store) == [artefact.folder.name for artefact in whole]
