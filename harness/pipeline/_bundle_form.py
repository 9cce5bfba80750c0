"""What a bundle holds: its table of contents, and its calls as lines."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from harness.documents import FileModel
from harness.protocols import FinishReason, ModelIdentity, Usage
from harness.store import StoredCall

__all__ = [
    "CALLS_FILE",
    "CONTENTS_FILE",
    "EXPERIMENT_FILE",
    "BundleContents",
    "BundledCall",
    "BundledFile",
]

CONTENTS_FILE = "bundle.json"
EXPERIMENT_FILE = "experiment.yaml"
CALLS_FILE = "calls.jsonl"


class BundledFile(FileModel):
    """A file of the bundle.

    Attributes:
        name: Its path in the bundle, with ``/``.
        size: Bytes.
        sha256: Hash of its content.
    """

    name: str = Field(min_length=1)
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class BundleContents(FileModel):
    """``bundle.json``.

    Attributes:
        format: Version of the bundle's form.
        calldistil: Version that packed it.
        experiment: Name of the experiment.
        run: Id of the run that was packed.
        packed_at: When, in UTC.
        calls: Number of calls.
        requests: Whether the calls carry what was asked, or its hash alone.
        data: Whether the data files are there.
        artefacts: Whether the run's artefacts are there.
        files: Every other file.
    """

    format: Literal[1] = 1
    calldistil: str
    experiment: str
    run: str
    packed_at: AwareDatetime
    calls: int = Field(ge=0)
    requests: bool
    data: bool
    artefacts: bool
    files: tuple[BundledFile, ...]


def _is_text(value: Any) -> Any:
    """Any string: pydantic's own knows no lone surrogates, which a model may write."""
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


class _UsageLine(FileModel):
    input_tokens: int | None = Field(default=None, ge=0)
    cache_read_tokens: int | None = Field(default=None, ge=0)
    cache_write_tokens: int | None = Field(default=None, ge=0)
    output_tokens: int | None = Field(default=None, ge=0)
    reasoning_tokens: int | None = Field(default=None, ge=0)
    source: Literal["reported", "counted", "unknown"] = "unknown"
    tokenizer: str | None = None


class BundledCall(FileModel):
    """One line of ``calls.jsonl``; ``request`` is empty where the bundle has hashes alone."""

    key: str = Field(pattern=r"^[0-9a-f]{64}$")
    model: str
    weights: str | None = None
    request: str = ""
    text: Annotated[Any, AfterValidator(_is_text)]
    finish: FinishReason
    usage: _UsageLine
    latency_s: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    recorded: bool = False
    log_probability: float | None = None
    run: str
    created_at: AwareDatetime

    @classmethod
    def of(cls, call: StoredCall, *, with_request: bool) -> BundledCall:
        """The line of a stored call."""
        usage = {name: getattr(call.usage, name) for name in Usage.__slots__}
        return cls(
            key=call.key,
            model=call.model.name,
            weights=call.model.weights,
            request=call.request if with_request else "",
            text=call.text,
            finish=call.finish,
            usage=_UsageLine(**usage),
            latency_s=call.latency_s,
            recorded=call.recorded,
            log_probability=call.log_probability,
            run=call.run,
            created_at=call.created_at,
        )

    def line(self) -> bytes:
        """It as a line of JSON, in ASCII."""
        values = self.model_dump(mode="python", exclude={"created_at", "finish"})
        values |= {"finish": self.finish.value, "created_at": self.created_at.isoformat()}
        return json.dumps(values).encode("ascii") + b"\n"

    def stored(self) -> StoredCall:
        """The call, to be stored."""
        return StoredCall(
            key=self.key,
            model=ModelIdentity(self.model, self.weights),
            request=self.request,
            text=self.text,
            finish=self.finish,
            usage=Usage(**self.usage.model_dump()),
            latency_s=self.latency_s,
            recorded=self.recorded,
            run=self.run,
            created_at=self.created_at,
            log_probability=self.log_probability,
        )
