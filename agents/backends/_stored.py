"""The backend that stands for a model whose answers are all in the call store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, Field

from harness.documents import FileModel
from harness.errors import BackendError
from harness.protocols import Capabilities, Completion, Failure, ModelIdentity, Request

__all__ = ["StoredBackend", "StoredOptions"]


class StoredOptions(FileModel):
    """Keys of the backend ``stored``, which ``calldistil bundle`` writes.

    Attributes:
        model: Name of the model that answered.
        weights: Hash of its weights, where they were at hand.
        stands_for: What identified the backend that answered, its registry name as ``use``.
    """

    model: str = Field(min_length=1)
    weights: str | None = None
    stands_for: dict[str, str] = Field(default_factory=dict)


class StoredBackend:
    """Has a model's identity and no model: calls are found in the store or fail.

    A bundled run is replayed with it. It has the identity of the backend that it stands for, so
    that calls and artefacts are found by the keys that they were made under.
    """

    summary: ClassVar[str] = "Stands for a model whose answers are in the call store already."
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = StoredOptions

    def __init__(self, *, options: StoredOptions) -> None:
        self._options = options

    @classmethod
    def fingerprint(cls, *, options: StoredOptions) -> Mapping[str, str]:
        """That of the backend it stands for."""
        return {"model": options.model, **options.stands_for}

    @property
    def model(self) -> ModelIdentity:
        """The model that answered."""
        return ModelIdentity(self._options.model, self._options.weights)

    @property
    def capabilities(self) -> Capabilities:
        """All that a stored answer may be."""
        return Capabilities(
            json_schema=True, grammar=True, label_scoring=True, log_probabilities=True, seed=True
        )

    def complete(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Fails each request: what the store has is never asked."""
        for request in requests:
            yield Failure(
                request=request,
                error=BackendError(
                    f"The model {self._options.model!r} is not here, and this call is not among"
                    " the stored ones.",
                    hint="Use the data and the experiment that were bundled, or name a backend"
                    " that can answer.",
                ),
            )

    def score_labels(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Likewise."""
        return self.complete(requests)

    def close(self) -> None:
        """Does nothing."""
