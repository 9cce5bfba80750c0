"""Other prices for a run that was made already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field

from harness.costs import ModelPrice, Prices
from harness.documents import FileModel, load_document
from harness.errors import ConfigError, Problem
from harness.pipeline import Experiment, Manifest, resolved_price

__all__ = ["PriceList", "PricesInForce", "load_price_list"]

BackendPrice: TypeAlias = ModelPrice | Literal["machine"] | None


class PriceList(FileModel):
    """A file of prices; what it leaves out stays as the experiment has it.

    Attributes:
        prices: Prices of the machine and of human labels.
        backends: Price of each backend by its name in the experiment: dollars per million
            tokens, or ``machine`` for a model that runs on the machine.
    """

    prices: Prices | None = None
    backends: dict[str, ModelPrice | Literal["machine"]] = Field(default_factory=dict)


def load_price_list(file: Path) -> PriceList:
    """Reads a file of prices.

    Raises:
        ConfigError: With all its problems.
    """
    return load_document(file, PriceList)


class PricesInForce:
    """The prices that a report counts with.

    Attributes:
        prices: Those of the machine and of human labels.
        backends: Price of each backend; None: unknown.

    Raises:
        ConfigError: When the list names a backend that the experiment does not have.
    """

    def __init__(
        self, experiment: Experiment, manifest: Manifest, other: PriceList | None = None
    ) -> None:
        other = other or PriceList()
        if unknown := sorted(set(other.backends) - set(experiment.backends)):
            known = ", ".join(experiment.backends) or "there are none"
            raise ConfigError(
                [Problem(f"the run has no backend {n!r}", f"one of: {known}") for n in unknown]
            )
        self.prices: Prices = other.prices or experiment.prices
        found: dict[str, BackendPrice] = {}
        for name, entry in experiment.backends.items():
            if name in other.backends:
                found[name] = other.backends[name]
            elif entry.price == "machine":
                found[name] = "machine"
            elif entry.price == "snapshot" and name in manifest.prices:
                found[name] = manifest.prices[name]  # that of the day of the run
            else:
                found[name] = resolved_price(entry)
        self.backends: Mapping[str, BackendPrice] = found

    def per_token(self, backend: str) -> ModelPrice | None:
        """A backend's price per token; None where it has none or none is known."""
        price = self.backends[backend]
        return price if isinstance(price, ModelPrice) else None

    def is_local(self, backend: str | None) -> bool:
        """Whether a backend costs the machine's time and nothing per token."""
        return backend is not None and self.backends[backend] == "machine"
