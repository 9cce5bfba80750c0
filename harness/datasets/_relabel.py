"""Labels without sentences: TACREV's patch, Re-TACRED's labels, and published predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.datasets._files import parse_json, read_json, read_lines, read_text
from harness.datasets._problems import Place, ProblemLog, nearest
from harness.relations import Example

__all__ = ["LabelledId", "apply_retacred_labels", "apply_tacrev_patch", "read_label_file"]


@dataclass(frozen=True, slots=True)
class LabelledId:
    """A label for an example whose sentence is not at hand.

    Attributes:
        id: The example's id.
        label: Its label.
    """

    id: str
    label: str


Labelled = TypeVar("Labelled", Example, LabelledId)


def read_label_file(
    file: Path, *, field: Literal["label_true", "label_pred", "relation"] = "label_true"
) -> tuple[LabelledId, ...]:
    """Reads labels by example id, in the file's order.

    Three shapes are known: JSON Lines of ``{"id", "label_true", "label_pred"}`` (``field`` says
    which label; lines with ``relation`` alone are read too), a JSON object from id to label
    (Re-TACRED), and a JSON list of ``{"id", "relation"}`` (the patch of TACREV).

    Raises:
        DataError: When the file has another shape or an id stands twice.
    """
    log = ProblemLog(file)
    labels: dict[str, str] = {}
    for place, id, label in _entries(file, field, log):
        if not isinstance(id, str) or not id or not isinstance(label, str) or not label:
            log.add("id and label must be words", "write both as strings", place=place)
        elif id in labels:
            log.add(f"the id {id!r} stands twice", "remove one of them", place=place)
        else:
            labels[id] = label
    if not labels and not log.count:
        log.add("the file holds no label", "check that it is the right file")
    log.raise_if_any()
    return tuple(LabelledId(id, label) for id, label in labels.items())


def apply_tacrev_patch(examples: Sequence[Labelled], file: Path) -> tuple[Labelled, ...]:
    """Gives the examples that TACREV relabelled their new label; the others keep theirs.

    Source: Alt et al. 2020 (arXiv:2004.14855) and their ``apply_tacred_patch.py``.

    Args:
        examples: A split of TACRED, as examples or as labelled ids.
        file: ``dev_patch.json`` or ``test_patch.json``, of the same split.

    Raises:
        DataError: When the patch names an id that is not among the examples.
    """
    labels = _checked(examples, file)
    return tuple(
        _with_label(example, labels[example.id]) if example.id in labels else example
        for example in examples
    )


def apply_retacred_labels(examples: Sequence[Labelled], file: Path) -> tuple[Labelled, ...]:
    """Gives the examples Re-TACRED's labels, and leaves out those that it removed.

    Re-TACRED relabels a split and drops the sentences it found to be not English or not fit
    (Stoica et al. 2021, section 3.5): an example that its file lacks is not part of it, as in
    the authors' ``apply_patch.py``. The result has as many examples as the file has labels.

    Args:
        examples: A split of TACRED, as examples or as labelled ids.
        file: ``*_id2label.json``, of the same split.

    Raises:
        DataError: When the file names an id that is not among the examples.
    """
    labels = _checked(examples, file)
    return tuple(
        _with_label(example, labels[example.id]) for example in examples if example.id in labels
    )


def _checked(examples: Sequence[Labelled], file: Path) -> Mapping[str, str]:
    labels = {entry.id: entry.label for entry in read_label_file(file, field="relation")}
    known = {example.id for example in examples}
    log = ProblemLog(file)
    if len(known) != len(examples):
        log.add("the examples repeat ids", "pass one split of TACRED")
    unknown = [id for id in labels if id not in known]
    if unknown and len(unknown) == len(labels):
        log.add(
            f"none of the {len(labels)} ids is among the {len(known)} examples",
            "is it the file of another split?",
        )
    else:
        for id in unknown:
            fix = "is it the file of this split? " + nearest(id, known, cutoff=0.9)
            log.add(f"the id {id!r} is not among the {len(known)} examples", fix.strip())
    log.raise_if_any()
    return labels


def _with_label(example: Labelled, label: str) -> Labelled:
    if isinstance(example, Example):
        return example.labelled(label)
    return replace(example, label=label)


def _entries(file: Path, field: str, log: ProblemLog) -> Iterator[tuple[Place, object, object]]:
    head = read_text(file).lstrip()
    first_line = head.partition("\n")[0]
    if head.startswith("[") or (head.startswith("{") and not _is_row(first_line)):
        value = read_json(file)
        if isinstance(value, dict):
            for id, label in value.items():
                yield Place(words=f"id {id!r}"), id, label
            return
        for index, item in enumerate(value):
            if not isinstance(item, dict) or set(item) != {"id", "relation"}:
                item = {}
            yield Place(words=f"item {index + 1}"), item.get("id"), item.get("relation")
        return
    for number, line in enumerate(read_lines(file), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            log.add(f"not valid JSON: {error}", "write one object per line", place=number)
            continue
        row = row if isinstance(row, dict) else {}
        yield Place(number), row.get("id"), row.get(field, row.get("relation"))


def _is_row(line: str) -> bool:
    try:
        row: Any = parse_json(line)
    except ValueError:
        return False
    return isinstance(row, dict) and "id" in row
