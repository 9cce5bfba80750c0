"""The Ray executor: the same stages, as tasks of a cluster over shared storage."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import CalldistilError, ConfigError
from harness.pipeline._budget import BudgetLimits
from harness.pipeline._executor import Work
from harness.pipeline._local import Backends, make_node
from harness.pipeline._node import Node
from harness.pipeline._ray_cluster import RayCluster, check, connected, ray_options
from harness.pipeline._ray_task import Errand, Reply, carry_out
from harness.pipeline._resources import ResourcesEntry, resources_of
from harness.pipeline.stages import ContentFree, Read, Shard, Split, Subset, agent_behind

__all__ = ["RayExecutor"]

_AT_THE_DRIVER = (Read, Shard, Split, Subset, ContentFree)  # quick, and the data files are there
_ATTEMPTS = 3
_QUEUED_PER_CORE = 2


@dataclass(frozen=True)
class RayExecutor:
    """Stages as Ray tasks; data is read here, where the data files are.

    A task whose worker or machine dies is started again, a few times. An answer is stored the
    moment it comes and an artefact is whole or absent, so nothing that was paid for or finished
    is repeated; the same holds when this process dies and the run is called again.

    Attributes:
        address: The cluster; None: ``RAY_ADDRESS``, else one is started on this machine.
        jobs: Cores of one that is started here; all by default.
        resources: What stages take, by their names; goes before what the experiment file says.
    """

    address: str | None = None
    jobs: int | None = None
    resources: Mapping[str, ResourcesEntry] = field(default_factory=dict)

    def execute(self, work: Work, /) -> None:
        """Carries it out.

        Raises:
            MissingExtraError: When Ray is not installed.
            ConfigError: When the cluster cannot carry it out: no machine has room for a stage, or
                one does not see the artefacts or the calls.
            BudgetError: When the next call might exceed the budget.
            CalldistilError: When a stage fails; what came before it stays.
        """
        work.artefacts.sweep()
        todo = []
        for node in work.plan.nodes:
            if work.artefacts.holds(node.stage.name, node.key):
                work.observer.found(node)
            else:
                todo.append(node)
        if not todo:
            return
        needs = {
            node.stage.name: resources_of(
                node.stage.name, work.plan.setup.experiment.resources, self.resources
            )
            for node in todo
            if not isinstance(node.stage, _AT_THE_DRIVER)
        }
        with connected(self.address, self.jobs) as cluster:
            if problems := list(cluster.problems(needs)):
                raise ConfigError(problems)
            check(cluster, work, todo)
            try:
                _Execution(work, cluster, needs, todo).go()
            finally:
                work.artefacts.sweep()  # what tasks left behind whose workers were killed


class _Frontier:
    """The stages of a plan whose inputs are there, in the plan's order."""

    def __init__(self, todo: list[Node]) -> None:
        undone = {node.key for node in todo}
        self._waits: dict[str, set[str]] = {}
        self._readers: dict[str, list[Node]] = {}
        self._ready: deque[Node] = deque()
        for node in todo:
            sources = {source.key for source in node.inputs.values()} & undone
            self._waits[node.key] = sources
            for key in sources:
                self._readers.setdefault(key, []).append(node)
            if not sources:
                self._ready.append(node)

    def __bool__(self) -> bool:
        return bool(self._ready)

    def __iter__(self) -> Iterator[Node]:
        """Those that are ready now."""
        return iter(tuple(self._ready))

    def take(self, node: Node) -> None:
        """The stage is begun."""
        self._ready.remove(node)

    def done(self, node: Node) -> None:
        """The stage is made, and so may those be that waited for it alone."""
        for reader in self._readers.pop(node.key, ()):
            waits = self._waits[reader.key]
            waits.discard(node.key)
            if not waits:
                self._ready.append(reader)


@dataclass
class _Sent:
    """A task under way."""

    node: Node
    started: float
    attempt: int


