"""Artefacts in a storage that many machines reach, with a folder of this machine in front of it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import ValidationError

from harness.documents import FileModel
from harness.errors import ArtefactError, CalldistilError, MissingExtraError
from harness.store._artefact import About, Artefact, Draft, files_of
from harness.store._artefact_store import ArtefactStore

__all__ = ["SharedArtefacts", "is_storage", "open_artefact_store"]

_URL = re.compile(r"[a-z][a-z0-9+.-]*(::[a-z][a-z0-9+.-]*)*://", re.IGNORECASE)
_MARKER = "whole.json"


class _StoredFile(FileModel):
    """A file of a published artefact."""

    size: int
    sha256: str


class _Whole(FileModel):
    """What ``whole.json`` of a published artefact holds; written when everything else is there.

    Attributes:
        format: Version of this file's form.
        at: Name of the folder beside it that holds the files.
        files: Every file by its POSIX path, ``about.json`` and what lies beside it too.
    """

    format: Literal[1] = 1
    at: str
    files: dict[str, _StoredFile]


class SharedArtefacts(ArtefactStore):
    """Artefacts under an address of fsspec (``s3://bucket/folder``), fetched when they are read.

    Stages write into a folder of this machine, as they do without a storage. A finished artefact is
    uploaded under a random name; then ``whole.json``, which tells that name and the hash of every
    file, makes it visible at once. What is fetched is checked against these hashes.

    Args:
        root: The folder of this machine: what was made here or fetched before.
        url: The address. Credentials come from the environment, as the file system's client reads
            them.

    Raises:
        MissingExtraError: When fsspec is not installed.
        ArtefactError: When no file system is known for the address.
    """

    def __init__(self, root: Path, url: str) -> None:
        super().__init__(root)
        self.url = url.rstrip("/")
        self._fs, self._base = _file_system(self.url)

    @property
    def place(self) -> str:
        """The address."""
        return self.url

    def find(self, stage: str, key: str) -> Artefact | None:
        """Returns the finished artefact of ``key``, fetched where it lies in the storage alone.

        Raises:
            ArtefactError: When the storage cannot be read, or holds other bytes than were written.
        """
        here = super().find(stage, key)
        if here is not None:
            return here
        whole = self._whole(stage, key)
        if whole is None:
            return None
        with self._aside(stage, key) as folder:
            self._fetch(whole, stage, key, folder)
        return super().find(stage, key)

    def holds(self, stage: str, key: str) -> bool:
        """Whether the storage has the artefact.

        One that an interrupted process finished here and could not upload is uploaded now.
        """
        if self._whole(stage, key) is not None:
            return True
        here = super().find(stage, key)
        if here is not None:
            self._upload(here)
        return here is not None

    def __iter__(self) -> Iterator[Artefact]:
        """All finished artefacts of the storage, by folder name; each is fetched."""
        with _named_errors(self.url):
            self._fs.invalidate_cache()
            try:
                names = sorted(PurePosixPath(path).name for path in self._fs.ls(self._base, False))
            except FileNotFoundError:
                names = []
        for name in names:
            if (whole := self._marker(name)) is not None:
                text = self._read(f"{self._base}/{name}/{whole.at}/about.json")
                if text is None:
                    raise self._damaged(name, "about.json")
                about = About.model_validate_json(text)
                if (artefact := self.find(about.stage, about.key)) is not None:
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
        """Writes an artefact here and then to the storage: whole, or not at all.

        Raises:
            ArtefactError: When either cannot be written. What is finished here is uploaded by the
                next call of ``holds``.
        """
        with super().writing(
            stage, key, inputs=inputs, config=config, components=components
        ) as draft:
            yield draft
        self.holds(stage, key)

    def _whole(self, stage: str, key: str) -> _Whole | None:
        return self._marker(self.folder_of(stage, key).name)

    def _marker(self, name: str) -> _Whole | None:
        text = self._read(f"{self._base}/{name}/{_MARKER}")
        if text is None:
            return None
        try:
            return _Whole.model_validate_json(text)
        except ValidationError:
            raise self._damaged(name, _MARKER) from None

    def _read(self, path: str) -> bytes | None:
        """A small file's bytes; None where there is none."""
        with _named_errors(self.url):
            try:
                return bytes(self._fs.cat_file(path))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def _fetch(self, whole: _Whole, stage: str, key: str, folder: Path) -> None:
        name = self.folder_of(stage, key).name
        (folder / "content").mkdir(parents=True)
        for inner, stored in whole.files.items():
            path = PurePosixPath(inner)
            if path.is_absolute() or ".." in path.parts or "\\" in inner:
                raise self._damaged(name, inner)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with _named_errors(self.url):
                try:
                    self._fs.get_file(f"{self._base}/{name}/{whole.at}/{inner}", str(target))
                except FileNotFoundError:
                    raise self._damaged(name, inner) from None
            if _described(target) != stored:
                raise self._damaged(name, inner)

    def _upload(self, artefact: Artefact) -> None:
        at = secrets.token_hex(8)
        base = f"{self._base}/{artefact.folder.name}"
        files = {}
        with _named_errors(self.url):
            for file in files_of(artefact.folder):
                inner = file.relative_to(artefact.folder).as_posix()
                target = f"{base}/{at}/{inner}"
                self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
                self._fs.put_file(str(file), target)
                files[inner] = _described(file)
            text = _Whole(at=at, files=files).model_dump_json().encode("utf-8")
            self._make_visible(f"{base}/{_MARKER}", text)

    def _make_visible(self, path: str, text: bytes) -> None:
        """Writes the marker in one step; object stores do that by themselves."""
        if "file" not in _protocols(self._fs):
            self._fs.pipe_file(path, text)
            return
        aside = f"{path}.{secrets.token_hex(4)}"
        self._fs.pipe_file(aside, text)
        Path(aside).replace(path)

    def _damaged(self, name: str, file: str) -> ArtefactError:
        return ArtefactError(
            f"{self.url}/{name} is damaged: {file} is not what was written.",
            hint=f"Remove {self.url}/{name} and run again: that stage alone is made anew.",
        )


def is_storage(place: object) -> bool:
    """Whether ``place`` is an address of a storage rather than a folder."""
    return isinstance(place, str) and _URL.match(place) is not None


def open_artefact_store(place: Path | str, *, cache: Path | None = None) -> ArtefactStore:
    """Opens a store of artefacts.

    Args:
        place: A folder, which several machines may share, or an address that fsspec knows, such as
            ``s3://bucket/folder``.
        cache: The folder of this machine in front of an address; left out, one in
            ``$CALLDISTIL_SCRATCH`` or the system's folder for temporary files.

    Raises:
        MissingExtraError: When it is an address and the extra ``storage`` is not installed.
        ArtefactError: When no file system is known for the address.
    """
    if not is_storage(place):
        return ArtefactStore(Path(place))
    return SharedArtefacts(cache or _scratch(str(place)), str(place))


def _scratch(url: str) -> Path:
    """One folder per storage and user, shared by the processes of this machine."""
    base = os.environ.get("CALLDISTIL_SCRATCH")
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(base) if base else Path(tempfile.gettempdir()) / f"calldistil-{user}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not base and hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise ArtefactError(
            f"{folder} belongs to another user.",
            hint="Set CALLDISTIL_SCRATCH to a folder of yours.",
        )
    return folder / hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:16]


