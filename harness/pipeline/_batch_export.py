"""The calls that a run still needs, as a batch file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from harness.costs import CostRange, CountRange, count_prompt, plan_cost, token_counter
from harness.errors import ConfigError, Problem
from harness.pipeline._estimate import DEFAULT_TOKENIZER, resolved_price
from harness.pipeline._pending import PendingStage, pending_calls
from harness.pipeline._run import RunFolder, begun
from harness.pipeline._setup import Setup
from harness.pipeline.stages import agent_behind
from harness.protocols import Batchable, Request

__all__ = ["BatchStage", "export_batch"]


@dataclass(frozen=True)
class BatchStage:
    """What of a batch file belongs to one stage.

    Attributes:
        title: The stage.
        backend: Its backend entry.
        model: The model that is asked.
        calls: Lines written for it; those that an earlier stage asks as well count there.
        input_tokens: Prompt tokens, counted.
        cost: At the list price, at one token per answer and at ``max_tokens``.
        batch_cost: The same at the batch price; unknown where none is declared.
        waits_for: Title of the stage whose answers it needs first, if any.
        tokenizer: What counted.
    """

    title: str
    backend: str
    model: str
    calls: int
    input_tokens: int
    cost: CostRange
    batch_cost: CostRange
    waits_for: str | None
    tokenizer: str


def export_batch(
    setup: Setup,
    file: Path,
    *,
    folder: Path,
    store: Path | str | None = None,
    calls: str | None = None,
    backend: str | None = None,
) -> tuple[BatchStage, ...]:
    """Writes every call that a run needs next, in the OpenAI Batch format.

    One line is ``{"custom_id": request key, "method": "POST", "url": ..., "body": ...}``. Agents
    that ask in rounds have one round in the file; import its answers and export again for the
    next. Stages that need no call are carried out on the way.

    Args:
        setup: The experiment.
        file: The file to write; whole or not at all. Not written where nothing is needed.
        folder: The run's folder.
        store: A folder of artefacts and calls that several runs share, or a storage's address.
        calls: Address of a server's call store.
        backend: Take the calls of this backend entry alone.

    Returns:
        What the file holds, by stage. Empty when the run needs no more calls.

    Raises:
        ConfigError: When the calls go to several models, which services refuse in one file, or to
            a backend that knows no batch files.
    """
    with begun(setup, RunFolder.at(folder, store=store, calls=calls)) as at:
        pending = pending_calls(
            at.plan, artefacts=at.run.artefacts, calls=at.calls, run=at.manifest.run
        )
    if backend is not None:
        _known_backend(setup, backend)
        pending = tuple(stage for stage in pending if stage.backend == backend)
    _one_model(setup, pending)
    lines: dict[str, str] = {}
    stages = []
    for stage in pending:
        own = {key: request for key, request in stage.by_key().items() if key not in lines}
        lines |= {key: _line(key, request, stage) for key, request in own.items()}
        stages.append(_described(setup, stage, list(own.values())))
    if lines:
        aside = file.with_name(f".{file.name}.partial")
        aside.write_text("".join(lines.values()), encoding="utf-8", newline="\n")
        aside.replace(file)
    return tuple(stages)


def _known_backend(setup: Setup, backend: str) -> None:
    known = setup.experiment.backends
    if backend not in known:
        raise ConfigError(
            [Problem(f"the backend {backend!r} is not declared", f"one of: {', '.join(known)}")]
        )


def _one_model(setup: Setup, pending: tuple[PendingStage, ...]) -> None:
    problems = []
    asking = [stage for stage in pending if stage.requests]
    for name in sorted({s.backend for s in asking if not isinstance(s.asked, Batchable)}):
        use = setup.experiment.backends[name].use
        problems.append(
            Problem(
                f"the backend {name!r} ({use}) knows no batch files",
                "use openai for it, or leave it out with --backend NAME",
            )
        )
    models = {stage.asked.model.name: stage.backend for stage in asking}
    if len(models) > 1:
        named = ", ".join(f"{model} ({backend})" for model, backend in models.items())
        problems.append(
            Problem(
                f"the calls go to several models: {named}",
                "services take one model per file: export each with --backend NAME",
            )
        )
    if problems:
        raise ConfigError(problems)


def _line(key: str, request: Request, stage: PendingStage) -> str:
    asked = stage.asked
    assert isinstance(asked, Batchable)  # checked above
    document = {
        "custom_id": key,
        "method": "POST",
        "url": asked.batch_url,
        "body": dict(asked.batch_body(request)),
    }
    return json.dumps(document, ensure_ascii=False) + "\n"


def _described(setup: Setup, stage: PendingStage, requests: list[Request]) -> BatchStage:
    agent = agent_behind(stage.node.stage)
    assert agent is not None  # only such a stage waits for answers
    entry = setup.experiment.backends[stage.backend]
    counter = token_counter(entry.tokenizer or DEFAULT_TOKENIZER)
    counts: dict[str, int] = {}
    tokens = 0
    for request in requests:
        for message in request.messages:
            if message.content not in counts:
                counts[message.content] = count_prompt([message], counter)
            tokens += counts[message.content]
    most = agent.sampling.max_tokens
    calls = CountRange.exactly(len(requests))
    per_call = CountRange.exactly(tokens / len(requests) if requests else 0)
    answer = CountRange(1, 1, most)
    price = resolved_price(entry)
    return BatchStage(
        title=stage.node.title,
        backend=stage.backend,
        model=stage.asked.model.name,
        calls=len(requests),
        input_tokens=tokens,
        cost=plan_cost(calls, per_call, answer, price),
        batch_cost=plan_cost(calls, per_call, answer, price, mode="batch"),
        waits_for=stage.waits_for,
        tokenizer=counter.name,
    )
