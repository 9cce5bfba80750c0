"""``calldistil plan``: what an experiment will call, and what that costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli._experiments import experiment_file
from harness.cli._options import store_options
from harness.cli._shown import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.costs import CostRange, CountRange
    from harness.pipeline import Plan, PlanEstimate, StageEstimate
    from harness.relations import Schema


@click.command("plan")
@click.argument("experiment")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="The run's folder, if any.")
@store_options
@click.option("--prompts", is_flag=True, help="Print one rendered prompt per stage, not just one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    experiment: str,
    output: Path | None,
    store: Path | str | None,
    calls: str | None,
    prompts: bool,
    as_json: bool,
) -> None:
    """Check EXPERIMENT whole and say what it will call; call nothing.

    Costs are at least / likely / at most: at least one token per answer, likely the length of a
    label or of the demonstrations, at most the declared max_tokens.
    """
    from harness.pipeline import build_plan, estimate_plan, load_setup, rendered
    from harness.store import open_call_store

    plan = build_plan(load_setup(experiment_file(experiment)))
    place = _calls_of(output, store, calls)
    if place is not None:
        with open_call_store(place) as known:
            estimate = estimate_plan(plan, calls=known)
    else:
        estimate = estimate_plan(plan)
    if as_json:
        click.echo(json.dumps(_document(plan, estimate), indent=2))
        return
    _print(plan, estimate)
    for stage in estimate.stages if prompts else estimate.stages[:1]:
        if stage.sample is not None:
            told = f"The first prompt of '{stage.node.title}':\n\n{rendered(stage.sample)}"
            click.echo(f"\n{shown(told)}")


def _calls_of(
    output: Path | None, store: Path | str | None, calls: str | None
) -> Path | str | None:
    """Where answers lie already, if they do; a run that exists knows its own store."""
    from harness.pipeline import RunFolder

    if calls is not None:
        return calls
    if output is None and store is None:
        return None
    folder = output or Path()
    known = store is None and (folder / "manifest.json").exists()
    place = (RunFolder.open(folder) if known else RunFolder.at(folder, store=store)).calls
    return place if isinstance(place, str) or place.exists() else None


def _warnings(plan: Plan) -> list[str]:
    """What is likely a mistake and can be seen without reading the data."""
    data = plan.setup.experiment.data
    test = data.full_test or data.test
    return [*_borrowed_prices(plan)] + [
        f"data.{role} and the test set are the same file: systems see what they are tested on."
        for role in ("train", "few_shot", "dev")
        if (entry := getattr(data, role)) is not None
        and (entry.ids is None or entry.ids == test.ids)
        and entry.file.resolve() == test.file.resolve()
    ]


def _borrowed_prices(plan: Plan) -> Iterator[str]:
    """Servers of one's own whose price is looked up under a provider's model."""
    for name, entry in plan.setup.experiment.backends.items():
        own = entry.options.get("base_url") or entry.options.get("base_urls")
        model = entry.options.get("model")
        if own and entry.price_model is not None and entry.price_model != model:
            yield (
                f"backends.{name} is a server of its own with the model {model!r}, priced as the"
                f" provider's {entry.price_model!r}: declare what it costs, or price: machine."
            )


def _print(plan: Plan, estimate: PlanEstimate) -> None:
    from tabulate import tabulate

    click.echo(shown(f"Experiment {plan.setup.experiment.name}: {len(plan.nodes)} stages\n"))
    names: dict[str, int] = {}
    for node in plan.nodes:
        names[node.stage.name] = names.get(node.stage.name, 0) + 1
    click.echo(", ".join(f"{count} {name}" for name, count in names.items()) + "\n")
    rows = []
    for stage in estimate.stages:
        rows.append(
            (
                stage.node.title,
                stage.backend + (" (recorded)" if stage.recorded else ""),
                stage.calls,
                _later(stage.later),
                stage.stored,
                f"{stage.input_tokens:,}",
                stage.cost.at_least.text(),
                stage.cost.likely.text(),
                stage.cost.at_most.text(),
                stage.cost_now.likely.text(),
            )
        )
    total = estimate.cost
    rows.append(
        (
            "total", "", sum(s.calls for s in estimate.stages),
            _later([calls for s in estimate.stages for calls in s.later]),
            sum(s.stored for s in estimate.stages),
            f"{sum(s.input_tokens for s in estimate.stages):,}",
            total.at_least.text(), total.likely.text(), total.at_most.text(),
            estimate.cost_now.likely.text(),
        )
    )  # fmt: skip
    headers = (
        "stage", "backend", "calls", "later", "stored", "input tokens",
        "at least", "likely", "at most", "still to pay",
    )  # fmt: skip
    click.echo(shown(tabulate(rows, headers, colalign=("left", "left") + ("right",) * 8)))
    tokenizers = sorted({stage.tokenizer for stage in estimate.stages})
    click.echo(
        "\nCalls of the first round, and of later ones likely (at least to at most)."
        f" Prompt tokens of the first round, counted with {', '.join(tokenizers) or 'nothing'}."
    )
    for stage in estimate.stages:
        if stage.items:
            click.echo(shown(f"{stage.node.title}: {_rows_asked(stage, plan.setup.schema)}"))
    for warning in _warnings(plan):
        click.echo(shown(f"Warning: {warning}"), err=True)


def _rows_asked(stage: StageEstimate, schema: Schema) -> str:
    """How many rows a generator is asked for, and which of them are NA rows."""
    kinds = stage.na_rows(schema)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    na = f"{sum(kinds.values()):,} of them {schema.na_label}"
    return f"{stage.rows:,} rows asked for, {na}" + (f" ({told})" if kinds else "")


def _later(rounds: Sequence[CountRange]) -> str:
    """Calls of later rounds: likely, and at least to at most."""
    least = sum(r.at_least for r in rounds)
    likely = sum(r.likely for r in rounds)
    most = sum(r.at_most or 0 for r in rounds)
    return f"{likely:,.0f}" + ("" if least == most else f" ({least:,.0f} to {most:,.0f})")


def _document(plan: Plan, estimate: PlanEstimate) -> dict[str, Any]:
    def money(cost: CostRange) -> dict[str, float | None]:
        return {name: getattr(cost, name).amount for name in ("at_least", "likely", "at_most")}

    return {
        "experiment": plan.setup.experiment.name,
        "stages": [
            {"stage": node.stage.name, "key": node.key, "title": node.title} for node in plan.nodes
        ],
        "calls": [
            {
                "stage": stage.node.title,
                "backend": stage.backend,
                "calls": stage.calls,
                "later": [
                    {"at_least": r.at_least, "likely": r.likely, "at_most": r.at_most}
                    for r in stage.later
                ],
                "stored": stage.stored,
                "input_tokens": stage.input_tokens,
                "tokenizer": stage.tokenizer,
                "rows": stage.rows,
                "na_rows": stage.na_rows(plan.setup.schema),
                "cost": money(stage.cost),
                "cost_now": money(stage.cost_now),
            }
            for stage in estimate.stages
        ],
        "cost": money(estimate.cost),
        "cost_now": money(estimate.cost_now),
        "warnings": _warnings(plan),
    }
