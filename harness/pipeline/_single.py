"""One stage without an experiment file: label sentences, write rows, train a student."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.costs import ModelPrice
from harness.errors import ArtefactError
from harness.pipeline._budget import Budget, BudgetLimits
from harness.pipeline._components import checked_component
from harness.pipeline._payers import payer_of
from harness.pipeline.stages import Agent, Measures, Stage, StageContext, save_examples
from harness.protocols import Backend, Progress, Sampling
from harness.registry import Registry, backends
from harness.relations import Example
from harness.store import open_call_store

__all__ = ["agent_of", "run_single"]

_BACKEND = "backend"
_CALLS = "calls.sqlite"
_RUN = "single"
_CHECKPOINTS = ".draft-checkpoints"


def agent_of(
    registry: Registry[Any],
    component: str,
    *,
    options: Mapping[str, Any],
    backend: str,
    backend_options: Mapping[str, Any],
    sampling: Sampling,
    tokenizer: str | None,
) -> Agent:
    """An extractor or generator on a backend, checked as in an experiment file.

    Raises:
        ConfigError: When a name or an option is wrong.
    """
    found = checked_component(registry, component, options, Path())
    behind = checked_component(backends, backend, backend_options, Path())
    return Agent(
        component=found.name,
        options=found.options,
        backend=_BACKEND,
        backend_use=behind.name,
        backend_options=behind.options,
        sampling=sampling,
        tokenizer=tokenizer,
    )


def run_single(
    stage: Stage,
    *,
    inputs: Mapping[str, Sequence[Example]],
    output: Path,
    agent: Agent | None = None,
    progress: Progress | None = None,
    limits: BudgetLimits | None = None,
    price: ModelPrice | None = None,
    checkpoints: Path | None = None,
) -> Measures:
    """Runs one stage and puts its files into ``output``, all of them or none.

    Answers are kept in ``output/calls.sqlite`` as they come, so that an interrupted call goes on
    where it stopped.

    Args:
        stage: The stage.
        inputs: Its inputs' examples, by the name it knows them under.
        output: A folder without results yet; made when absent.
        agent: The agent of a stage that talks to an LLM.
        progress: Told of (done, total).
        limits: What may be paid, earlier calls into the same folder included.
        price: The model's price, for a limit on cost.
        checkpoints: Where the stage keeps what an interrupted call goes on from; in ``output`` if
            left out.

    Raises:
        BudgetError: When the next call might exceed the limits.
        ArtefactError: When the folder holds results already.
    """
    if output.exists() and any(path.name != _CALLS for path in _visible(output)):
        raise ArtefactError(
            f"{output} holds files already.", hint="Name an empty or new folder with --output."
        )
    output.mkdir(parents=True, exist_ok=True)
    made: list[Backend] = []

    def backend(name: str) -> Backend:
        assert agent is not None  # only a stage with an agent asks
        if not made:
            kind = backends.get(agent.backend_use)
            made.append(kind(options=agent.backend_options))
        return made[0]

    with (
        tempfile.TemporaryDirectory(prefix=".draft-", dir=output) as draft,
        open_call_store(output / _CALLS) as calls,
    ):
        folders = {}
        for name, examples in inputs.items():
            folders[name] = Path(draft) / name
            folders[name].mkdir()
            save_examples(folders[name], examples)
        content = Path(draft) / "content"
        content.mkdir()
        budget = None
        if limits is not None and agent is not None and agent.backend_use != "recorded":
            payers = {agent.backend: payer_of(agent, price=price)}
            paid = (call for call in calls if call.paid_by(_RUN))
            budget = Budget(limits, payers, earlier=paid)
        context = StageContext(
            calls=calls,
            run=_RUN,
            backend=backend,
            progress=progress,
            budget=budget,
            checkpoints=checkpoints or output / _CHECKPOINTS,
        )
        try:
            measures = stage.run(inputs=folders, content=content, context=context)
        finally:
            for found in made:
                found.close()
        for path in content.iterdir():
            shutil.move(path, output / path.name)
    shutil.rmtree(output / _CHECKPOINTS, ignore_errors=True)
    if agent is None:
        for path in output.glob(f"{_CALLS}*"):
            path.unlink()
    return measures


def _visible(folder: Path) -> list[Path]:
    """The folder's entries but those of an interrupted call and of the call store."""
    return [
        path for path in folder.iterdir() if not path.name.startswith((".draft-", f"{_CALLS}-"))
    ]
