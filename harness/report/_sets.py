"""From a run's folder to the reports on its sets, with what each set cost."""

from __future__ import annotations

from pathlib import Path

from harness.costs import total_cost
from harness.curation import SetCost, SetReport
from harness.errors import ArtefactError
from harness.pipeline import DescribedSet, RunFolder, load_set_report, read_set_index
from harness.report._price_list import PricesInForce
from harness.report._run_artefacts import RunArtefacts
from harness.report._run_costs import RunCosts
from harness.report._source_chain import rows_used

__all__ = ["set_reports"]


def set_reports(folder: Path) -> tuple[SetReport, ...]:
    """The reports on the sets of a run that ``calldistil describe`` made; calls no model.

    Args:
        folder: The run's folder.

    Raises:
        ArtefactError: When the folder is not a run, or no set of it is described.
    """
    files = RunArtefacts(folder)
    costs = RunCosts(files, PricesInForce(files.experiment, files.manifest))
    return tuple(
        _report(files.run, described).model_copy(update={"cost": _cost(costs, files, described)})
        for described in read_set_index(files.run).sets
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


def _cost(costs: RunCosts, files: RunArtefacts, described: DescribedSet) -> SetCost:
    """What all stages of a set cost: answers, and machine time where it is known."""
    try:
        source = files.manifest.node(described.rows)
        used = rows_used(files.manifest, [source], lambda key: files.artefact(key).content)
        total = total_cost(costs.stage(step, used.get(step.key)) for step in described.steps)
        rows = len(files.examples(described.rows))
    except ArtefactError:
        raise _gone() from None
    money = total.money + total.machine_money
    each = money * (1 / rows) if rows else None
    return SetCost(
        total=money.amount,
        per_kept_row=None if each is None else each.amount,
        assumed=money.assumed,
    )
