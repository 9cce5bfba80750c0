"""``python -m benchmarks.fuzz``: fuzzes every target, prints a table, or writes it into a page."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.fuzz._engines import instrumented, run_atheris, run_hypothesis
from benchmarks.fuzz._tried import Tried
from benchmarks.generated_section import write_section

ENGINES = ("hypothesis", "atheris")


def _campaign(
    engine: str, begins: tuple[str, ...], seconds: float, seed: int
) -> dict[str, dict[str, Any]]:
    """Fuzzes all targets whose names begin so, one after another."""
    with contextlib.ExitStack() as closing:
        folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="calldistil-fuzz-"))
        if engine == "atheris":
            with instrumented():
                from benchmarks.fuzz._targets import fuzz_targets

                targets = fuzz_targets(Path(folder))
        else:
            from benchmarks.fuzz._targets import fuzz_targets

            targets = fuzz_targets(Path(folder))
        found = {}
        for name, target in targets.items():
            if not name.startswith(begins):
                continue
            if target.missing is not None:
                print(f"{name} needs {target.missing}", file=sys.stderr)
                continue
            tried = Tried(target)
            if engine == "atheris":
                found[name] = run_atheris(tried, seconds, seed)
            else:
                run_hypothesis(tried, seconds, seed)
                found[name] = tried.summary()
            one = found[name]
            told = f"{engine} {name}: {one['executions']} inputs, {len(one['crashes'])} crashes"
            print(told, file=sys.stderr, flush=True)
            for crash in one["crashes"]:
                print(f"  {crash['where']}\n    {crash['input'][:400]}", file=sys.stderr)
    return found


def _save(found: dict[str, dict[str, Any]], folder: Path) -> None:
    """Writes each crashing input into a file, to be tried again."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, one in found.items():
        for number, crash in enumerate(one["crashes"]):
            file = folder / f"{name.replace(' ', '-')}-{number}"
            file.write_bytes(bytes.fromhex(crash["input"]))


def table(found: dict[str, dict[str, Any]], engine: str) -> str:
    """What came of each target, as a Markdown table."""
    rows = [
        [
            name, engine, f"{one['executions']:,}", f"{one['read']:,}", f"{one['seconds']:.1f}",
            f"{1000 * one['longest_s']:.0f}", len(one["crashes"]),
        ]
        for name, one in found.items()
    ]  # fmt: skip
    headers = ["target", "engine", "inputs", "read", "seconds", "longest, ms", "crashes"]
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzzes; the last line is one JSON object. Exits with 1 where something crashed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz")
    parser.add_argument("--seconds", type=float, default=10.0, help="per target and engine")
    parser.add_argument("--engine", choices=(*ENGINES, "both"), default="hypothesis")
    parser.add_argument("--targets", nargs="*", help="their names, or how they begin [all]")
    parser.add_argument("--seed", type=int, default=None, help="of what is drawn [the time]")
    parser.add_argument("--crashes", type=Path, help="a folder for inputs that crash")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into a page")
    chosen = parser.parse_args(arguments)
    seed = chosen.seed if chosen.seed is not None else time.time_ns() % 2**31
    engines = ENGINES if chosen.engine == "both" else (chosen.engine,)
    for engine in engines:
        if importlib.util.find_spec(engine) is None:
            print(f"{engine} is not installed: pip install {engine}", file=sys.stderr)
            return 2
    totals = {"targets": 0, "inputs": 0, "crashes": 0}
    for engine in reversed(engines):  # what atheris is to follow must not be imported before
        found = _campaign(engine, tuple(chosen.targets or [""]), chosen.seconds, seed)
        if chosen.crashes is not None:
            _save(found, chosen.crashes)
        totals["targets"] = len(found)
        print(table(found, engine))
        totals["inputs"] += sum(one["executions"] for one in found.values())
        totals["crashes"] += sum(len(one["crashes"]) for one in found.values())
        if chosen.write:
            day = datetime.now(UTC).date().isoformat()
            said = (
                f"`python -m benchmarks.fuzz --engine {engine} --seconds {chosen.seconds:g}`"
                f" (seed {seed}), {day}, other work running beside it:"
            )
            write_section(chosen.write, f"fuzz-{engine}", f"{said}\n\n{table(found, engine)}")
    result = {
        "name": f"inputs to {totals['targets']} targets by {' and '.join(engines)}",
        "value": totals["inputs"],
        "unit": "inputs",
        "crashes": totals["crashes"],
        "aim": "no crash",
        "holds": totals["crashes"] == 0,
    }
    print(json.dumps(result))
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
