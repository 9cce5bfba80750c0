"""What a backend says that cannot score labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.errors import BackendError
from harness.protocols import Failure, Request

__all__ = ["unscored"]


def unscored(requests: Sequence[Request], *, backend: str) -> Iterator[Failure]:
    """Fails each request, with the way out."""
    for request in requests:
        yield Failure(
            request=request,
            error=BackendError(
                f"The backend {backend} cannot score labels.",
                hint="Use a backend that can (llama_cpp, hf), or another form than scores.",
            ),
        )
