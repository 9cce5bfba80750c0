"""One call to an LLM: what is asked, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from harness.errors import BackendError

__all__ = [
    "Completion",
    "Constraint",
    "Failure",
    "FinishReason",
    "Message",
    "Request",
    "Sampling",
    "Usage",
]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """Decoding parameters; None leaves the choice to the backend.

    Attributes:
        max_tokens: Upper bound on generated tokens.
        temperature: Softmax temperature; 0 is greedy.
        top_p: Nucleus mass.
        top_k: Number of candidates kept.
        repetition_penalty: Factor on repeated tokens' logits (1 is none).
        seed: Seed of the sampler.
        stop: Strings that end the answer.
        log_probabilities: Whether the answer's log-probability is asked for, where it is offered.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    log_probabilities: bool | None = None


@dataclass(frozen=True, slots=True)
class Constraint:
    """What form an answer must have.

    Attributes:
        kind: ``json_schema`` (``text`` is a JSON schema) or ``grammar`` (GBNF).
        text: The schema or grammar.
    """

    kind: Literal["json_schema", "grammar"]
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """One call to an LLM.

    Attributes:
        messages: What is said, in order.
        sampling: Decoding parameters.
        constraint: What form the answer must have.
        repeat: Tells apart calls made again on purpose.
        labels: Answers that are to be scored, each as the assistant's whole turn, instead of one
            being written; such a request goes to ``Backend.score_labels``.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    constraint: Constraint | None = None
    repeat: int = 0
    labels: tuple[str, ...] = ()


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    REFUSAL = "refusal"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call by class; None is unknown, never 0.

    Attributes:
        input_tokens: Fresh prompt tokens (not read from a cache).
        cache_read_tokens: Prompt tokens read from the provider's prefix cache.
        cache_write_tokens: Prompt tokens written to it.
        output_tokens: Generated tokens, reasoning left out.
        reasoning_tokens: Hidden reasoning tokens.
        source: ``reported`` by the backend, ``counted`` with ``tokenizer``, or ``unknown``.
        tokenizer: Name of the tokenizer that counted.
    """

    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    source: Literal["reported", "counted", "unknown"] = "unknown"
    tokenizer: str | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A completed answer; a refusal or a stop for length is one as well.

    Attributes:
        request: The request it answers.
        text: The answer, as given.
        finish: Why it ended.
        usage: Tokens of the call.
        latency_s: Seconds from request to answer; None where unknown.
        recorded: Whether it comes from a recording, so that nothing was paid now.
        log_probability: Natural logarithm of the probability of the whole answer, the sum over
            its tokens; None where unknown.
    """

    request: Request
    text: str
    finish: FinishReason = FinishReason.STOP
    usage: Usage = field(default_factory=Usage)
    latency_s: float | None = None
    recorded: bool = False
    log_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that came back without an answer. Never stored as one."""

    request: Request
    error: BackendError
