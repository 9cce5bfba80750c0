"""From a run's folder to the reports on its sets, with what each set cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.costs import total_cost
from harness.curation import SetCost, SetReport
from harness.errors import ArtefactError
from harness.pipeline import (
    DescribedSet,
    RunFolder,
    load_examples,
    load_set_report,
    read_experiment,
    read_set_index,
)
from harness.report._run_costs import RunCosts
from harness.report._source_chain import rows_used
from harness.store import Artefact

__all__ = ["set_reports"]


def set_reports(folder: Path) -> tuple[SetReport, ...]:
    """The reports on the sets of a run that ``calldistil describe`` made; calls no model.

    Args:
        folder: The run's folder.

    Raises:
        ArtefactError: When the folder is not a run, or no set of it is described.
    """
    run = RunFolder.open(folder)
    manifest = run.manifest()
    experiment = read_experiment(run.experiment_file, base=Path(manifest.base))

    def artefact(key: str) -> Artefact:
        found = run.artefacts.find(manifest.node(key).stage, key)
        if found is None:
            raise _gone()
        return found

    costs = RunCosts(manifest, experiment, run.schema().markers, artefact, lambda _: 0)
    return tuple(
        _report(run, described).model_copy(update={"cost": _cost(costs, artefact, described)})
        for described in read_set_index(run).sets
    )


def _report(run: RunFolder, described: DescribedSet) -> SetReport:
    found = run.artefacts.find("describe", described.report)
    if found is None:
        raise _gone()
    return load_set_report(found.content)


def _gone() -> ArtefactError:
    return ArtefactError(
        "A set or the report on it is gone.",
        hint="Describe the sets again: calldistil describe EXPERIMENT",
    )


def _cost(costs: RunCosts, artefact: Callable[[str], Artefact], described: DescribedSet) -> SetCost:
    """What all stages of a set cost: answers, and machine time where it is known."""
    source = costs.manifest.node(described.rows)
    used = rows_used(costs.manifest, [source], lambda key: artefact(key).content)
    total = total_cost(costs.stage_cost(step, used.get(step.key)) for step in described.steps)
    money = total.money + total.machine_money
    rows = len(load_examples(artefact(described.rows).content))
    each = money * (1 / rows) if rows else None
    return SetCost(
        total=money.amount,
        per_kept_row=None if each is None else each.amount,
        assumed=money.assumed,
    )