@dataclass
class _Execution:
    """One pass over what is to be done."""

    work: Work
    cluster: RayCluster
    needs: Mapping[str, ResourcesEntry]
    todo: list[Node]
    at_work: dict[Any, _Sent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.frontier = _Frontier(self.todo)
        self.begun = len(self.work.plan.nodes) - len(self.todo)
        budget = self.work.budget
        self.one_by_one = budget is not None and budget.limits != BudgetLimits()
        self.task = self.cluster.ray.remote(carry_out)
        self.errand = self.cluster.ray.put(
            Errand(
                setup=self.work.plan.setup,
                artefacts=self.work.artefacts.place,
                calls=self.work.calls_at
                if isinstance(self.work.calls_at, str)
                else self.work.calls_at.resolve(),
                run=self.work.run,
                limits=BudgetLimits() if budget is None else budget.limits,
                payers={} if budget is None else budget.payers,
            )
        )

    def go(self) -> None:
        """Makes what is missing."""
        behind = Backends(self.work.plan.setup, {})
        try:
            while self.frontier or self.at_work:
                if not self._begin_some(behind):
                    self._take_back()
        except CalldistilError:
            while self.at_work:  # what others have begun is not lost
                self._take_back_quietly()
            raise
        except BaseException:
            for reference in self.at_work:
                self.cluster.ray.cancel(reference, force=True)
            raise
        finally:
            behind.close()

    def _begin_some(self, behind: Backends) -> bool:
        """Begins what is ready and has room; False where there is nothing of the kind."""
        begun = False
        room = max(4, int(_QUEUED_PER_CORE * self.cluster.cpus)) - len(self.at_work)
        here = None
        for node in self.frontier:
            if isinstance(node.stage, _AT_THE_DRIVER):
                here = here or node
            elif room <= 0:
                break
            elif self._may_begin(node):
                self.frontier.take(node)
                self._started(node)
                self._send(node, attempt=1)
                room -= 1
                begun = True
        # What waits for data is sent before more is read, so that a large file is read as it goes.
        if here is not None and room > 0:
            self._make_here(here, behind)
            begun = True
        return begun

    def _may_begin(self, node: Node) -> bool:
        """Within a budget one stage asks at a time, so that no two spend the same rest of it."""
        if not self.one_by_one or agent_behind(node.stage) is None:
            return True
        return all(agent_behind(sent.node.stage) is None for sent in self.at_work.values())

    def _started(self, node: Node) -> None:
        self.begun += 1
        self.work.observer.started(node, self.begun, len(self.work.plan.nodes))

    def _make_here(self, node: Node, behind: Backends) -> None:
        self.frontier.take(node)
        self._started(node)
        started = time.perf_counter()
        work = self.work
        make_node(
            node, work.artefacts, work.calls, work.run, behind, progress=work.observer.progress
        )
        work.observer.finished(node, time.perf_counter() - started)
        self.frontier.done(node)

    def _send(self, node: Node, attempt: int) -> None:
        entry = self.needs[node.stage.name]
        # Lost tasks are counted and told here, where Ray would start them again by itself.
        task = self.task.options(**ray_options(entry), max_retries=0, name=node.title)
        reference = task.remote(node, self.errand, entry.cpus or 0)
        self.at_work[reference] = _Sent(node, time.perf_counter(), attempt)

    def _take_back(self) -> None:
        [reference], _ = self.cluster.ray.wait(list(self.at_work), num_returns=1)
        sent = self.at_work.pop(reference)
        try:
            reply: Reply = self.cluster.ray.get(reference)
        except self.cluster.ray.exceptions.RayError as error:
            if sent.attempt == _ATTEMPTS or not self._lost(error):
                raise self._given_up(sent, error) from None
            self._send(sent.node, sent.attempt + 1)
            return
        if self.work.budget is not None:
            self.work.budget.add(reply.bill.calls, reply.bill.dollars)
        if reply.failed:
            raise reply.error()
        self.work.observer.finished(sent.node, time.perf_counter() - sent.started)
        self.frontier.done(sent.node)

    def _take_back_quietly(self) -> None:
        try:
            self._take_back()
        except CalldistilError:
            return

    def _lost(self, error: BaseException) -> bool:
        """Whether a task ended with its worker or machine, and not by an error of its own."""
        return not isinstance(error, self.cluster.ray.exceptions.RayTaskError)

    def _given_up(self, sent: _Sent, error: BaseException) -> CalldistilError:
        kind = type(error).__name__
        if not self._lost(error):
            return CalldistilError(
                f"{sent.node.title}: {kind}: {str(error).strip().splitlines()[-1]}",
                hint="Install the same packages on every machine of the cluster.",
            )
        name = sent.node.stage.name
        return CalldistilError(
            f"The stage '{sent.node.title}' lost its worker {sent.attempt} times ({kind}).",
            hint="It may have run out of memory: let fewer run beside each other with"
            f" --resource {name}.memory_gb=..., then run again. What is finished is kept.",
        )
