"""Strikes runs at random moments, and compares what is left with a run that nothing struck."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.faults._executors import Executor
from benchmarks.faults._kinds import KINDS, Kind
from benchmarks.faults._stand import Run, Stand
from harness.report import load_results, same_results

__all__ = ["Outcome", "strike_all"]

_EARLY = 0.2  # of the kills come before the run has done anything
_EARLY_S = 2.5
_WAIT_S = 300.0


@dataclass
class Outcome:
    """What came of the kills of one kind.

    Attributes:
        kind: What was killed.
        kills: How often.
        runs: Runs that were carried to their ends meanwhile.
        calls: Answers that these runs needed, all together.
        repeated: Answers that were in the store and were asked for again.
        lost: Answers that were in the store once and later were not.
        in_flight: Answers given while the kill struck, which never reached the store and were
            asked for again.
        seconds: Wall-clock time.
        differences: How results, artefacts or messages differ from what they should be.
    """

    kind: str
    kills: int = 0
    runs: int = 0
    calls: int = 0
    repeated: int = 0
    lost: int = 0
    in_flight: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing was repeated or lost, and all runs say what the unbroken one says."""
        return not (self.repeated or self.lost or self.differences)


def strike_all(
    stand: Stand,
    *,
    kills: Mapping[str, int],
    executor: Executor,
    seed: int,
) -> Iterator[Outcome]:
    """Kills so often per kind of fault; each kind's outcome is given when it is known.

    Args:
        stand: What the runs need.
        kills: How often, by the name of the kind.
        executor: How runs are carried out.
        seed: Of all random moments.
    """
    unbroken = stand.run("unbroken", on_server=False)
    started = time.monotonic()
    _, error = _ended(unbroken.start(stand.file, executor))
    takes = time.monotonic() - started
    assert (unbroken.folder / "results.json").exists(), error
    for name, count in kills.items():
        if count:
            chance = random.Random(f"{seed} {name}")
            yield _Siege(stand, KINDS[name], executor, chance, unbroken, takes).strike(count)


@dataclass
class _Siege:
    """All kills of one kind."""

    stand: Stand
    kind: Kind
    executor: Executor
    chance: random.Random
    unbroken: Run
    takes: float

    def strike(self, kills: int) -> Outcome:
        outcome = Outcome(self.kind.name)
        started = time.monotonic()
        while outcome.kills < kills:
            if outcome.runs > 2 * kills + 2:
                outcome.differences.append(f"only {outcome.kills} of {kills} kills struck")
                break
            name = f"{self.kind.name.replace(', ', '-').replace(' ', '-')}-{outcome.runs}"
            run = self.stand.run(name, on_server=self.kind.on_server)
            self._carry_out(run, kills, outcome)
            outcome.runs += 1
        outcome.seconds = time.monotonic() - started
        return outcome

    def _carry_out(self, run: Run, kills: int, outcome: Outcome) -> None:
        """Carries a run to its end under strikes, and looks at what is left."""
        begun = len(self.stand.answered())
        seen: list[tuple[Mapping[str, str], int]] = []
        finished: dict[str, tuple[str, str]] = {}
        sittings = 0
        while True:
            sittings += 1
            process = run.start(self.stand.file, self.executor)
            struck = 0
            while outcome.kills < kills and self._wait(process, run):
                if not self.kind.kill(process, self.stand, self.executor, self.chance):
                    break
                struck += 1
                outcome.kills += 1
                if not self.kind.driver_lives:
                    break
                seen.append((run.stored(), len(self.stand.answered())))
            code, error = _ended(process)
            if code == 0:
                break
            seen.append((run.stored(), len(self.stand.answered())))
            now = run.artefacts()
            changed = [name for name, made in finished.items() if now.get(name) != made]
            outcome.differences += [f"{name}: a finished stage was made again" for name in changed]
            finished = now
            if code > 0 and not (struck and _says_what_to_do(error)):
                outcome.differences.append(f"{run.folder.name}: ended with {code}: {error}")
            if sittings > 4 * kills + 4:
                outcome.differences.append(f"{run.folder.name}: does not come to an end")
                return
        self._judge(run, begun, seen, outcome)

    def _wait(self, process: subprocess.Popen[bytes], run: Run) -> bool:
        """Waits for a random moment; whether the run is still under way then."""
        if self.chance.random() >= _EARLY:
            before = run.finished_stages(), len(self.stand.answered())
            deadline = time.monotonic() + _WAIT_S
            while (run.finished_stages(), len(self.stand.answered())) <= before:
                if process.poll() is not None or time.monotonic() > deadline:
                    return False
                time.sleep(0.01)
            time.sleep(self.chance.uniform(0, self.takes / 10))
        else:
            time.sleep(self.chance.uniform(0, _EARLY_S))
        return process.poll() is None

    def _judge(
        self,
        run: Run,
        begun: int,
        seen: list[tuple[Mapping[str, str], int]],
        outcome: Outcome,
    ) -> None:
        answered, stored = self.stand.answered(), run.stored()
        outcome.calls += len(stored)
        for held, position in seen:
            outcome.repeated += len(held.keys() & set(answered[position:]))
            outcome.lost += sum(stored.get(name) != at for name, at in held.items())
        times = Counter(answered[begun:])
        outcome.lost += len(times.keys() - stored.keys())
        outcome.in_flight += sum(count - 1 for count in times.values())
        where = run.folder.name
        wanted = {name: digest for name, (_, digest) in self.unbroken.artefacts().items()}
        if {name: digest for name, (_, digest) in run.artefacts().items()} != wanted:
            outcome.differences.append(f"{where}: artefacts differ")
        if stored.keys() != self.unbroken.stored().keys():
            outcome.differences.append(f"{where}: stored calls differ")
        if run.drafts:
            outcome.differences.append(f"{where}: a draft was left behind")
        tables = [load_results(r.folder / "results.json") for r in (self.unbroken, run)]
        outcome.differences += [f"{where}: {line}" for line in same_results(*tables)]


def _says_what_to_do(error: str) -> bool:
    """Whether a run that ended names its worker's end, or a server that it never reached."""
    return ("memory" in error and "--jobs" in error) or "Check that the server runs" in error


def _ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Waits for a run's process; its exit code, and what it said."""
    _, error = process.communicate(timeout=_WAIT_S)
    return process.returncode, error.decode(errors="replace").strip()