def _described(file: Path) -> _StoredFile:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return _StoredFile(size=file.stat().st_size, sha256=digest)


def _protocols(fs: Any) -> tuple[str, ...]:
    named = fs.protocol
    return (named,) if isinstance(named, str) else tuple(named)


def _file_system(url: str) -> tuple[Any, str]:
    try:
        fsspec = importlib.import_module("fsspec")
    except ImportError:
        raise MissingExtraError(
            package="fsspec", extra="storage", feature=f"The storage {url}"
        ) from None
    try:
        fs, base = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise ArtefactError(
            f"The storage {url} needs another package: {error}",
            hint="For s3:// it is s3fs: pip install s3fs.",
        ) from None
    except ValueError as error:
        raise ArtefactError(
            f"The storage {url} is not known: {error}.",
            hint="Name a folder, or an address such as s3://bucket/folder.",
        ) from None
    return fs, str(base).rstrip("/")


@contextlib.contextmanager
def _named_errors(url: str) -> Iterator[None]:
    try:
        yield
    except CalldistilError:
        raise
    except Exception as error:  # every client has its own
        raise ArtefactError(
            f"The storage {url} cannot be used: {type(error).__name__}: {error}.",
            hint="Check its address, your credentials and the network, then run again: finished"
            " stages are kept.",
        ) from error
