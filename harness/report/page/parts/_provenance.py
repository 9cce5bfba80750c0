"""What the run was made from, and the command that makes it again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from harness.report._figures import ASSUMED
from harness.report.page._blocks import Block, Cell, Column, Fold, Grid, Note
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

__all__ = ["SECTION"]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    manifest = evidence.manifest
    facts = {
        "last command": manifest.command,
        "experiment": manifest.experiment,
        "calldistil": manifest.calldistil,
        "commit": manifest.commit or "not in a repository",
        "started": manifest.started_at.isoformat(timespec="seconds"),
        "finished": manifest.finished_at.isoformat(timespec="seconds")
        if manifest.finished_at is not None
        else "not finished",
        "machine": f"{manifest.host.system}, {manifest.host.machine}, {manifest.host.cpus} cores",
        "python": manifest.host.python,
        "packages": ", ".join(f"{n} {v}" for n, v in sorted(manifest.packages.items())),
        "seeds": _seeds(evidence),
        "resampling": f"{evidence.table.resamples:,} resamples, seed {evidence.table.seed}",
    }
    rows = tuple((Cell(name, name, tone="strong"), Cell(fact)) for name, fact in facts.items())
    columns = (Column("what", numeric=False), Column("value", numeric=False))
    return (
        Note(f"To make it again, with the experiment file below: {_again(evidence)}"),
        Grid("manifest", columns, rows),
        Fold("The experiment file", (Note(_experiment_text(evidence), "code"),)),
        Fold("Prices", (_prices(evidence),)),
        Fold("Files and stages, by hash", (_hashes(evidence), _stages(evidence))),
    )


def _again(evidence: Evidence) -> str:
    """The command that carries the experiment out anew."""
    command = evidence.manifest.command
    name = evidence.experiment.name
    return command if command.startswith("calldistil run ") else f"calldistil run {name}.yaml"


def _experiment_text(evidence: Evidence) -> str:
    return evidence.reader.files.run.experiment_file.read_text(encoding="utf-8")


def _seeds(evidence: Evidence) -> str:
    seeds = evidence.experiment.seeds
    return (
        f"split {', '.join(map(str, seeds.split))}; generation"
        f" {', '.join(map(str, seeds.generation))}; training {', '.join(map(str, seeds.training))}"
    )


def _prices(evidence: Evidence) -> Grid:
    in_force = evidence.reader.prices
    prices, rows = in_force.prices, []
    for name, price in in_force.backends.items():
        if price is None:
            said = "unknown"
        elif price == "machine":
            said = "a local model: the machine's time"
        else:
            mark = ASSUMED if price.assumed else ""
            said = (
                f"{mark}${price.input:g} in, ${price.output:g} out per million tokens"
                f"{_ranges(price.ranges)}; {price.source} ({price.date})"
            )
        rows.append((Cell(name, name, tone="strong"), Cell(said)))
    mark = ASSUMED if prices.assumed else ""
    for name, value in (("an hour of the machine", prices.machine_per_hour),
                        ("a human label", prices.human_label)):  # fmt: skip
        said = "unknown" if value is None else f"{mark}${value:g}; {prices.source} ({prices.date})"
        rows.append((Cell(name, name, tone="strong"), Cell(said)))
    if prices.ranges:
        rows.append((Cell("ranges", tone="strong"), Cell(_ranges(prices.ranges).strip(" ()"))))
    columns = (Column("of", numeric=False), Column("price", numeric=False))
    return Grid("prices-used", columns, tuple(rows))


def _ranges(ranges: dict[str, tuple[float, float]]) -> str:
    if not ranges:
        return ""
    return f" ({', '.join(f'{n} ${low:g} to ${high:g}' for n, (low, high) in ranges.items())})"


def _hashes(evidence: Evidence) -> Grid:
    run = evidence.reader.files.run
    files = {
        "experiment.yaml": run.experiment_file,
        "schema.yaml": run.schema_file,
        "manifest.json": run.manifest_file,
    }
    rows = [(Cell(n, n, tone="strong"), Cell(_sha256(file))) for n, file in files.items()]
    columns = (Column("file", numeric=False), Column("SHA-256", numeric=False))
    return Grid("hashes", columns, tuple(rows))


def _stages(evidence: Evidence) -> Grid:
    rows = tuple(
        (
            Cell(node.title, node.title, tone="strong"),
            Cell(node.stage, node.stage),
            Cell(node.key[:20], node.key, node.key),
            Cell(evidence.reader.files.artefact(node.key).about.digest[:20]),
        )
        for node in evidence.manifest.nodes
    )
    columns = (
        Column("stage", numeric=False),
        Column("kind", numeric=False),
        Column("key", numeric=False, note="of its config, components and inputs"),
        Column("content", numeric=False, note="SHA-256 of what it made"),
    )
    caption = "A key holds data, prompts, options, seeds and models; content what came of them."
    return Grid("stages", columns, rows, caption)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "absent"


SECTION = Section("How it was made", 160, _blocks, "Manifest")
