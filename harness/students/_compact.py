"""Word embeddings narrowed to the words that a training set has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from harness.students._marking import MarkedIds

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["compact_embeddings"]


@contextmanager
def compact_embeddings(
    encoder: PreTrainedModel, groups: Sequence[Sequence[MarkedIds]], *, pad: int, trained: bool
) -> Iterator[list[list[MarkedIds]]]:
    """Narrows the word embeddings to the ids in ``groups``, and widens them again at the end.

    A row of the table that does not occur has no gradient, and Adam without weight decay leaves
    it as it is: the result equals training the whole table, at a fraction of the work.

    Args:
        encoder: The backbone; its embedding table is exchanged inside the context.
        groups: Sets of encoded rows.
        pad: Id of the padding word.
        trained: Whether the narrow table is trained.

    Yields:
        The groups with their ids in the narrow table, where ``pad`` is 0.
    """
    full = cast(nn.Embedding, encoder.get_input_embeddings())
    used = [pad, *sorted({token for rows in groups for row in rows for token in row.ids} - {pad})]
    kept = torch.tensor(used)
    narrow = nn.Embedding(len(used), full.embedding_dim, _weight=full.weight.detach()[kept])
    narrow.weight.requires_grad_(trained)
    place = {token: i for i, token in enumerate(used)}
    encoder.set_input_embeddings(narrow)
    try:
        yield [
            [replace(row, ids=[place[token] for token in row.ids]) for row in rows]
            for rows in groups
        ]
    finally:
        with torch.no_grad():
            full.weight[kept] = narrow.weight
        encoder.set_input_embeddings(full)
