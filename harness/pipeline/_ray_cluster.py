"""A Ray cluster that a run uses: reached or started here, and looked at before anything is paid."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import __version__
from harness.errors import CalldistilError, ConfigError, MissingExtraError, Problem
from harness.pipeline._executor import Work
from harness.pipeline._node import Node
from harness.pipeline._ray_task import Sight, look_around
from harness.pipeline._resources import ResourcesEntry, in_words
from harness.pipeline.stages import agent_behind
from harness.store import is_server, is_storage

__all__ = ["RayCluster", "check", "connected", "ray_options"]

_OBJECT_STORE = 100_000_000  # bytes; what stages exchange goes through the artefact store
_GIB = 2**30
_LOOKING_S = 120.0
_KNOCKING_S = 10.0
_LITTLE = 1e-9


@dataclass(frozen=True)
class RayCluster:
    """A cluster that this process is connected to.

    Attributes:
        ray: The module.
        machines: Its machines that are alive, as Ray describes them.
    """

    ray: Any
    machines: tuple[Mapping[str, Any], ...]

    @property
    def cpus(self) -> float:
        """All cores."""
        return sum(float(machine["Resources"].get("CPU", 0)) for machine in self.machines)

    def problems(self, needs: Mapping[str, ResourcesEntry]) -> Iterator[Problem]:
        """The stages that no machine has room for.

        Args:
            needs: What stages take, by their names.
        """
        for stage, entry in needs.items():
            wanted = _demands(entry)
            if not any(
                all(m["Resources"].get(name, 0) + _LITTLE >= n for name, n in wanted.items())
                for m in self.machines
            ):
                yield Problem(
                    f"no machine of the Ray cluster has {in_words(entry)}, which the stage"
                    f" {stage!r} takes",
                    f"add one, or let it take less: --resource {stage}.memory_gb=...",
                )

    def sights(self, files: Sequence[Path]) -> list[Sight]:
        """What each machine sees of files that are here.

        Raises:
            CalldistilError: When a machine does not answer, or cannot import calldistil.
        """
        place = importlib.import_module("ray.util.scheduling_strategies")
        look = self.ray.remote(look_around)
        asked = [
            look.options(
                num_cpus=0,
                max_retries=3,  # a worker may die while it looks
                scheduling_strategy=place.NodeAffinitySchedulingStrategy(m["NodeID"], soft=False),
            ).remote(tuple(map(str, files)))
            for m in self.machines
        ]
        found = []
        for machine, reference in zip(self.machines, asked, strict=True):
            try:
                found.append(self.ray.get(reference, timeout=_LOOKING_S))
            except self.ray.exceptions.RayError as error:
                raise CalldistilError(
                    f"The machine {machine['NodeManagerAddress']} of the Ray cluster cannot work"
                    f" for this run: {type(error).__name__}: {_first_line(error)}.",
                    hint="Install the same calldistil and Python there as here, and start Ray from"
                    " that environment.",
                ) from None
        return found


@contextlib.contextmanager
def connected(address: str | None, jobs: int | None) -> Iterator[RayCluster]:
    """Connects to a cluster, or starts one on this machine that ends with the block.

    Args:
        address: The cluster's address; None: ``RAY_ADDRESS``, else one is started here.
        jobs: Cores of one that is started here.

    Raises:
        MissingExtraError: When Ray is not installed.
        ConfigError: When there is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise MissingExtraError(package="ray", extra="ray", feature="--executor ray") from None
    mine = not ray.is_initialized()
    if mine:
        _connect(ray, address or os.environ.get("RAY_ADDRESS"), jobs)
    try:
        yield RayCluster(ray, tuple(node for node in ray.nodes() if node["Alive"]))
    finally:
        if mine:
            ray.shutdown()


def _connect(ray: Any, address: str | None, jobs: int | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if address is None:
        # Ray's own 15 leaves workers next to nothing on a machine that does other work too.
        os.environ.setdefault("RAY_worker_niceness", "0")
        ray.init(
            address="local",
            num_cpus=jobs,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE,
            **quiet,
        )
        return
    if jobs is not None:
        problem = Problem("--jobs says nothing to a cluster", "say what stages take: --resource")
        raise ConfigError([problem])
    try:
        _knock(address)
        ray.init(address=address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            [
                Problem(
                    f"there is no Ray cluster at {address!r}: {_first_line(error)}",
                    "start one: ray start --head; or leave --address out; where the cluster asks"
                    " for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN as it was started"
                    " with",
                )
            ]
        ) from None


def _knock(address: str) -> None:
    """Tries a machine's port: Ray's own client waits for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_KNOCKING_S).close()


def check(cluster: RayCluster, work: Work, todo: Sequence[Node]) -> None:
    """Looks, before anything is paid, whether every machine can do its part.

    Args:
        cluster: The cluster.
        work: The run.
        todo: The stages that are not done.

    Raises:
        ConfigError: With everything that is in the way.
    """
    shown = []
    if isinstance(work.artefacts.place, Path):
        work.artefacts.place.mkdir(parents=True, exist_ok=True)
        shown.append(work.artefacts.place / f".seen-{secrets.token_hex(8)}")
        shown[0].touch()
    asks = any(agent_behind(node.stage) is not None for node in todo)
    if asks and not is_server(work.calls_at):
        shown.append(Path(work.calls_at).resolve())
    here = look_around(())
    try:
        sights = cluster.sights(shown)
    finally:
        for file in shown[:1]:
            if file.name.startswith(".seen-"):
                file.unlink(missing_ok=True)
    problems = []
    for sight in sights:
        if (sight.calldistil, sight.python) != (here.calldistil, here.python):
            what = f"calldistil {sight.calldistil} and Python {sight.python}"
            problems.append(
                Problem(
                    f"{sight.host} has {what}, and this machine {__version__} and {here.python}",
                    "install the same on both",
                )
            )
        if not is_storage(work.artefacts.place) and sight.missing[:1] == (str(shown[0]),):
            problems.append(
                Problem(
                    f"{sight.host} does not see the folder {work.artefacts.place}",
                    "keep artefacts where every machine sees them: --store with a shared folder, or"
                    " an address such as s3://bucket/folder",
                )
            )
        if asks and not is_server(work.calls_at) and sight.kernel != here.kernel:
            problems.append(
                Problem(
                    f"{sight.host} is another machine, and the calls are in the file"
                    f" {work.calls_at}, which several machines cannot share",
                    "keep them on a server: --calls postgresql://user@host/name",
                )
            )
    if problems:
        raise ConfigError(problems)


def ray_options(entry: ResourcesEntry) -> dict[str, Any]:
    """What a task is started with, so that Ray finds a machine for it."""
    return {
        "num_cpus": entry.cpus or 0,
        "num_gpus": entry.gpus or 0,
        "memory": int((entry.memory_gb or 0) * _GIB) or None,
        "resources": dict(entry.custom or {}) or None,
    }


def _demands(entry: ResourcesEntry) -> dict[str, float]:
    named = {
        "CPU": entry.cpus or 0,
        "GPU": entry.gpus or 0,
        "memory": (entry.memory_gb or 0) * _GIB,
        **(entry.custom or {}),
    }
    return {name: count for name, count in named.items() if count}


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "").rstrip(".")
