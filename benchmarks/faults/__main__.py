"""``python -m benchmarks.faults``: kills runs, prints what came of it, or writes it into a page."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tabulate import tabulate

from benchmarks.faults._campaign import Outcome, strike_all
from benchmarks.faults._executors import executor_named
from benchmarks.faults._kinds import KINDS
from benchmarks.faults._stand import Stand
from benchmarks.generated_section import write_section
from benchmarks.postgres_server import server_programs


def shared_out(kills: int, names: Sequence[str]) -> dict[str, int]:
    """How often each kind is struck, so that all together are ``kills``."""
    shares = {name: KINDS[name].share for name in names}
    whole = sum(shares.values())
    counts = {name: kills * share // whole for name, share in shares.items()}
    for name in sorted(shares, key=lambda name: -shares[name])[: kills - sum(counts.values())]:
        counts[name] += 1
    return counts


def table(outcomes: Sequence[Outcome], executor: str) -> str:
    """The outcomes as a Markdown table."""
    rows = [
        [
            o.kind, executor, o.kills, o.runs, o.calls, o.repeated, o.lost, o.in_flight,
            "yes" if not o.differences else "no", f"{o.seconds:.0f}",
        ]
        for o in outcomes
    ]  # fmt: skip
    headers = [
        "killed", "executor", "kills", "runs", "calls", "stored, asked again", "lost",
        "in flight, asked again", "same table and artefacts", "seconds",
    ]  # fmt: skip
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carries out the campaign; the last line is one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--executor", default="local", help="local, or one that `calldistil run --executor` knows"
    )
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), help="what is killed [all]")
    parser.add_argument("--latency", type=float, default=0.03, metavar="SECONDS")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into a page")
    chosen = parser.parse_args(arguments)
    names = chosen.kinds or list(KINDS)
    if server_programs() is None:
        names = [name for name in names if not KINDS[name].on_server]
        print("there is no PostgreSQL server: apt-get install postgresql", file=sys.stderr)
    executor = executor_named(chosen.executor)
    outcomes = []
    with (
        tempfile.TemporaryDirectory(prefix="calldistil-faults-") as folder,
        Stand(Path(folder), latency_s=chosen.latency) as stand,
    ):
        counts = shared_out(chosen.kills, names)
        for outcome in strike_all(stand, kills=counts, executor=executor, seed=chosen.seed):
            outcomes.append(outcome)
            print(outcome, file=sys.stderr)
    told = table(outcomes, executor.name)
    print(told)
    kills = sum(outcome.kills for outcome in outcomes)
    holds = all(outcome.holds for outcome in outcomes)
    if chosen.write:
        day = datetime.now(UTC).date().isoformat()
        said = (
            f"`python -m benchmarks.faults --kills {chosen.kills} --seed {chosen.seed} --executor"
            f" {executor.name}`, {day}, {os.cpu_count()} cores, other work running beside it:"
        )
        write_section(chosen.write, f"kills-{executor.name}", f"{said}\n\n{told}")
    print(
        json.dumps(
            {
                "name": f"runs struck by SIGKILL, executor {executor.name}",
                "value": kills,
                "unit": "kills",
                "repeated": sum(outcome.repeated for outcome in outcomes),
                "lost": sum(outcome.lost for outcome in outcomes),
                "in_flight": sum(outcome.in_flight for outcome in outcomes),
                "aim": "nothing repeated, nothing lost, the same table",
                "holds": holds,
            }
        )
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
