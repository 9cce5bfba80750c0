"""A loaded model at work: requests in, answers and scores out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agents.backends.hugging_face._batches import Outcome, in_batches, is_out_of_memory
from agents.backends.hugging_face._causal import CausalPasses, Shared
from agents.backends.hugging_face._constraints import Constraints
from agents.backends.hugging_face._decode import Answer, decode, usage_of
from agents.backends.hugging_face._loading import load_model
from agents.backends.hugging_face._options import HuggingFaceOptions
from agents.backends.hugging_face._prompt import Prompt, Prompter
from agents.backends.hugging_face._sampling import Chooser
from agents.backends.hugging_face._seq2seq import Seq2SeqPasses
from agents.backends.hugging_face._trie import LabelTrie
from harness.errors import BackendError
from harness.protocols import Completion, Failure, Request, scores_text

__all__ = ["Session"]


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Request
    prompt: Prompt


class Session:
    """Holds the model and what is found out about it.

    Raises:
        MissingExtraError: When a package is not installed.
        BackendError: When the model cannot be loaded.
    """

    def __init__(self, options: HuggingFaceOptions) -> None:
        self._options = options
        self._loaded = load_model(options)
        self._passes: CausalPasses | Seq2SeqPasses = (
            Seq2SeqPasses(self._loaded) if self._loaded.seq2seq else CausalPasses(self._loaded)
        )
        self._prompter = Prompter(self._loaded, options.template_options)
        self._constraints = Constraints(self._loaded)
        self._own_notes: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done otherwise than asked."""
        return (*self._prompter.notes, *self._own_notes)

    def complete(self, requests: Sequence[Request]) -> Iterator[Outcome]:
        """Writes an answer to each request."""
        asked = yield from self._rendered(requests, needed=1)
        if not asked:
            return
        shared, first = self._share(asked)

        def work(batch: Sequence[_Asked]) -> Iterator[Outcome]:
            answers = []
            for item in batch:
                try:
                    answers.append(self._answer(item))
                except BackendError as error:
                    yield Failure(request=item.request, error=error)
            if answers:
                yield from decode(
                    answers, loaded=self._loaded, passes=self._passes, shared=shared, pays=first
                )

        yield from self._in_batches(asked, work)

    def score(self, requests: Sequence[Request]) -> Iterator[Outcome]:
        """Scores each request's labels; requests with the same labels share their batches."""
        asked = yield from self._rendered(requests, needed=1)
        if not asked:
            return
        shared, first = self._share(asked)
        groups: dict[tuple[tuple[int, ...], ...], list[_Asked]] = {}
        for item in asked:
            try:
                tokens = self._prompter.label_tokens(item.prompt, item.request.labels)
                self._fits(item.prompt, max(map(len, tokens)))
            except BackendError as error:
                yield Failure(request=item.request, error=error)
                continue
            groups.setdefault(tokens, []).append(item)
        for tokens, group in groups.items():
            trie = LabelTrie.of(tokens, self._loaded.ends)

            def work(
                batch: Sequence[_Asked], trie: LabelTrie = trie
            ) -> Iterator[Completion | Failure]:
                began = time.perf_counter()
                prompts = [item.prompt.tokens for item in batch]
                logits = self._passes.trees(prompts, trie)
                found = [trie.pick(logits[row]) for row in range(len(batch))]
                share = (time.perf_counter() - began) / len(batch)
                for item, steps in zip(batch, found, strict=True):
                    yield Completion(
                        request=item.request,
                        text=scores_text(trie.scores(item.request.labels, steps)),
                        usage=usage_of(
                            item.prompt.tokens,
                            shared,
                            first=item.prompt.tokens is first,
                            output=0,
                            extra=len(trie.tokens) - 1,
                        ),
                        latency_s=share,
                    )

            yield from self._in_batches(group, work)

    def _in_batches(self, asked: Sequence[_Asked], work: Any) -> Iterator[Outcome]:
        return in_batches(
            asked,
            size=self._options.batch_size,
            length=lambda item: len(item.prompt.tokens),
            request_of=lambda item: item.request,
            work=work,
            equal=not self._passes.pads,
            notes=self._own_notes,
        )

    def _rendered(self, requests: Sequence[Request], needed: int) -> Any:
        """Yields failures of prompts that cannot be; returns the others."""
        asked = []
        for request in requests:
            try:
                prompt = self._prompter.prompt(request.messages)
                self._fits(prompt, needed)
            except BackendError as error:
                yield Failure(request=request, error=error)
                continue
            asked.append(_Asked(request, prompt))
        return asked

    def _share(self, asked: Sequence[_Asked]) -> tuple[Shared, tuple[int, ...]]:
        """Evaluates the common prefix; the longest prompt, which comes first, pays for it."""
        prompts = [item.prompt.tokens for item in asked]
        longest = max(prompts, key=len)
        try:
            return self._passes.share(prompts), longest
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self._passes.forget()  # each prompt by itself then, which tells which are too long
            return Shared(), longest

    def _answer(self, item: _Asked) -> Answer:
        request, prompt = item.request, item.prompt.tokens
        limit = request.sampling.max_tokens or self._options.max_tokens
        if self._loaded.context is not None and not self._loaded.seq2seq:
            limit = min(limit, self._loaded.context - len(prompt))
        constraint = request.constraint
        return Answer(
            request=request,
            prompt=prompt,
            limit=limit,
            chooser=Chooser.of(request, prompt, self._loaded.model.generation_config),
            form=None if constraint is None else self._constraints.form(constraint),
        )

    def _fits(self, prompt: Prompt, more: int) -> None:
        context = self._loaded.context
        if context is None:
            return
        tokens = len(prompt.tokens) + (0 if self._loaded.seq2seq else more)
        if not prompt.tokens or tokens > context:
            raise BackendError(
                f"The prompt has {len(prompt.tokens)} tokens, and the model's context {context}.",
                hint="Show fewer demonstrations, or choose a model with a longer context.",
            )
