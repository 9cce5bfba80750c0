"""How near a set is to gold and to the test set, in the space of a sentence encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.documents import FileModel
from harness.relations import Example

__all__ = ["LabelNearness", "NearPair", "Nearness", "nearness"]

_CHUNK = 1024  # sentences compared at once: bounds memory
_SHOWN = 5


class NearPair(FileModel):
    """A row and the sentence nearest to it."""

    row: str
    row_text: str
    other: str
    other_text: str
    cosine: float


class LabelNearness(FileModel):
    """The same for one label.

    Attributes:
        label: The label.
        others: Labelled sentences of the other set that have it.
        row_to_other: Mean cosine of the label's rows to the nearest sentence of any label; None
            where no row has it.
        other_to_row: Mean cosine of the label's sentences to the nearest row of their own label;
            None where there is no such row.
        right: Share of the label's sentences whose nearest row has their label.
    """

    label: str
    others: int
    row_to_other: float | None
    other_to_row: float | None
    right: float | None


class Nearness(FileModel):
    """How near a set's rows are to another set's sentences, by cosine.

    Attributes:
        others: Sentences of the other set.
        row_to_other: Mean cosine of a row to its nearest sentence: how much like them rows are.
        other_to_row: Mean cosine of a sentence to its nearest row: how well rows cover them.
        right: Share of the labelled sentences whose nearest row has their label.
        labels: The same label by label.
        nearest: The nearest pairs, nearest first.
    """

    others: int
    row_to_other: float
    other_to_row: float
    right: float | None
    labels: tuple[LabelNearness, ...]
    nearest: tuple[NearPair, ...]


def nearness(
    rows: Sequence[Example],
    vectors: NDArray[np.float32],
    others: Sequence[Example],
    other_vectors: NDArray[np.float32],
    labels: Sequence[str],
) -> Nearness | None:
    """Compares every row with every sentence; None where either set is empty.

    The other set's labels tell right from wrong, for the report alone; nothing is chosen by them.

    Args:
        rows: The set.
        vectors: Its rows as vectors of length 1.
        others: Gold or test sentences.
        other_vectors: The same as vectors of length 1.
        labels: The labels, in the table's order.
    """
    if not rows or not others:
        return None
    forth, forth_at = _nearest(vectors, other_vectors)
    back, back_at = _nearest(other_vectors, vectors)
    own = np.array([str(row.relation) for row in rows])
    gold = np.array([str(other.relation) for other in others])
    labelled = np.array([other.relation is not None for other in others])
    right = own[back_at] == gold
    table = []
    for label in labels:
        here, there = own == label, gold == label
        if not here.any() and not there.any():
            continue
        same = _nearest(other_vectors[there], vectors[here])[0] if here.any() else None
        table.append(
            LabelNearness(
                label=label,
                others=int(there.sum()),
                row_to_other=float(forth[here].mean()) if here.any() else None,
                other_to_row=float(same.mean()) if same is not None and len(same) else None,
                right=float(right[there].mean()) if there.any() else None,
            )
        )
    shown = np.argsort(-forth, kind="stable")[:_SHOWN]
    return Nearness(
        others=len(others),
        row_to_other=float(forth.mean()),
        other_to_row=float(back.mean()),
        right=float(right[labelled].mean()) if labelled.any() else None,
        labels=tuple(table),
        nearest=tuple(
            NearPair(
                row=rows[place].id,
                row_text=rows[place].text,
                other=others[forth_at[place]].id,
                other_text=others[forth_at[place]].text,
                cosine=float(forth[place]),
            )
            for place in shown
        ),
    )


def _nearest(
    queries: NDArray[np.float32], pool: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cosine and place of the nearest row of the pool, for each query."""
    cosines = np.zeros(len(queries), dtype=np.float32)
    places = np.zeros(len(queries), dtype=np.int64)
    for start in range(0, len(queries), _CHUNK):
        near = queries[start : start + _CHUNK] @ pool.T
        places[start : start + len(near)] = near.argmax(axis=1)
        cosines[start : start + len(near)] = near.max(axis=1)
    return cosines, places
