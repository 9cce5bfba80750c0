"""Prices from the snapshot that the library genai-prices carries; nothing is fetched."""

from __future__ import annotations

import datetime
import difflib
from functools import lru_cache
from typing import Any

from harness.costs._prices import ModelPrice
from harness.errors import ConfigError, MissingExtraError, Problem

__all__ = ["price_from_snapshot", "snapshot_date"]


def price_from_snapshot(
    model: str, *, on: datetime.date | None = None, assumed: bool = False
) -> ModelPrice:
    """Looks a model up in the offline snapshot of genai-prices.

    Where a price rises with the prompt's length, that of the shortest prompts is taken: requests
    about single sentences are short. The batch discount is the smaller one of input and output.

    Args:
        model: The model's name, or ``provider:name`` (``provider/name``) to choose the provider.
        on: The day whose prices are wanted, where the snapshot knows several; default: today.
        assumed: Whether the price stands in for that of another model.

    Returns:
        The price. ``date`` is ``snapshot_date()``, ``source`` names library, version and model.

    Raises:
        ConfigError: When the model is not in it, or not priced by input and output tokens;
            names near ones.
        MissingExtraError: When the library is not installed.
    """
    snapshot = _snapshot()
    found = _find(snapshot, model)
    if found is None:
        near = difflib.get_close_matches(model, _names(), n=3, cutoff=0.5)
        guess = f"did you mean {', '.join(map(repr, near))}? " if near else ""
        raise ConfigError(
            [
                Problem(
                    f"the price snapshot has no model {model!r}",
                    f"{guess}or give its price under prices.models",
                )
            ]
        )
    provider, info = found
    moment = datetime.datetime.combine(
        on or datetime.datetime.now(datetime.UTC).date(), datetime.time(12), datetime.UTC
    )
    listed = info.get_prices(moment)
    read, written = _base(listed.input_mtok), _base(listed.output_mtok)
    if read is None or written is None:
        raise ConfigError(
            [
                Problem(
                    f"the price snapshot does not price {model!r} by input and output tokens",
                    "give its price under prices.models",
                )
            ]
        )
    return ModelPrice(
        input=read,
        cache_read=_base(listed.cache_read_mtok),
        cache_write=_base(listed.cache_write_mtok),
        output=written,
        batch_discount=_batch_discount(info, moment, read, written),
        date=snapshot_date(),
        source=f"genai-prices {_version()}: {provider.id}/{info.id}",
        assumed=assumed,
    )


@lru_cache(maxsize=1)
def snapshot_date() -> datetime.date:
    """The newest day named in the snapshot's prices, not after today.

    The library's data carries no date of its own (its ``timestamp`` is when it was loaded), so
    this is the day that its prices are at least as new as; the version in ``source`` tells which
    snapshot it was.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    days: list[datetime.date] = [
        constraint.start_date
        for provider in _snapshot().providers
        for model in provider.models
        for dated in _dated(model)
        if (constraint := getattr(dated, "constraint", None)) is not None
        and getattr(constraint, "start_date", None) is not None
        and constraint.start_date <= today
    ]
    return max(days)


def _snapshot() -> Any:
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError:
        raise MissingExtraError(
            package="genai_prices", extra="all", feature="The price snapshot"
        ) from None
    return get_snapshot()


def _version() -> str:
    from importlib.metadata import version

    return version("genai-prices")


def _find(snapshot: Any, model: str) -> Any:
    attempts: list[tuple[str, str | None]] = [(model, None)]
    for mark in (":", "/"):
        provider, found, name = model.partition(mark)
        if found and any(p.id == provider.lower() for p in snapshot.providers):
            attempts.insert(0, (name, provider.lower()))
    for name, provider_id in attempts:
        try:
            return snapshot.find_provider_model(name, None, provider_id, None)
        except LookupError:
            continue
    return None


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    return tuple(
        sorted({model.id for provider in _snapshot().providers for model in provider.models})
    )


def _dated(model: Any) -> list[Any]:
    prices = model.prices if isinstance(model.prices, list) else []
    return [*prices, *(model.price_variants or [])]


def _base(price: Any) -> float | None:
    """The price of the shortest prompts, where there are tiers."""
    if price is None:
        return None
    return float(getattr(price, "base", price))


def _batch_discount(
    info: Any, moment: datetime.datetime, read: float, written: float
) -> float | None:
    """What the provider's batch service saves; providers name it in one of two ways."""
    for context in ({"processing": "batch"}, {"service_tier": "batch"}):
        if not any(dict(variant.when) == context for variant in info.price_variants or []):
            continue
        batch = info.get_prices(moment, price_context=context)
        pairs = [(_base(batch.input_mtok), read), (_base(batch.output_mtok), written)]
        saved = [1 - cheap / full for cheap, full in pairs if cheap is not None and full > 0]
        if saved and min(saved) > 0:
            return float(round(min(saved), 6))
    return None
