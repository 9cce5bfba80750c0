"""What a run says on stderr: to people a live line, to logs a calm one per stage."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from harness.cli._progress import RunProgress
from harness.pipeline import Budget, BudgetLimits, Plan, build_plan, load_setup


@pytest.fixture
def plan(small_task: Any) -> Plan:
    return build_plan(load_setup(small_task.experiment))


def shown(plan: Plan, *, terminal: bool) -> str:
    """What a sitting of one paid stage and one unpaid stage writes."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=160, highlight=False)
    budget = Budget(BudgetLimits(), {})
    budget.calls, budget.dollars = 5, 1.0  # of an earlier sitting
    ask, train = plan.nodes[1], plan.nodes[-1]
    with RunProgress(console=console) as progress:
        progress.paying(budget)
        progress.found(plan.nodes[0])
        progress.started(ask, 2, 9)
        budget.calls, budget.dollars = 15, 1.25
        progress.progress(10, 40)
        progress._bar.refresh()
        progress.finished(ask, 2.0)
        progress.started(train, 3, 9)
        progress.finished(train, 0.5)
    return stream.getvalue()


def test_a_log_has_a_line_per_stage_and_no_control_character(plan: Plan) -> None:
    text = shown(plan, terminal=False)
    lines = text.splitlines()
    assert len(lines) == 3
    assert lines[0] == f"{plan.nodes[1].title} (10 calls paid, $0.25, 2.0 s)"
    assert lines[1] == f"{plan.nodes[-1].title} (0.5 s)"
    assert lines[2].startswith("2 stages done, 1 found done, in 0 s; 10 calls paid, $0.25")
    assert all(character.isprintable() or character == "\n" for character in text)


def test_a_terminal_shows_what_is_paid_what_the_stage_will_cost_and_the_time_left(
    plan: Plan,
) -> None:
    text = shown(plan, terminal=True)
    assert "\x1b" in text
    assert "10 calls paid, $0.25, this stage about $1.00" in text
    assert "10/40" in text and "left" in text


def test_a_piped_run_is_calm_and_its_table_is_json(small_task: Any, calldistil: Any) -> None:
    run = small_task.folder / "run"
    said = calldistil("run", small_task.experiment, "-o", run, "--json")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["experiment"] == "ties"
    assert all(character.isprintable() or character == "\n" for character in said.stderr)
    assert len(said.stderr.splitlines()) == len(set(said.stderr.splitlines()))
    again = calldistil("resume", run, "--json")
    assert json.loads(again.stdout) == json.loads(said.stdout)
    assert "0 stages done" in again.stderr
