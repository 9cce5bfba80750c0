"""Writes answers token by token, for a batch of requests."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.backends.hugging_face._batches import Outcome
from agents.backends.hugging_face._causal import CausalPasses, Shared
from agents.backends.hugging_face._constraints import Form
from agents.backends.hugging_face._loading import LoadedModel
from agents.backends.hugging_face._sampling import Chooser
from agents.backends.hugging_face._seq2seq import Seq2SeqPasses
from harness.errors import BackendError
from harness.protocols import Completion, Failure, FinishReason, Request, Usage

__all__ = ["Answer", "decode", "usage_of"]


@dataclass
class Answer:
    """An answer under way.

    Attributes:
        request: What is asked.
        prompt: The prompt's tokens.
        limit: Most tokens it may have.
        chooser: Chooses its tokens.
        form: Where it stands in its grammar, if it has one.
        written: Its tokens so far.
        log_probability: Sum over them, an end among them.
        seconds: Its share of the time so far.
    """

    request: Request
    prompt: Sequence[int]
    limit: int
    chooser: Chooser
    form: Form | None
    written: list[int] = field(default_factory=list)
    log_probability: float = 0.0
    seconds: float = 0.0


def decode(
    answers: Sequence[Answer],
    *,
    loaded: LoadedModel,
    passes: CausalPasses | Seq2SeqPasses,
    shared: Shared,
    pays: Sequence[int] | None = None,
) -> Iterator[Outcome]:
    """Yields each answer of a batch when it ends.

    Args:
        answers: The batch.
        loaded: The model.
        passes: Its forward passes, which hold the shared prefix.
        shared: The prefix of the round.
        pays: The prompt whose usage counts the evaluation of the prefix.
    """
    open_ = list(answers)
    clock = time.perf_counter()
    try:
        logits = passes.start([answer.prompt for answer in open_])
        while True:
            rows = logits.float().cpu()  # once, rather than a wait for the device per row
            kept: list[int] = []
            outcomes: list[tuple[Answer, FinishReason | BackendError, str]] = []
            for row, answer in enumerate(open_):
                try:
                    finish, text = _advance(answer, rows[row], loaded)
                except BackendError as error:
                    outcomes.append((answer, error, ""))
                    continue
                if finish is None:
                    kept.append(row)
                else:
                    outcomes.append((answer, finish, text))
            now = time.perf_counter()
            for answer in open_:
                answer.seconds += (now - clock) / len(open_)
            clock = now
            for answer, end, text in outcomes:
                if isinstance(end, BackendError):
                    yield Failure(request=answer.request, error=end)
                    continue
                yield _completion(answer, text, end, shared, first=answer.prompt is pays)
            if not kept:
                return
            clock = time.perf_counter()
            if len(kept) < len(open_):
                passes.keep(kept)
                open_ = [open_[row] for row in kept]
            logits = passes.step([answer.written[-1] for answer in open_])
    finally:
        passes.end()


def usage_of(
    prompt: Sequence[int], shared: Shared, *, first: bool, output: int, extra: int = 0
) -> Usage:
    """Tokens of a call: what was evaluated for it, and what was read from the shared prefix.

    Args:
        prompt: The prompt's tokens.
        shared: The prefix of the round.
        first: Whether the evaluation of the prefix counts here; it counts once.
        output: Tokens written.
        extra: Tokens evaluated beside the prompt, as those of labels.
    """
    read = shared.tokens - (shared.evaluated if first else 0)
    return Usage(
        input_tokens=len(prompt) - read + extra,
        cache_read_tokens=read,
        cache_write_tokens=0,
        output_tokens=output,
        reasoning_tokens=0,
        source="reported",
    )


def _completion(
    answer: Answer, text: str, finish: FinishReason, shared: Shared, *, first: bool
) -> Completion:
    asked = answer.request.sampling.log_probabilities
    return Completion(
        request=answer.request,
        text=text,
        finish=finish,
        usage=usage_of(answer.prompt, shared, first=first, output=len(answer.written)),
        latency_s=answer.seconds,
        log_probability=min(0.0, answer.log_probability) if asked else None,
    )


def _advance(answer: Answer, logits: Any, loaded: LoadedModel) -> tuple[FinishReason | None, str]:
    """Adds one token; says why the answer ends there, if it does, and what it reads then."""
    allowed = None if answer.form is None else answer.form.allowed(logits.shape[0])
    token = answer.chooser.choose(logits, allowed)
    answer.written.append(token)
    if answer.request.sampling.log_probabilities:  # to the model, whatever changed its choice
        answer.log_probability += float(logits[token] - logits.logsumexp(-1))
    if token in loaded.ends:
        return FinishReason.STOP, _text(answer.written[:-1], loaded)
    if answer.form is not None:
        answer.form.take(token)
        # The end itself is worth a pass only to whoever wants its probability.
        if answer.form.complete and not answer.request.sampling.log_probabilities:
            return FinishReason.STOP, _text(answer.written, loaded)
    if answer.request.sampling.stop:
        text = _text(answer.written, loaded)
        places = [place for stop in answer.request.sampling.stop if (place := text.find(stop)) >= 0]
        if places:
            return FinishReason.STOP, text[: min(places)]
    if len(answer.written) >= answer.limit:
        return FinishReason.LENGTH, _text(answer.written, loaded)
    return None, ""


def _text(tokens: Sequence[int], loaded: LoadedModel) -> str:
    text = loaded.tokenizer.decode(
        tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return str(text)
