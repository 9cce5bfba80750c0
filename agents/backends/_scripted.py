"""A fake backend with a queue of replies and a history."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, TypeAlias

from pydantic import BaseModel, Field

from harness.documents import FileModel
from harness.errors import BackendError
from harness.protocols import Capabilities, Completion, Failure, ModelIdentity, Request

__all__ = ["ScriptedBackend", "ScriptedOptions", "ScriptedReply"]

ScriptedReply: TypeAlias = Callable[[Request], "str | Completion | Failure"]
"""Answers a request with a text, or with a whole completion or failure."""


class ScriptedOptions(FileModel):
    """Keys of the backend ``scripted``.

    Attributes:
        replies: Answers given in turn.
        model: Name of the model it stands for.
    """

    replies: tuple[str, ...] = ()
    model: str = Field(default="scripted", min_length=1)


class ScriptedBackend:
    """Answers with given replies in turn, or with a function of the request; for tests.

    Args:
        options: The replies and the model's name.
        answer: Function of the request, used in place of the replies.

    Attributes:
        history: Every request it was asked, in order.
    """

    summary: ClassVar[str] = "A fake that answers with given replies in turn, for tests."
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = ScriptedOptions

    def __init__(
        self, *, options: ScriptedOptions | None = None, answer: ScriptedReply | None = None
    ) -> None:
        self._options = options if options is not None else ScriptedOptions()
        self._queue = deque(self._options.replies)
        self._answer = answer
        self.history: list[Request] = []

    @classmethod
    def fingerprint(cls, *, options: ScriptedOptions) -> Mapping[str, str]:
        """The model's name and the replies; an answering function is not known here."""
        replies = hashlib.sha256(json.dumps(options.replies).encode()).hexdigest()
        return {"model": options.model, "replies": replies}

    @property
    def model(self) -> ModelIdentity:
        """The model it stands for."""
        return ModelIdentity(name=self._options.model)

    @property
    def capabilities(self) -> Capabilities:
        """Whatever the script says, scores of labels among it."""
        return Capabilities(label_scoring=True)

    def complete(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Yields the next reply for each request in order; a failure once none is left."""
        for request in requests:
            self.history.append(request)
            yield self._reply(request)

    def score_labels(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """The next reply for each request, which should be a ``scores_text``."""
        return self.complete(requests)

    def close(self) -> None:
        """Does nothing."""

    def _reply(self, request: Request) -> Completion | Failure:
        if self._answer is not None:
            reply = self._answer(request)
            return Completion(request=request, text=reply) if isinstance(reply, str) else reply
        if self._queue:
            return Completion(request=request, text=self._queue.popleft())
        return Failure(
            request=request,
            error=BackendError(
                f"The scripted backend has no reply left for request {len(self.history)}.",
                hint="Give it as many replies as there are requests.",
            ),
        )
