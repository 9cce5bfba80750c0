"""An extractor over a very large file: cut into shards, each a task and an artefact of its own."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.costs import ModelPrice
from harness.errors import ArtefactError, DataError, Problem
from harness.pipeline._budget import Budget, BudgetLimits
from harness.pipeline._executor import Executor, LocalExecutor, Work
from harness.pipeline._experiment import BackendEntry, Experiment
from harness.pipeline._local import Observer, Quiet
from harness.pipeline._node import Node
from harness.pipeline._payers import payer_of
from harness.pipeline._plan_parts import Plan
from harness.pipeline._run import RunFolder, held
from harness.pipeline._setup import Setup
from harness.pipeline.stages import PREDICTIONS, Agent, Extract, shards_of
from harness.relations import Schema
from harness.store import content_hash, open_call_store

__all__ = ["ShardedAnswers", "extract_shards"]


@dataclass(frozen=True, slots=True)
class ShardedAnswers:
    """What was written.

    Attributes:
        file: The answers, in the order of the sentences.
        shards: How many shards they come from.
    """

    file: Path
    shards: int


def extract_shards(
    sentences: Path,
    *,
    agent: Agent,
    schema: Schema,
    output: Path,
    lines: int,
    repeat: int = 0,
    few_shot: Path | None = None,
    pool: Path | None = None,
    store: Path | str | None = None,
    calls: str | None = None,
    executor: Executor | None = None,
    observer: Observer | None = None,
    limits: BudgetLimits | None = None,
    price: ModelPrice | None = None,
) -> ShardedAnswers:
    """Labels every line of a file, shard by shard; called again, it goes on where it stopped.

    Memory does not grow with the file. A shard is known by its bytes: lines that are appended
    later leave the finished shards as they are. Ids must be different in the whole file, which is
    checked within each shard alone.

    Args:
        sentences: Examples in the format ``jsonl``, one a line.
        agent: The extractor and its backend; a pool of servers is an option of the backend.
        schema: The relation schema.
        output: Folder for ``predictions.jsonl``, and for artefacts and calls unless they are
            elsewhere.
        lines: Lines of a shard.
        repeat: Repeat number of the calls.
        few_shot: Labelled examples that the extractor shows, in the same format.
        pool: Labelled examples among which it looks for near ones.
        store: A folder, or a storage's address, for artefacts.
        calls: Address of a server's call store.
        executor: Where shards are asked about; here, one after another, if left out.
        observer: Told how it goes.
        limits: What may be paid, earlier sittings included.
        price: The model's price, for a limit on cost.

    Raises:
        BudgetError: When the next call might exceed the limits.
        DataError: When a line cannot be read.
        CalldistilError: When a shard fails; what is answered stays.
    """
    stage = Extract(agent=agent, schema=schema, repeat=repeat)
    beside = {
        name: _whole(file)
        for name, file in (("few_shot", few_shot), ("pool", pool))
        if file is not None
    }
    nodes = []
    for shard in shards_of(sentences.resolve(), lines):
        title = f"lines {shard.line} and on"
        examples = Node(shard, f"{title}: read", {})
        nodes.append(Node(stage, f"{title}: ask", {"examples": examples, **beside}))
    if not nodes:
        raise DataError([Problem("it has no lines", "name a file with sentences", sentences)])
    run = RunFolder.at(output, store=store, calls=calls)
    # The same for every sitting, so that a budget counts what earlier ones paid.
    name = content_hash([stage.identity(), str(sentences.resolve())])[:16]
    with held(output), open_call_store(run.calls) as opened:
        budget = None
        if limits is not None and agent.backend_use != "recorded":
            paid = (call for call in opened if call.paid_by(name))
            budget = Budget(limits, {agent.backend: payer_of(agent, price=price)}, earlier=paid)
        work = Work(
            plan=Plan(_setup(agent, schema, sentences), nodes[0], None, (), (), {}, tuple(nodes)),
            artefacts=run.artefacts,
            calls=opened,
            calls_at=run.calls,
            run=name,
            observer=observer or Quiet(),
            budget=budget,
        )
        (executor or LocalExecutor()).execute(work)
        target = output / PREDICTIONS
        _join(work, nodes, target)
    return ShardedAnswers(target, len(nodes))


def _whole(file: Path) -> Node:
    [shard] = shards_of(file.resolve(), 2**62)
    return Node(shard, f"read {file.name}", {})


def _setup(agent: Agent, schema: Schema, file: Path) -> Setup:
    """An experiment of nothing but the backend, for whoever makes it."""
    options = agent.backend_options.model_dump(exclude_unset=True)
    entry = BackendEntry(use=agent.backend_use, options=options, tokenizer=agent.tokenizer)
    experiment = Experiment.model_construct(backends={agent.backend: entry}, resources={})
    return Setup(experiment, file, Path.cwd(), schema)


def _join(work: Work, nodes: Sequence[Node], target: Path) -> None:
    """Puts the shards' answers into one file: whole, or not at all."""
    aside = target.with_suffix(".part")
    with aside.open("wb") as out:
        for node in nodes:
            found = work.artefacts.find(node.stage.name, node.key)
            if found is None:
                raise ArtefactError(
                    f"The answers to '{node.title}' are gone.", hint="Run again: calls are kept."
                )
            with (found.content / PREDICTIONS).open("rb") as answers:
                shutil.copyfileobj(answers, out)
    aside.replace(target)
