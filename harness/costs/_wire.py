"""Costs as JSON and back."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.errors import ArtefactError

__all__ = ["from_json", "to_json"]

T = TypeVar("T")


_adapters: dict[type[Any], TypeAdapter[Any]] = {}  # making one takes longer than using it


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_json(value: object, *, indent: int | None = None) -> str:
    """Writes a ledger, a cost or any other value of this room as JSON.

    >>> from harness.costs import Money
    >>> to_json(Money(None))
    '{"amount":null,"assumed":false,"currency":"USD"}'
    """
    return _adapter(type(value)).dump_json(value, indent=indent).decode("utf-8")


def from_json(kind: type[T], text: str | bytes) -> T:
    """Reads what ``to_json`` wrote.

    Raises:
        ArtefactError: When the text is not such a value.

    >>> from harness.costs import Money
    >>> from_json(Money, '{"amount": 2}')
    Money(amount=2.0, assumed=False, currency='USD')
    """
    try:
        value: T = _adapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ArtefactError(
            f"This is not a {kind.__name__}: {place}: {first['msg']}.",
            hint="Make the artefact again: remove its folder and resume the run.",
        ) from None
    return value
