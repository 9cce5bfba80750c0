"""Requests as strands, and strands as completions."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from agents.backends.llama_cpp._chat import ChatTemplate
from agents.backends.llama_cpp._choosing import Choosing
from agents.backends.llama_cpp._gbnf import finite_language
from agents.backends.llama_cpp._grammar import GrammarState
from agents.backends.llama_cpp._json_schema import grammar_of
from agents.backends.llama_cpp._model import LoadedModel
from agents.backends.llama_cpp._options import LlamaCppOptions
from agents.backends.llama_cpp._sampling import Sampler
from agents.backends.llama_cpp._scoring import Scoring
from agents.backends.llama_cpp._strand import Strand
from agents.backends.llama_cpp._trie import TokenTrie
from agents.backends.llama_cpp._writing import Writing
from harness.errors import BackendError
from harness.protocols import Completion, Constraint, Failure, Request, Usage, scores_text

__all__ = ["Job", "JobMaker"]


@dataclass(slots=True, eq=False)
class Job:
    """A request at work.

    Attributes:
        request: The request.
        prompt: Number of its prompt's tokens.
        answer: The answer under way; None where labels are scored.
        scoring: The scores under way; None where an answer is written.
    """

    request: Request
    prompt: int
    answer: Writing | Choosing | None = None
    scoring: Scoring | None = None

    @property
    def strands(self) -> Sequence[Strand]:
        """What has to be evaluated."""
        if self.scoring is not None:
            return self.scoring.strands
        assert self.answer is not None
        return (self.answer,)

    @property
    def done(self) -> bool:
        """Whether all its strands have ended; one that has failed ends it."""
        if self.scoring is None or self.failure is not None:
            return True
        return self.scoring.done

    @property
    def failure(self) -> BackendError | None:
        """Why it failed; None where it did not."""
        return next((strand.error for strand in self.strands if strand.error is not None), None)

    def outcome(self) -> Completion | Failure:
        """What came of it."""
        if (error := self.failure) is not None:
            return Failure(self.request, error)
        seconds = sum(strand.seconds for strand in self.strands)
        fresh = sum(strand.fresh or 0 for strand in self.strands)
        if self.scoring is not None:
            return Completion(
                request=self.request,
                text=scores_text(self.scoring.scores()),
                usage=Usage(
                    input_tokens=fresh,
                    cache_read_tokens=max(0, self.prompt - fresh),
                    output_tokens=0,
                    source="reported",
                ),
                latency_s=seconds,
            )
        answer = self.answer
        assert answer is not None
        fresh = answer.fresh_prompt
        return Completion(
            request=self.request,
            text=answer.text,
            finish=answer.finish,
            usage=Usage(
                input_tokens=fresh,
                cache_read_tokens=self.prompt - fresh,
                output_tokens=answer.written,
                source="reported",
            ),
            latency_s=seconds,
            log_probability=(
                answer.log_probability if self.request.sampling.log_probabilities else None
            ),
        )

    def release(self) -> None:
        """Lets go of what llama.cpp keeps for it."""
        for strand in self.strands:
            strand.release()


class JobMaker:
    """Makes jobs of requests.

    Args:
        model: The model.
        template: Its chat template.
        options: The backend's options.
    """

    def __init__(
        self, model: LoadedModel, template: ChatTemplate, options: LlamaCppOptions
    ) -> None:
        self._model = model
        self._template = template
        self._options = options
        self._trie = functools.lru_cache(maxsize=64)(self._new_trie)
        self._answer = functools.lru_cache(maxsize=4096)(model.vocabulary.answer)

    def scoring(self, request: Request) -> Job:
        """A job that scores the request's labels.

        Raises:
            BackendError: When a label does not survive the tokenizer, or the context is too short.
        """
        labels = tuple(dict.fromkeys(request.labels))
        answers = [self._answer(label) for label in labels]
        prompt = self._prompt(request, room=max(map(len, answers), default=0))
        vocabulary = self._model.vocabulary
        scoring = Scoring(prompt, labels=labels, answers=answers, vocabulary=vocabulary)
        return Job(request, len(prompt), scoring=scoring)

    def answering(self, request: Request) -> Job:
        """A job that writes an answer.

        Raises:
            BackendError: When its constraint cannot be kept, or the context is too short.
        """
        sampling = request.sampling
        prompt = self._prompt(request, room=1)
        sampler = Sampler.of(sampling, repeat=request.repeat, seed=self._options.seed)
        most = sampling.max_tokens or self._options.max_tokens
        vocabulary = self._model.vocabulary
        grammar = None
        if request.constraint is not None:
            trie, text = self._trie(request.constraint)
            if trie is not None and not sampling.stop:
                answer = Choosing(
                    prompt,
                    trie=trie,
                    vocabulary=vocabulary,
                    sampler=sampler,
                    max_tokens=most,
                    measures=bool(sampling.log_probabilities),
                )
                return Job(request, len(prompt), answer=answer)
            grammar = GrammarState(text, vocabulary)
        writing = Writing(
            prompt,
            vocabulary=vocabulary,
            sampler=sampler,
            max_tokens=most,
            stop=sampling.stop,
            grammar=grammar,
        )
        return Job(request, len(prompt), answer=writing)

    def _new_trie(self, constraint: Constraint) -> tuple[TokenTrie | None, str]:
        """The trie of the answers that a constraint allows, where they are few; its grammar."""
        text = constraint.text if constraint.kind == "grammar" else grammar_of(constraint.text)
        language = finite_language(text)
        if not language:
            return None, text
        return TokenTrie([self._model.vocabulary.answer(answer) for answer in language]), text

    def _prompt(self, request: Request, *, room: int) -> list[int]:
        tokens = self._model.vocabulary.prompt(self._template.render(request.messages))
        if not tokens:
            raise BackendError(
                "The prompt is empty: no messages, and a chat template that adds nothing.",
                hint="Ask something.",
            )
        context = self._model.context_size
        if len(tokens) + room > context:
            raise BackendError(
                f"The prompt has {len(tokens)} tokens, and with its answer does not fit into the"
                f" context of {context}.",
                hint=f"Set context: {_next_power(len(tokens) + room)} or more in the backend's"
                " options, or show fewer demonstrations.",
            )
        return tokens


def _next_power(count: int) -> int:
    return 1 << (count + 256).bit_length()
