"""Requests on the event loop: limits, attempts, retries, and when to give up."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from dataclasses import replace
from typing import Any

from agents.backends.openai_compatible._faults import Fault, fault_of
from agents.backends.openai_compatible._forms import Form, forms_of
from agents.backends.openai_compatible._limits import AdaptiveLimit, Pace
from agents.backends.openai_compatible._options import OpenAIOptions
from agents.backends.openai_compatible._pool import Pool, Server
from agents.backends.openai_compatible._secrets import Secret
from agents.backends.openai_compatible._wire import BadAnswerError, body_of, completion_of
from harness.errors import BackendError, MissingExtraError
from harness.protocols import Completion, Failure, FinishReason, Request

__all__ = ["Round", "Session"]

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
LONGEST_ASKED_WAIT_S = 300.0
MOST_BAD_ANSWERS = 3
"""Attempts that may end in a body which is no answer: each may have been charged."""
MANY = 16
SCATTER_S = 0.002
"""An event loop shares its time among answers that come together, so that they end together, and
the requests after them would for ever begin together. Where ``MANY`` are under way, a moment's
scatter keeps them apart."""
_UNSET_ANSWER_TOKENS = 256
_BYTES_PER_TOKEN = 3


class Round:
    """The requests that were handed over together.

    Args:
        deadline: ``time.monotonic()`` at which it ends, if ever.

    Attributes:
        stopped: Why the rest is not asked any more.
        answered_at: When the last answer of any came.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self.deadline = deadline
        self.stopped: BackendError | None = None
        self.answered_at = float("-inf")
        self._end = asyncio.Event()

    def stop(self, error: BackendError) -> None:
        """Ends it; who waits for another attempt is told at once."""
        self.stopped = self.stopped or error
        self._end.set()

    async def pause(self, seconds: float) -> None:
        """Waits, but not beyond the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._end.wait()


class Session:
    """Clients, limits and what was found out, for as long as a backend lives.

    Raises:
        MissingExtraError: When the package ``openai`` is not installed.
        BackendError: When there is no key and one is needed.
    """

    def __init__(self, options: OpenAIOptions) -> None:
        self.options = options
        self.names = (options.model, *options.answers_as)
        self.notes: list[str] = []
        self.raw_response = _response_type()
        self.secret = Secret(options)
        self.pool = Pool(options.addresses)
        self.limit = AdaptiveLimit(options.concurrency)
        self._requests = Pace(options.requests_per_minute)
        self._tokens = Pace(options.tokens_per_minute)
        self._form_at: dict[str, int] = {}
        self._proven: set[tuple[str, Form]] = set()

    async def answer(self, request: Request, round_: Round) -> Completion | Failure:
        """Asks until there is an answer, or a reason why there is none."""
        if round_.deadline is None:
            return await self._answer(request, round_)
        left = round_.deadline - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, left)):
                return await self._answer(request, round_)
        except TimeoutError:
            error = BackendError(
                f"The deadline of {self.options.deadline_s:g} s has passed.",
                retryable=True,
                hint="Run again to go on, or raise deadline_s.",
            )
            return Failure(request=request, error=error)

    async def _answer(self, request: Request, round_: Round) -> Completion | Failure:
        began = time.monotonic()
        forms = forms_of(request.constraint, self.options.structured)
        kind = request.constraint.kind if request.constraint is not None else ""
        step = attempt = bad_answers = refused_form = 0
        while True:
            if round_.stopped is not None:
                return Failure(request=request, error=round_.stopped)
            step = max(step, self._form_at.get(kind, 0))
            form = forms[step]
            outcome = await self._attempt(request, form, round_)
            if isinstance(outcome, Completion):
                round_.answered_at = time.monotonic()
                self._prove(kind, form, step)
                return outcome
            error = outcome.error
            if outcome.filtered:
                return Completion(request=request, text="", finish=FinishReason.REFUSAL)
            if outcome.fatal:
                round_.stop(error)
                return Failure(request=request, error=error)
            if step + 1 < len(forms) and (kind, form) not in self._proven:
                refused_form += 1 if (error.status or 0) >= 500 else 0
                # A 500 may be an accident; two in a row for a form that never worked are a no.
                if error.status in (400, 415, 422, 501) or refused_form >= 2:
                    step, refused_form = step + 1, 0
                    continue
            attempt += 1
            bad_answers += isinstance(error, BadAnswerError)
            given_up = attempt > self.options.max_retries or bad_answers >= MOST_BAD_ANSWERS
            wait = _wait(error, attempt)
            if not error.retryable or given_up or wait > LONGEST_ASKED_WAIT_S:
                if error.retryable and round_.answered_at < began:
                    # Nothing at all was answered meanwhile: the rest would only take as long.
                    round_.stop(error)
                return Failure(request=request, error=error)
            await round_.pause(wait)

    async def _attempt(self, request: Request, form: Form, round_: Round) -> Completion | Fault:
        body = body_of(request, self.options, form)
        estimate = _tokens_of(request)
        if self.limit.under_way >= MANY:
            await asyncio.sleep(random.uniform(0.0, SCATTER_S))
        await self.limit.enter()
        try:
            await self._requests.take()
            await self._tokens.take(estimate)
            if round_.stopped is not None:
                return Fault(round_.stopped)
            return await self._send(request, body, estimate)
        finally:
            self.limit.leave()

    async def _send(
        self, request: Request, body: dict[str, Any], estimate: int
    ) -> Completion | Fault:
        server = self.pool.pick()
        server.under_way += 1
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.options.timeout_s):
                response = await self.client_of(server).post(
                    "/chat/completions", cast_to=self.raw_response, body=body
                )
            seconds = time.perf_counter() - started
            self.pool.reached(server)
            answer = completion_of(request, response.content, names=self.names, latency_s=seconds)
        except Exception as error:
            fault = fault_of(error, place=server.place, secret=self.secret)
            if fault.lost:
                self.pool.lost(server)
            if fault.overload:
                self.limit.overloaded()
            return fault
        finally:
            server.under_way -= 1
        self.limit.answered(seconds)
        usage = answer.usage
        used = (usage.input_tokens, usage.cache_read_tokens, usage.output_tokens)
        if usage.source == "reported":
            self._tokens.adjust(sum(n or 0 for n in (*used, usage.reasoning_tokens)) - estimate)
        # A server may echo what it was sent.
        text = self.secret.hide(answer.text)
        return answer if text == answer.text else replace(answer, text=text)

    def _prove(self, kind: str, form: Form, step: int) -> None:
        if not kind or (kind, form) in self._proven:
            return
        self._proven.add((kind, form))
        if step > self._form_at.get(kind, 0):
            self._form_at[kind] = step
            self.notes.append(f"structured answers ({kind}) are asked for as: {form}")

    def client_of(self, server: Server) -> Any:
        """The server's client, made when it is first needed; ours are the retries."""
        if server.client is None:
            import openai

            server.client = openai.AsyncOpenAI(
                base_url=server.address,
                api_key=self.secret.reveal(),
                max_retries=0,
                timeout=self.options.timeout_s,
                http_client=_http_client(self.options.timeout_s),
            )
        return server.client

    async def close(self) -> None:
        """Closes the clients' connections."""
        for server in self.pool.servers:
            if server.client is not None:
                with contextlib.suppress(Exception):
                    await server.client.close()
                server.client = None


def _wait(error: BackendError, attempt: int) -> float:
    """Seconds before the next attempt: what the server asked for, else exponential, scattered."""
    if error.retry_after is not None:
        return error.retry_after * random.uniform(1.0, 1.1)
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempt - 1))
    return random.uniform(0.5, 1.0) * longest


def _tokens_of(request: Request) -> int:
    """An estimate on the high side: English has about four bytes to a token."""
    size = sum(len(message.content.encode()) for message in request.messages)
    return size // _BYTES_PER_TOKEN + (request.sampling.max_tokens or _UNSET_ANSWER_TOKENS)


def _http_client(timeout_s: float) -> Any:
    """The client's transport over aiohttp, which takes half the processor time, where it is."""
    import openai

    try:
        return openai.DefaultAioHttpClient(timeout=timeout_s)
    except (AttributeError, RuntimeError, ImportError):
        return None  # the client's own


def _response_type() -> Any:
    """The response class of the HTTP library that the client is built on (httpx2, once httpx)."""
    try:
        import openai  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            package="openai", extra="openai", feature="The backend openai"
        ) from None
    return (sys.modules.get("httpx2") or sys.modules["httpx"]).Response
