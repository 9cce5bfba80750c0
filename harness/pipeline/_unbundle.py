"""Unpacks a bundle into a folder that can be run; trusts nothing in it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import lzma
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from harness.errors import DataError, Problem
from harness.pipeline._bundle_form import (
    CALLS_FILE,
    CONTENTS_FILE,
    BundleContents,
    BundledCall,
    BundledFile,
)
from harness.store import StoredCall, open_call_store

__all__ = ["unbundle"]

_CHUNK = 1 << 20
_MOST_CONTENTS = 64 << 20
_MOST_LINE = 64 << 20
_BATCH = 500
_PLAIN = re.compile(r"[^\x00-\x1f\x7f\\:]+")


def unbundle(file: Path, folder: Path) -> BundleContents:
    """Unpacks a bundle into an empty or new folder, with its calls in a call store.

    Every file is checked against the bundle's table of contents: its place, size and hash.
    Nothing is executed, and nothing is written outside of the folder.

    Args:
        file: The bundle.
        folder: The folder to make; ``calldistil run FOLDER/experiment.yaml --output FOLDER``
            replays it.

    Returns:
        The table of contents.

    Raises:
        DataError: When it is not a bundle, or is damaged; nothing is left of it then.
    """
    if folder.exists() and any(folder.iterdir()):
        raise DataError([Problem("the folder is not empty", "name a new one", folder)])
    try:
        with zipfile.ZipFile(file) as archive:
            contents = _contents(archive, file)
            _check_names(archive, contents, file)
            aside = folder.with_name(f".{folder.name}.partial")
            shutil.rmtree(aside, ignore_errors=True)
            try:
                aside.mkdir(parents=True)
                for entry in contents.files:
                    if entry.name != CALLS_FILE:
                        _unpack(archive, entry, aside, file)
                _unpack_calls(archive, contents, aside, file)
                if folder.exists():
                    folder.rmdir()
                aside.replace(folder)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise _damaged(file, f"it is not a zip file that can be read: {error}") from None
    except RuntimeError as error:  # zipfile's error for encrypted members
        raise _damaged(file, str(error)) from None
    except FileNotFoundError:
        raise DataError([Problem("there is no such file", "check the path", file)]) from None
    return contents


def _contents(archive: zipfile.ZipFile, file: Path) -> BundleContents:
    try:
        info = archive.getinfo(CONTENTS_FILE)
    except KeyError:
        raise _damaged(file, f"it has no {CONTENTS_FILE}, so it is no bundle") from None
    if info.file_size > _MOST_CONTENTS:
        raise _damaged(file, f"its {CONTENTS_FILE} is larger than any bundle's")
    with _unpacking(file), archive.open(info) as stream:
        raw = stream.read(_MOST_CONTENTS + 1)
    try:
        return BundleContents.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _damaged(file, f"{CONTENTS_FILE}: {place}: {first['msg']}") from None


def _check_names(archive: zipfile.ZipFile, contents: BundleContents, file: Path) -> None:
    """Every name once, relative, and only those that the table of contents has."""
    names = [info.filename for info in archive.infolist()]
    listed = [entry.name for entry in contents.files]
    if len(set(names)) != len(names) or len(set(listed)) != len(listed):
        raise _damaged(file, "a file stands in it twice")
    if set(names) != {CONTENTS_FILE, *listed}:
        raise _damaged(file, "its files are not those of its table of contents")
    if CALLS_FILE not in listed:
        raise _damaged(file, f"it has no {CALLS_FILE}")
    folded = [name.casefold() for name in listed]
    if len(set(folded)) != len(folded):
        raise _damaged(file, "two names differ in their case alone")
    for name in listed:
        parts = name.split("/")
        safe = _PLAIN.fullmatch(name) and all(p not in ("", ".", "..") for p in parts)
        if not safe or len(name) > 500:
            raise _damaged(file, f"the name {name[:80]!r} is not one of a bundle")


def _unpack(archive: zipfile.ZipFile, entry: BundledFile, folder: Path, file: Path) -> None:
    target = folder.joinpath(*entry.name.split("/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        for chunk in _checked(archive, entry, file):
            out.write(chunk)


def _unpack_calls(
    archive: zipfile.ZipFile, contents: BundleContents, folder: Path, file: Path
) -> None:
    entry = next(entry for entry in contents.files if entry.name == CALLS_FILE)
    seen: set[str] = set()
    batch: list[StoredCall] = []
    with open_call_store(folder / "calls.sqlite") as store:
        for number, raw in enumerate(_lines(_checked(archive, entry, file), file), start=1):
            try:
                call = BundledCall.model_validate(json.loads(raw)).stored()
            except (ValidationError, ValueError, RecursionError) as error:
                what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
                raise _damaged(file, f"{CALLS_FILE}, line {number}: {what}") from None
            if call.key in seen:
                raise _damaged(file, f"{CALLS_FILE}, line {number}: the call stands there twice")
            seen.add(call.key)
            batch.append(call)
            if len(batch) == _BATCH:
                store.put_many(batch)
                batch = []
        store.put_many(batch)
    if len(seen) != contents.calls:
        raise _damaged(file, f"it has {len(seen)} calls instead of {contents.calls}")


def _checked(archive: zipfile.ZipFile, entry: BundledFile, file: Path) -> Iterator[bytes]:
    """A file's bytes; an error at the end where its size or hash is another."""
    digest, size = hashlib.sha256(), 0
    with _unpacking(file):
        stream = archive.open(entry.name)
    with stream:
        while chunk := _read(stream, file):
            size += len(chunk)
            if size > entry.size:
                raise _damaged(file, f"{entry.name} is larger than it says")
            digest.update(chunk)
            yield chunk
    if size != entry.size or digest.hexdigest() != entry.sha256:
        raise _damaged(file, f"{entry.name} is not what was packed")


def _read(stream: IO[bytes], file: Path) -> bytes:
    with _unpacking(file):
        return stream.read(_CHUNK)


@contextlib.contextmanager
def _unpacking(file: Path) -> Iterator[None]:
    """What decompression and a wrong offset raise is damage; a full disk is not among it."""
    try:
        yield
    except (zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        raise _damaged(file, f"it is not a zip file that can be read: {error}") from None


def _lines(chunks: Iterator[bytes], file: Path) -> Iterator[bytes]:
    left = b""
    for chunk in chunks:
        *lines, left = (left + chunk).split(b"\n")
        yield from (line for line in lines if line.strip())
        if len(left) > _MOST_LINE:
            raise _damaged(file, f"a line of {CALLS_FILE} is longer than any call")
    if left.strip():
        yield left


def _damaged(file: Path, what: str) -> DataError:
    fix = "get it again from where it came, or pack it again with calldistil bundle"
    return DataError([Problem(what, fix, file)])
