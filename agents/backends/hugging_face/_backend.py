"""The backend ``hf``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel

from agents.backends.hugging_face._constraints import constrains
from agents.backends.hugging_face._identity import deviations, weights_hash
from agents.backends.hugging_face._options import HuggingFaceOptions
from agents.backends.hugging_face._session import Session
from harness.protocols import Capabilities, Completion, Failure, ModelIdentity, Request

__all__ = ["HuggingFaceBackend"]


class HuggingFaceBackend:
    """Runs a model of transformers in this process.

    Nothing is imported or loaded before the first request: which model answers is told from its
    files. Requests are answered in batches, the longest prompts first; what all prompts of a
    round begin with is evaluated once. An answer's ``latency_s`` is its share of its batches'
    seconds, so that latencies sum to the time that was spent.

    A prompt that does not fit, a form that cannot be kept to or a label that the tokenizer does
    not know is a ``Failure`` of its request alone.
    """

    summary: ClassVar[str] = "Hugging Face transformers in process: causal and seq2seq models."
    source: ClassVar[str] = "Wolf et al. 2020, https://github.com/huggingface/transformers"
    Options: ClassVar[type[BaseModel]] = HuggingFaceOptions

    def __init__(self, *, options: HuggingFaceOptions) -> None:
        self._options = options
        self._session: Session | None = None

    @classmethod
    def fingerprint(cls, *, options: HuggingFaceOptions) -> Mapping[str, str]:
        """The model's name, its weights and the options that change answers."""
        return {
            "model": options.model_name,
            "weights": weights_hash(options),
            **deviations(options),
        }

    @property
    def model(self) -> ModelIdentity:
        """Name and hash of the model's files, its adapter's and of options that change answers."""
        weights, other = weights_hash(self._options), deviations(self._options)
        if other:
            text = json.dumps({"weights": weights, **other}, sort_keys=True)
            weights = hashlib.sha256(text.encode()).hexdigest()
        return ModelIdentity(name=self._options.model_name, weights=weights)

    @property
    def capabilities(self) -> Capabilities:
        """Everything; constraints where llguidance is installed."""
        return Capabilities(
            json_schema=constrains(),
            grammar=constrains(),
            label_scoring=True,
            log_probabilities=True,
            seed=True,
            usage=True,
            batching=True,
            prefix_cache=True,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done otherwise than asked, for the run's records."""
        return () if self._session is None else self._session.notes

    def complete(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Yields an answer or a failure for each request, batch by batch.

        Raises:
            MissingExtraError: When torch or transformers are not installed.
            BackendError: When the model cannot be loaded.
        """
        if requests:
            yield from self._opened().complete(requests)

    def score_labels(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Yields the scores of each request's labels, likewise; a label includes its end."""
        if requests:
            yield from self._opened().score(requests)

    def close(self) -> None:
        """Lets go of the model."""
        self._session = None

    def _opened(self) -> Session:
        if self._session is None:
            self._session = Session(self._options)
        return self._session
