"""Reads and writes whole files, with one clear error for what may go wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from harness.errors import DataError, Problem

__all__ = ["parse_json", "read_bytes", "read_json", "read_lines", "read_text", "write_text"]


def read_bytes(file: Path) -> bytes:
    """Reads a file.

    Raises:
        DataError: When it is absent, a folder, or cannot be read.
    """
    what = fix = ""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        what, fix = "the file does not exist", "check the path"
    except IsADirectoryError:
        what, fix = "this is a folder, not a file", "name a file"
    except PermissionError:
        what, fix = "the file may not be read", "check its permissions"
    except (OSError, ValueError) as error:
        what, fix = f"the file cannot be read: {error}", "check the path"
    raise DataError([Problem(what, fix, file)])


def read_text(file: Path) -> str:
    """Reads a text file in UTF-8, with or without a byte order mark; line ends are kept.

    Raises:
        DataError: When it cannot be read, is not UTF-8 or holds a null byte.
    """
    raw = read_bytes(file)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError([Problem("the file is UTF-16", "save it as UTF-8", file, 1)])
    if (at := raw.find(b"\0")) >= 0:
        line = raw.count(b"\n", 0, at) + 1
        raise DataError([Problem("a null byte: this is not text", "name a text file", file, line)])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = raw[error.start]
        raise DataError(
            [Problem(f"byte 0x{found:02x} is not UTF-8", "save the file as UTF-8", file, line)]
        ) from None


def read_lines(file: Path) -> list[str]:
    """Reads lines that end in LF or CRLF; other separators of Unicode stay inside a line.

    Raises:
        DataError: As ``read_text``.
    """
    return [line.removesuffix("\r") for line in read_text(file).split("\n")]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def parse_json(text: str) -> Any:
    """Reads one JSON value strictly.

    Raises:
        ValueError: When it is not JSON, nests too deep, repeats a key, or holds ``NaN`` or half
            of a surrogate pair, which no file can store. ``JSONDecodeError`` knows the line.
    """

    try:
        value = _decoder.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("the value nests too deep") from None
    except UnicodeEncodeError:
        raise ValueError("a string holds half of a surrogate pair") from None
    return value


def read_json(file: Path) -> Any:
    """Reads a file that is one JSON value.

    Raises:
        DataError: With the line, when it cannot be read or is not JSON.
    """
    text = read_text(file)
    try:
        return parse_json(text)
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise DataError(
            [Problem(f"not valid JSON: {reason}", "mend the syntax", file, line)]
        ) from None


def write_text(file: Path, text: str) -> None:
    """Writes a UTF-8 file whole or not at all: aside first, then under its name.

    Raises:
        DataError: When the folder does not exist or cannot be written, or the text holds half
            of a surrogate pair.
    """
    aside = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        aside.write_bytes(text.encode("utf-8"))
        aside.replace(file)
    except UnicodeEncodeError:
        raise DataError(
            [Problem("a text holds half of a surrogate pair", "mend the text", file)]
        ) from None
    except OSError as error:
        aside.unlink(missing_ok=True)
        reason = error.strerror or type(error).__name__
        raise DataError(
            [Problem(f"the file cannot be written: {reason}", "check its folder", file)]
        ) from None
