"""A source of training rows as its chain of stages: who wrote them, and which gates they passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.curation import CurationRecord
from harness.pipeline import CURATION, Manifest, NodeRecord, load_examples

__all__ = ["is_gold", "rows_used", "source_chain", "written_by"]

_CURATING = ("curate", "review", "refill")  # their rows are those of the input ``rows``


def source_chain(manifest: Manifest, source: NodeRecord) -> list[NodeRecord]:
    """The stages from the last gate down to the one that first wrote the rows."""
    chain = [source]
    while chain[-1].stage in _CURATING:
        chain.append(manifest.node(chain[-1].inputs["rows"]))
    return chain


def written_by(manifest: Manifest, source: NodeRecord) -> NodeRecord:
    """The stage that the rows first came from."""
    return source_chain(manifest, source)[-1]


def is_gold(manifest: Manifest, source: NodeRecord) -> bool:
    """Whether humans labelled the rows."""
    return written_by(manifest, source).stage in ("split", "read")


def rows_used(
    manifest: Manifest, sources: Sequence[NodeRecord], content: Callable[[str], Path]
) -> dict[str, frozenset[str]]:
    """By the key of a writing stage, the rows that count for its cost, where a gate cuts answers.

    A stage that another of the sources uses whole is not among them.

    Args:
        manifest: The run's manifest.
        sources: The sources of one system.
        content: Gives the content folder of a stage's artefact.
    """
    used: dict[str, frozenset[str]] = {}
    whole: set[str] = set()
    for source in sources:
        kept: frozenset[str] | None = None
        for node in source_chain(manifest, source):
            if node.stage in ("generate", "refill"):
                if kept is None:
                    whole.add(node.key)
                else:
                    used[node.key] = used.get(node.key, frozenset()) | kept
            elif node.stage == "curate" and kept is None:
                record = (content(node.key) / CURATION).read_text(encoding="utf-8")
                if CurationRecord.model_validate_json(record).cuts_answers:
                    kept = frozenset(example.id for example in load_examples(content(node.key)))
    return {key: ids for key, ids in used.items() if key not in whole}
