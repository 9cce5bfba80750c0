"""The sets that an experiment trains on, made and described without training anything."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.documents import FileModel
from harness.errors import ArtefactError, ConfigError, Problem
from harness.pipeline._budget import BudgetLimits
from harness.pipeline._experiment import SeedTriple
from harness.pipeline._local import Observer, execute
from harness.pipeline._manifest import NodeRecord
from harness.pipeline._node import Node
from harness.pipeline._payers import budget_of
from harness.pipeline._plan import Plan
from harness.pipeline._run import RunFolder, begun
from harness.pipeline._setup import load_setup
from harness.pipeline.stages import (
    Curate,
    Describe,
    Encode,
    Label,
    Refill,
    Review,
    StepInput,
    agent_behind,
)

__all__ = ["DescribedSet", "SetChoice", "SetIndex", "describe_sets", "read_set_index"]

_INDEX = "sets.json"


@dataclass(frozen=True, slots=True)
class SetChoice:
    """Which sets are described, and how.

    Attributes:
        only: Names of sets, or parts of names, one of which a set's name must have; empty
            describes all.
        at: Rows at which diversity is measured.
        encoder: Encodes sentences; None leaves out what needs it.
    """

    only: tuple[str, ...] = ()
    at: int = 200
    encoder: str | None = "all-MiniLM-L6-v2"


class DescribedSet(FileModel):
    """A set in a run's ``sets.json``.

    Attributes:
        name: Its name.
        report: Key of the stage that described it.
        rows: Key of the stage with its rows.
        steps: The stages that wrote and judged the rows, in order.
    """

    name: str
    report: str
    rows: str
    steps: tuple[NodeRecord, ...]


class SetIndex(FileModel):
    """What ``sets.json`` of a run holds."""

    sets: tuple[DescribedSet, ...]


def describe_sets(
    file: Path,
    *,
    folder: Path,
    choice: SetChoice | None = None,
    store: Path | str | None = None,
    calls: str | None = None,
    observer: Observer | None = None,
    limits: BudgetLimits | None = None,
    jobs: int | None = None,
) -> RunFolder:
    """Makes and describes the generated and labelled sets of an experiment; trains nothing.

    What a run of the experiment in the same folder (or store) made is found, and the other way
    round. The reports lie in the artefact store; ``sets.json`` of the folder says where.

    Args:
        file: The experiment file.
        folder: The run's folder; made when absent.
        choice: Which sets, and how.
        store: A folder of artefacts and calls that several runs share, or a storage's address.
        calls: Address of a server's call store.
        observer: Told how it goes.
        limits: What may be paid.
        jobs: Worker processes.

    Raises:
        ConfigError: When the file is not valid, or no set is chosen.
        CalldistilError: When a stage fails; call again to go on.
    """
    choice = choice or SetChoice()
    with begun(load_setup(file), RunFolder.at(folder, store=store, calls=calls)) as at:
        sets = tuple(_described(at.plan, choice))
        if not sets:
            known = ", ".join(dict.fromkeys(name for name, _ in _sources(at.plan)))
            raise ConfigError(
                [
                    Problem(
                        f"no generated or labelled set of {file} is chosen",
                        f"the names are: {known or 'none, it trains on gold alone'}",
                    )
                ]
            )
        plan = replace(at.plan, systems=(), overlaps=(), further=tuple(node for _, node in sets))
        budget = None
        if limits is not None and limits != BudgetLimits():
            budget = budget_of(plan, limits, at.calls, at.manifest.run)
        execute(
            plan,
            artefacts=at.run.artefacts,
            calls=at.calls,
            run=at.manifest.run,
            observer=observer,
            budget=budget,
            jobs=jobs,
        )
        index = SetIndex(sets=tuple(_entry(name, node) for name, node in sets))
        (at.run.folder / _INDEX).write_text(index.model_dump_json(indent=1), encoding="utf-8")
    return at.run


def read_set_index(run: RunFolder) -> SetIndex:
    """The sets of a run that were described.

    Raises:
        ArtefactError: When none were.
    """
    file = run.folder / _INDEX
    if not file.is_file():
        raise ArtefactError(
            f"No set of the run in {run.folder} is described.",
            hint="Describe them: calldistil describe EXPERIMENT --output the run's folder.",
        )
    return SetIndex.model_validate_json(file.read_text(encoding="utf-8"))


def _sources(plan: Plan) -> Iterator[tuple[str, Node]]:
    """Every distinct generated or labelled set, under a name of its own."""
    found: dict[str, tuple[str, Node]] = {}
    for system in plan.systems:
        for repetition in system.repetitions:
            training = repetition.training
            if training is None:
                continue
            for name, node in training.inputs.items():
                if name.startswith("source") and agent_behind(_writer(node).stage) is not None:
                    found.setdefault(node.key, (_name(node, repetition.seeds), node))
    names = [name for name, _ in found.values()]
    for place, (name, node) in enumerate(found.values()):
        # Two labelled sets of different sizes have one title: the number tells them apart.
        twice = names[:place].count(name)
        yield (f"{name} ({twice + 1})" if twice else name), node


def _name(node: Node, seeds: SeedTriple) -> str:
    made = [
        f"{word} {seed}"
        for word, seed, first in (("split", seeds.split, 1), ("gen", seeds.generation, 0))
        if seed not in (None, first)
    ]
    chain = _chain(node)
    limit = getattr(_chosen(node), "limit", None)
    parts = [chain[0].title.removeprefix("generate with ") + (f", first {limit}" if limit else "")]
    for place, gate in enumerate(chain[1:], start=1):
        again = any(isinstance(before.stage, Refill) for before in chain[: place + 1])
        if not again or gate is node:  # gates after a refill are those before it once more
            parts.append(gate.title.removeprefix(f"{chain[place - 1].title}, "))
    title = ", ".join(parts)
    return f"{title} ({', '.join(made)})" if made else title


def _chosen(node: Node) -> object:
    writer = _writer(node)
    return writer.inputs["examples"].stage if isinstance(writer.stage, Label) else None


def _writer(node: Node) -> Node:
    while isinstance(node.stage, Curate | Review | Refill):
        node = node.inputs["rows"]
    return node


def _chain(node: Node) -> list[Node]:
    """The stages of a set from the one that wrote it to its last gate."""
    chain = [node]
    while isinstance(chain[-1].stage, Curate | Review | Refill):
        chain.append(chain[-1].inputs["rows"])
    return chain[::-1]


def _described(plan: Plan, choice: SetChoice) -> Iterator[tuple[str, Node]]:
    test = plan.full_test or plan.test
    sources = dict(_sources(plan))
    for name, rows in sources.items():
        # A part that is some set's whole name means that set alone.
        parts = [part == name if part in sources else part in name for part in choice.only]
        if choice.only and not any(parts):
            continue
        chain = _chain(rows)
        inputs = {"rows": rows, "test": test}
        gold = chain[0].inputs.get("few_shot")
        if gold is not None:
            inputs["gold"] = gold
        if choice.encoder is not None and importlib.util.find_spec("torch") is not None:
            for part in list(inputs):
                inputs[f"{part}_features"] = _encoded(plan, inputs[part], choice.encoder)
        inputs |= {f"step{place}": node for place, node in enumerate(chain)}
        stage = Describe(
            title=name,
            steps=tuple(StepInput(node.stage.name, _agent_name(node)) for node in chain),
            schema=plan.setup.schema,
            at=choice.at,
        )
        yield name, Node(stage, f"describe {name}", inputs)


def _encoded(plan: Plan, node: Node, encoder: str) -> Node:
    stage = Encode(encoder=encoder, representation="text", markers=plan.setup.schema.markers)
    return Node(stage, f"encode (text, {encoder}): {node.title}", {"examples": node})


def _agent_name(node: Node) -> str:
    agent = agent_behind(node.stage)
    if agent is not None:
        return agent.component
    return node.stage.gate if isinstance(node.stage, Curate) else node.stage.name


def _entry(name: str, node: Node) -> DescribedSet:
    chain: Sequence[Node] = _chain(node.inputs["rows"])
    return DescribedSet(
        name=name,
        report=node.key,
        rows=node.inputs["rows"].key,
        steps=tuple(NodeRecord.of(step) for step in chain),
    )
