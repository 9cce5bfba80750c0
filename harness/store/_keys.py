"""Canonical JSON, and the hashes that name calls and artefacts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

from pydantic import BaseModel

from harness.protocols import ModelIdentity, Request, Sampling

__all__ = ["canonical_json", "content_hash", "file_hash", "request_json", "request_key"]

_EXACT = 2**53  # above it, a float no longer tells neighbouring integers apart


def canonical_json(value: Any) -> str:
    """Writes a value as JSON in one way only, in ASCII.

    Keys are sorted; nothing is spaced; characters beyond ASCII are escaped, so that even a lone
    surrogate has a form; a float that is a whole number reads as that integer (``1.0`` is ``1``,
    ``-0.0`` is ``0``), as in RFC 8785. Dataclasses, pydantic models and mappings become objects,
    tuples and lists become arrays, sets sorted arrays, enumerations their values, and paths
    their POSIX form.

    Raises:
        TypeError: For a value that has no JSON form, or a key that is not a string.
        ValueError: For NaN and infinity.

    >>> canonical_json({"b": 1.0, "a": ("é", None)})
    '{"a":["\\\\u00e9",null],"b":1}'
    """
    return _written(_plain(value))


def content_hash(value: Any) -> str:
    """SHA-256, in hexadecimal, of the canonical JSON of ``value``.

    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1.0})
    True
    """
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def file_hash(file: Path) -> str:
    """SHA-256, in hexadecimal, of the bytes of a file.

    Raises:
        OSError: When it cannot be read.
    """
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def request_json(request: Request) -> str:
    """The request as canonical JSON, as it is stored beside its answer.

    Parameters left to the backend (None, no stop strings) are left out, so that a parameter
    added to ``Sampling`` later does not change the keys of requests that do not set it.
    """
    return _written(_request_document(request))


def request_key(model: ModelIdentity, request: Request) -> str:
    """The key of a call: a hash over the model and everything that was asked of it.

    Covers the model's name and weights' hash, the messages in order, sampling parameters, the
    constraint, the repeat number and the labels to score.
    """
    document = {
        "key": "request.v1",
        "model": {"name": model.name, "weights": model.weights},
        "request": _request_document(request),
    }
    return hashlib.sha256(_written(document).encode("ascii")).hexdigest()


def _request_document(request: Request) -> dict[str, Any]:
    """The request as plain values: a run makes a million of them, so only what may need it is
    put into its one form."""
    sampling = {
        name: _plain(value)
        for name in Sampling.__slots__
        if (value := getattr(request.sampling, name)) is not None and value != ()
    }
    return {
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "sampling": sampling,
        "constraint": None
        if request.constraint is None
        else {"kind": request.constraint.kind, "text": request.constraint.text},
        "repeat": request.repeat,
        **({"labels": list(request.labels)} if request.labels else {}),
    }


def _written(plain: Any) -> str:
    return json.dumps(
        plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def _plain(value: Any) -> Any:
    """Returns ``value`` made of dicts, lists and JSON's scalars only."""
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value!r} has no JSON form")
        return int(value) if value.is_integer() and abs(value) <= _EXACT else float(value)
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is not a string, so it has no one JSON form")
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(item) for item in value), key=canonical_json)
    if isinstance(value, PurePath):
        return value.as_posix()
    if hasattr(value, "item") and getattr(value, "shape", None) == ():  # a numpy scalar
        return _plain(value.item())
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")
