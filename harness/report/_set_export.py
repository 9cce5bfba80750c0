"""Sets as folders of their own: rows, rejects, report, data card, and a ``datasets`` folder."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.curation import data_card
from harness.datasets import write_examples
from harness.errors import ArtefactError
from harness.pipeline import REJECTS, RunFolder, load_examples, read_jsonl, read_set_index
from harness.relations import Example
from harness.report._sets import set_reports

__all__ = ["export_sets"]

_ODD = re.compile(r"[^\w.-]+")


def export_sets(run: Path, folder: Path) -> tuple[Path, ...]:
    """Writes each described set of a run into a folder of its own, whole or not at all.

    A set's folder holds ``rows.jsonl``, ``rejects.jsonl``, ``set_report.json``, the data card
    ``README.md`` and, where the library is installed, ``dataset`` as ``datasets`` saves it.

    Args:
        run: The run's folder.
        folder: Where the sets' folders go; those that are there already must not.

    Returns:
        The folders.

    Raises:
        ArtefactError: When a set's folder is there already, or no set is described.
    """
    opened = RunFolder.open(run)
    manifest, schema = opened.manifest(), opened.schema()
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for described, report in zip(read_set_index(opened).sets, set_reports(run), strict=True):
        place = folder / _ODD.sub("-", described.name).strip("-")
        if place.exists():
            raise ArtefactError(
                f"{place} is there already.", hint="Remove it, or export into another folder."
            )

        def content(key: str) -> Path:
            found = opened.artefacts.find(manifest.node(key).stage, key)
            assert found is not None  # the report was made from it
            return found.content

        rows = load_examples(content(described.rows))
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder) as draft:
            aside = Path(draft) / "set"
            aside.mkdir()
            write_examples(rows, aside / "rows.jsonl", format="jsonl")
            with (aside / "rejects.jsonl").open("w", encoding="utf-8") as out:
                for line in _rejects([content(step.key) for step in described.steps]):
                    out.write(line + "\n")
            text = report.model_dump_json(indent=1)
            (aside / "set_report.json").write_text(text, encoding="utf-8")
            card = data_card(report, rows, schema)
            (aside / "README.md").write_text(card, encoding="utf-8")
            if rows:
                _save_dataset(rows, aside / "dataset")
            shutil.move(aside, place)
        made.append(place)
    return tuple(made)


def _rejects(contents: Sequence[Path]) -> Iterator[str]:
    for content in contents:
        if (content / REJECTS).is_file():
            for row in read_jsonl(content / REJECTS):
                yield json.dumps(row, ensure_ascii=False)


def _save_dataset(rows: Sequence[Example], folder: Path) -> None:
    """Saves rows for the library ``datasets``, where that is installed."""
    try:
        from datasets import Dataset, disable_progress_bars
    except ImportError:
        return
    disable_progress_bars()
    values = [
        {
            "id": row.id,
            "text": row.text,
            "head": dataclasses.asdict(row.head),
            "tail": dataclasses.asdict(row.tail),
            "relation": row.relation,
            "meta": json.dumps(dict(row.meta), ensure_ascii=False, sort_keys=True),
        }
        for row in rows
    ]
    Dataset.from_list(values).save_to_disk(str(folder))
