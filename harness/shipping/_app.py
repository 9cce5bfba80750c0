"""The HTTP application of ``calldistil serve``. Imports FastAPI: import this module late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from harness import __version__
from harness.errors import BackendError, CalldistilError, DataError
from harness.shipping._batcher import Batcher, BusyError
from harness.shipping._limits import Limits
from harness.shipping._rows import answer_row
from harness.shipping._system import System
from harness.shipping._wire import (
    AnswerBody,
    ErrorBody,
    HealthBody,
    PredictBody,
    PredictedBody,
    SchemaBody,
)

__all__ = ["make_app"]

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 413, 422, 500, 502, 503)
}


def make_app(
    system: System,
    *,
    token: str | None = None,
    local: bool = True,
    most_bytes: int = 4 << 20,
    most_examples: int = 512,
    batch: int = 256,
    wait_s: float = 0.005,
    room: int = 4096,
) -> FastAPI:
    """The application that serves a system.

    Args:
        system: Answers; called from one thread.
        token: What requests must carry; None lets everyone in.
        local: Whether requests must name this machine by its loopback name.
        most_bytes: Size of a request's body, at most.
        most_examples: Examples of a request, at most.
        batch: Examples that are answered together, at most.
        wait_s: Seconds that a batch waits for company.
        room: Examples that may wait; more are turned away with 503.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with Batcher(system, most=batch, wait_s=wait_s, room=room) as batcher:
            app.state.batcher = batcher
            yield

    app = FastAPI(
        title=f"calldistil: {system.name}",
        version=__version__,
        lifespan=life,
        docs_url=None,  # its page loads scripts from elsewhere; /openapi.json says the same
        redoc_url=None,
        responses=_ERRORS,
    )
    app.add_middleware(
        Limits,
        token=token,
        most_bytes=most_bytes,
        local=local,
    )

    @app.get("/health")
    async def health() -> HealthBody:
        """Whether the server answers; needs no token."""
        return HealthBody(
            status="ok",
            system=system.name,
            kind=system.kind,
            version=__version__,
            waiting=app.state.batcher.waiting,
        )

    @app.get("/schema")
    async def schema() -> SchemaBody:
        """The labels that answers may have, and the marks of ``marked`` sentences."""
        found = system.schema
        return SchemaBody(
            name=found.name,
            labels=list(found.label_names),
            na_label=found.na_label,
            markers={"head": found.markers.head, "tail": found.markers.tail},
        )

    @app.post("/predict", response_model_exclude_unset=True)
    async def predict(body: PredictBody) -> PredictedBody:
        """Labels sentences."""
        if len(body.examples) > most_examples:
            raise HTTPException(413, f"{len(body.examples)} examples; at most {most_examples}")
        examples = [e.example(place, system.schema) for place, e in enumerate(body.examples)]
        answers = await app.state.batcher.submit(examples)
        rows = [answer_row(answer, probabilities=body.probabilities) for answer in answers]
        return PredictedBody(answers=[AnswerBody.model_validate(row) for row in rows])

    _add_handlers(app)
    return app


def _add_handlers(app: FastAPI) -> None:
    """Every error in one form."""

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        said = [
            f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
            for detail in error.errors()[:20]
        ]
        return _said(422, "invalid", "; ".join(said), "GET /openapi.json says what a body holds.")

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = {404: "not_found", 405: "not_allowed", 413: "too_large"}.get(error.status_code)
        return _said(error.status_code, code or "refused", str(error.detail))

    async def known(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, CalldistilError)
        if isinstance(error, BusyError):
            answer = _said(503, "busy", error.message, error.hint or "")
            answer.headers["Retry-After"] = "1"
            return answer
        status, code = 500, "failed"
        if isinstance(error, DataError):
            status, code = 422, "invalid"
        elif isinstance(error, BackendError):
            status, code = 502, "llm_failed"
        return _said(status, code, error.message, error.hint or "")

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        return _said(500, "failed", f"{type(error).__name__}", "The server's log says more.")

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(CalldistilError, known)
    app.add_exception_handler(Exception, unknown)


def _said(status: int, code: str, message: str, hint: str = "") -> JSONResponse:
    body = {"error": {"code": code, "message": message, "hint": hint}}
    return JSONResponse(body, status_code=status)
