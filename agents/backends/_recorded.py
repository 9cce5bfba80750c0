"""The backend that answers from recordings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, Field

from agents.backends._recording import read_recordings, recording_key
from harness.documents import FileModel, ResolvedPath
from harness.errors import BackendError
from harness.protocols import Capabilities, Completion, Failure, ModelIdentity, Request

__all__ = ["RecordedBackend", "RecordedOptions"]

_FIRST_WORDS = 12


class RecordedOptions(FileModel):
    """Keys of the backend ``recorded`` in an experiment file.

    Attributes:
        recordings: Files of recorded answers, full or shipped (see ``read_recordings``).
        model: Name of the model that gave the answers, for the manifest and the prices.
    """

    recordings: tuple[ResolvedPath, ...] = Field(min_length=1)
    model: str = Field(min_length=1)


class RecordedBackend:
    """Answers requests from recordings, found by messages and repeat number alone.

    Nothing is paid and nothing is known of usage or latency: completions say ``recorded``,
    their usage and latency are unknown. A request that is not recorded fails and says which.

    Raises:
        DataError: When a recording is absent or malformed, with all problems.
    """

    summary: ClassVar[str] = "Answers from recordings, found by messages and repeat number."
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = RecordedOptions

    def __init__(self, *, options: RecordedOptions) -> None:
        self._options = options
        self._answers = read_recordings(options.recordings)

    @classmethod
    def fingerprint(cls, *, options: RecordedOptions) -> Mapping[str, str]:
        """The declared model and the recordings' content, in whatever order they are named."""
        hashes = sorted(
            hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else f"absent {file}"
            for file in options.recordings
        )
        return {"model": options.model, "recordings": " ".join(hashes)}

    @property
    def model(self) -> ModelIdentity:
        """The model as declared; a recording cannot prove it."""
        return ModelIdentity(name=self._options.model)

    @property
    def capabilities(self) -> Capabilities:
        """Scores of labels, where they were recorded; the answers are what they are."""
        return Capabilities(label_scoring=True)

    def covers(self, request: Request, /) -> bool:
        """Whether the request is recorded."""
        return recording_key(request) in self._answers

    def complete(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Yields the recorded answer, or a failure, of each request in order."""
        for request in requests:
            key = recording_key(request)
            if (answer := self._answers.get(key)) is None:
                yield Failure(request=request, error=self._not_recorded(request, key))
            else:
                yield Completion(
                    request=request, text=answer.response, finish=answer.finish, recorded=True
                )

    def score_labels(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """The recorded scores, found like answers."""
        return self.complete(requests)

    def close(self) -> None:
        """Forgets the answers."""
        self._answers = {}

    def _not_recorded(self, request: Request, key: str) -> BackendError:
        words = request.messages[-1].content.split() if request.messages else []
        start = " ".join(words[:_FIRST_WORDS]) + (" ..." if len(words) > _FIRST_WORDS else "")
        files = ", ".join(str(file) for file in self._options.recordings)
        return BackendError(
            f"The request that ends with the message {start!r} (key {key}, repeat"
            f" {request.repeat}) is not in the recordings {files}.",
            hint="Use the examples, few-shot split (seed 1 for the shipped recordings), schema,"
            " prompts and repeat number that were recorded, or a backend that can answer.",
        )
