"""Content-addressed artefacts: each whole or absent, whoever dies while writing."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import ArtefactError
from harness.store._artefact import About, Artefact, Draft, files_of
from harness.store._held_lock import HeldLock

__all__ = ["ArtefactStore"]

_STAGE = re.compile(r"[a-z][a-z0-9_]*")
_KEY = re.compile(r"[0-9a-f]{20,}")
_PUBLISH = ".publish.lock"


class ArtefactStore:
    """A folder of artefacts named ``<stage>-<first 20 characters of the key>``.

    A draft is written in a hidden folder beside them, under a lock that dies with its writer,
    is flushed to disk and then renamed into place. Readers and writers of several processes may
    share the store. On a file system shared between machines it must support ``flock``.

    Args:
        root: The store's folder; made with the first artefact.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def place(self) -> Path | str:
        """Where another process finds it: a folder, or an address."""
        return self.root.resolve()

    def folder_of(self, stage: str, key: str) -> Path:
        """Where the artefact of ``key`` lies or would lie.

        Raises:
            ValueError: When the stage's name or the key has not the form of one.
        """
        if not _STAGE.fullmatch(stage):
            raise ValueError(f"{stage!r} is not a stage's name: lower-case letters, digits, _")
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not a key: at least 20 hexadecimal digits")
        return self.root / f"{stage}-{key[:20]}"

    def checkpoints_of(self, stage: str, key: str) -> Path:
        """Where a stage may keep what an interrupted call goes on from; it is not made here."""
        return self.root / ".checkpoints" / self.folder_of(stage, key).name

    def find(self, stage: str, key: str) -> Artefact | None:
        """Returns the finished artefact of ``key``, or None.

        One without a readable ``about.json``, with another key in it, or with a content file
        that is missing or of another size is not finished, and counts as absent.
        """
        return _finished(self.folder_of(stage, key), stage, key)

    def holds(self, stage: str, key: str) -> bool:
        """Whether the artefact of ``key`` is finished, for everyone who uses the store."""
        return self.find(stage, key) is not None

    def __iter__(self) -> Iterator[Artefact]:
        """All finished artefacts, by folder name."""
        if not self.root.is_dir():
            return
        for folder in sorted(self.root.iterdir()):
            if not folder.name.startswith(".") and (artefact := _read(folder)) is not None:
                yield artefact

    @contextlib.contextmanager
    def writing(
        self,
        stage: str,
        key: str,
        *,
        inputs: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
        components: Mapping[str, str] | None = None,
    ) -> Iterator[Draft]:
        """Writes an artefact: whole when the block ends, not at all when it raises.

        Yields a draft: files go into ``draft.content``, seconds into ``draft.timings``, other
        facts into ``draft.notes``. Where another process has finished the same artefact in the
        meantime, that one stays and this one is thrown away; ``find`` tells the one that counts.

        Args:
            stage: Name of the stage.
            key: The artefact's full key.
            inputs: The inputs' full keys by name.
            config: The stage's configuration, as JSON.
            components: Versioned names of the components used.

        Raises:
            ArtefactError: When the store cannot be written.
        """
        with self._aside(stage, key) as folder:
            with _named_errors(self.root):
                (folder / "content").mkdir(parents=True)
            draft = Draft(folder, stage, key, inputs or {}, config or {}, components or {}, {}, {})
            yield draft
            with _named_errors(self.root):
                text = draft.about().model_dump_json(indent=2)
                (folder / "about.json").write_text(text + "\n", encoding="utf-8")

    @contextlib.contextmanager
    def _aside(self, stage: str, key: str) -> Iterator[Path]:
        """A hidden folder, to be made and filled, that takes the artefact's place at the end."""
        target = self.folder_of(stage, key)
        with _named_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            folder = self._draft_folder(target)
            lock = HeldLock.take(_lock_of(folder), wait=True)
        assert lock is not None  # it waits, and makes the file
        try:
            yield folder
            with _named_errors(self.root):
                _flush(folder)
                self._publish(folder, stage, key)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.release(remove=not folder.exists())

    def sweep(self) -> tuple[str, ...]:
        """Removes what killed writers left behind; live writers are not disturbed.

        Returns:
            The names of the removed folders.
        """
        if not self.root.is_dir():
            return ()
        removed = []
        with _named_errors(self.root):
            for path in sorted(self.root.glob(".*.lock")):
                if path.name == _PUBLISH:
                    continue
                lock = HeldLock.take(path, wait=False, create=False)
                if lock is None:
                    continue
                folder = path.with_suffix(".draft")
                try:
                    if folder.exists():
                        shutil.rmtree(folder)
                        removed.append(folder.name)
                finally:
                    lock.release(remove=not folder.exists())
            # A draft is locked before it is made, so one without a lock has no writer any more.
            for folder in sorted(self.root.glob(".*.draft")):
                if not _lock_of(folder).exists():
                    with contextlib.suppress(FileNotFoundError):
                        shutil.rmtree(folder)
                        removed.append(folder.name)
        return tuple(removed)

    def _draft_folder(self, target: Path) -> Path:
        return self.root / f".{target.name}.{secrets.token_hex(8)}.draft"

    def _publish(self, folder: Path, stage: str, key: str) -> None:
        target = self.folder_of(stage, key)
        lock = HeldLock.take(self.root / _PUBLISH, wait=True)
        assert lock is not None  # it waits, and makes the file
        try:
            if _finished(target, stage, key) is not None:
                return
            if target.exists():
                self._refuse_other_key(key, target)
                # Not finished or tampered with: set aside where sweep finds it, then removed.
                aside = self._draft_folder(target)
                target.rename(aside)
                shutil.rmtree(aside, ignore_errors=True)
            folder.rename(target)
            _flush_folder(self.root)
        finally:
            lock.release(remove=False)

    def _refuse_other_key(self, key: str, target: Path) -> None:
        other = _read(target)
        if other is not None and other.key != key:
            raise ArtefactError(
                f"{target} holds another artefact whose key begins like this one's.",
                hint="Move that folder away, or use another store.",
            )


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _finished(folder: Path, stage: str, key: str) -> Artefact | None:
    artefact = _read(folder)
    if artefact is None or artefact.stage != stage or artefact.key != key:
        return None
    return artefact


def _read(folder: Path) -> Artefact | None:
    try:
        text = (folder / "about.json").read_text(encoding="utf-8")
        about = About.model_validate_json(text)
        content = folder / "content"
        whole = content.is_dir() and all(
            (content / name).stat().st_size == size for name, size in about.files.items()
        )
    except (OSError, UnicodeDecodeError, ValidationError):
        return None
    return Artefact(folder, about.stage, about.key, about) if whole else None


def _flush(folder: Path) -> None:
    """Has everything below ``folder`` written to disk, folders included."""
    for path in files_of(folder):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
    for path in [folder, *(p for p in folder.rglob("*") if p.is_dir())]:
        _flush_folder(path)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _named_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArtefactError(
            f"The artefact store {root} cannot be written: {error.strerror or error}.",
            hint="Check that the folder is writable and that its disk has space, then resume.",
        ) from error
