"""Stored calls as rows of the call store's table, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from harness.protocols import FinishReason, ModelIdentity, Usage
from harness.store._call import StoredCall
from harness.store._keys import canonical_json

__all__ = ["COLUMNS", "call_of", "moment_of", "moment_text", "row_of", "storable", "text_of"]

COLUMNS = (
    "key, model, weights, request, text, finish, usage, latency_s, recorded, run, created_at,"
    " log_probability"
)


def row_of(call: StoredCall) -> tuple[Any, ...]:
    usage = {
        name: value for name in Usage.__slots__ if (value := getattr(call.usage, name)) is not None
    }
    return (
        storable(call.key),
        storable(call.model.name),
        call.model.weights,
        call.request,
        storable(call.text),
        call.finish.value,
        canonical_json(usage),
        call.latency_s,
        int(call.recorded),
        storable(call.run),
        moment_text(call.created_at),
        call.log_probability,
    )


def call_of(row: Sequence[Any]) -> StoredCall:
    try:
        return StoredCall(
            key=text_of(row[0]),
            model=ModelIdentity(text_of(row[1]), row[2]),
            request=row[3],
            text=text_of(row[4]),
            finish=FinishReason(row[5]),
            usage=Usage(**json.loads(row[6])),
            latency_s=row[7],
            recorded=bool(row[8]),
            run=text_of(row[9]),
            created_at=moment_of(row[10]),
            log_probability=row[11],
        )
    except (TypeError, ValueError) as error:
        raise sqlite3.DatabaseError(
            f"the row of the call {row[0]!r} is malformed: {error}"
        ) from None


def storable(text: str) -> str | bytes:
    """Text with a lone surrogate has no UTF-8 form, and SQLite takes it only as bytes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def text_of(stored: str | bytes) -> str:
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")


def moment_text(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("a time needs a time zone, e.g. datetime.now(UTC)")
    return at.astimezone(UTC).isoformat()


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)
