"""Sentences and pairs as vectors, for the search of neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.protocols import Progress, Representation
from harness.relations import Example, Markers, render_marked
from harness.students._backbone import (
    backbone_folder,
    load_encoder,
    load_tokenizer,
    longest_input,
    require_torch,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.students._marking import MarkedIds

__all__ = ["MAX_LENGTH", "encode_examples", "parts_of"]

MAX_LENGTH = 256
"""Tokens read of a sentence, as all-MiniLM-L6-v2 does."""

_BATCH_TOKENS = 4096


def parts_of(representation: Representation) -> int:
    """How many vectors of the encoder's size a representation joins."""
    return {"mentions": 2, "spans": 3}.get(representation, 1)


def encode_examples(
    examples: Sequence[Example],
    *,
    representation: Representation,
    encoder: str,
    markers: Markers,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Vectors of length 1, so that a dot product is a cosine; shape (examples, size).

    ``text``, ``marked`` and ``pair`` are the mean of the last layer's states over all tokens
    (Reimers and Gurevych 2019, Sentence-BERT, section 3). ``mentions`` joins the means over the
    head's and over the tail's tokens, each of length 1 before, with ``@`` and ``#`` around the
    mentions: its size is twice the encoder's. ``spans`` joins the means over the head, over what
    stands between head and tail, and over the tail, of the states at half the encoder's depth:
    the layers above serve the encoder's own task, and its last states say less of a relation.

    Args:
        examples: What to encode.
        representation: What of an example is encoded. ``pair`` puts a phrase before the sentence
            that names both mentions (Wan et al. 2023, GPT-RE, section 3.2).
        encoder: ``all-MiniLM-L6-v2``, a folder or a hub name.
        markers: The schema's markers, for ``marked``.
        progress: Told of (done, total).

    Raises:
        MissingExtraError: When torch or transformers is not installed.
        ConfigError: When the encoder cannot be loaded.
    """
    require_torch(f"encoding sentences with {encoder}")
    source = backbone_folder(encoder)
    tokenizer, model = load_tokenizer(source), load_encoder(source)
    return encode_with(
        examples, representation, tokenizer, model, markers=markers, progress=progress
    )


def encode_with(
    examples: Sequence[Example],
    representation: Representation,
    tokenizer: PreTrainedTokenizerBase,
    model: PreTrainedModel,
    *,
    markers: Markers,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """The same with a loaded encoder."""
    import torch

    from harness.students._batches import budgeted_batches
    from harness.students._bert_forward import ByteDropout, LeanBert, is_lean

    longest = min(MAX_LENGTH, longest_input(model.config))
    rows, spans = _token_rows(examples, representation, tokenizer, markers, longest)
    hidden = int(model.config.hidden_size)
    found = np.zeros((len(rows), hidden * spans.shape[1]), dtype=np.float32)
    pad = tokenizer.pad_token_id
    model.eval()  # type: ignore[no-untyped-call]
    depth = None
    if representation == "spans":
        depth = max(1, int(model.config.num_hidden_layers) // 2)
    lean = LeanBert(model, depth=depth) if is_lean(model) else None
    no_dropout = ByteDropout(0.0, seed=0)
    done = 0
    for batch in budgeted_batches([len(row) for row in rows], tokens=_BATCH_TOKENS):
        lengths = np.array([len(rows[i]) for i in batch])
        ids = np.full((len(batch), lengths.max()), pad if isinstance(pad, int) else 0)
        for place, i in enumerate(batch):
            ids[place, : lengths[place]] = rows[i]
        real = torch.from_numpy(np.arange(ids.shape[1]) < lengths[:, None])
        tokens = torch.from_numpy(ids)
        with torch.inference_mode():
            if lean is not None:
                mask = None if bool(real.all()) else real
                states = lean(tokens, mask, None, no_dropout)
            else:
                output: Any = model(
                    input_ids=tokens,
                    attention_mask=real.long(),
                    output_hidden_states=depth is not None,
                )
                states = output.last_hidden_state if depth is None else output.hidden_states[depth]
        found[batch] = _pooled(states.float().numpy(), spans[batch])
        done += len(batch)
        if progress is not None:
            progress(done, len(rows))
    return _unit(found)


def _token_rows(
    examples: Sequence[Example],
    representation: Representation,
    tokenizer: PreTrainedTokenizerBase,
    markers: Markers,
    longest: int,
) -> tuple[list[list[int]], NDArray[np.int64]]:
    """Token ids per example, and the spans that are pooled, shape (examples, parts, 2)."""
    if representation in ("mentions", "spans"):
        from harness.students._marking import MarkerVocabulary

        vocabulary = MarkerVocabulary(tokenizer, style="punct", type_words={}, max_length=longest)
        marked = vocabulary.encode(examples)
        read = [
            (row.spans[0], _between(row), row.spans[1]) if representation == "spans" else row.spans
            for row in marked
        ]
        parts = parts_of(representation)
        return [row.ids for row in marked], np.array(read, dtype=np.int64).reshape(-1, parts, 2)
    texts = [_text(example, representation, markers) for example in examples]
    if not texts:
        return [], np.zeros((0, 1, 2), dtype=np.int64)
    rows: list[list[int]] = tokenizer(texts, truncation=True, max_length=longest)["input_ids"]
    return rows, np.array([[(0, len(row))] for row in rows], dtype=np.int64)


def _between(row: MarkedIds) -> tuple[int, int]:
    """From the end of the first mention to the start of the other, markers included; all of the
    sentence where the mentions overlap.
    """
    start = min(end for _, end in row.spans)
    end = max(start for start, _ in row.spans)
    return (start, end) if start < end else (0, len(row))


def _text(example: Example, representation: Representation, markers: Markers) -> str:
    if representation == "marked":
        return render_marked(example, markers)
    if representation == "pair":
        head, tail = example.head.surface, example.tail.surface
        return f'The relation between "{head}" and "{tail}" in the context: {example.text}'
    return example.text


def _pooled(states: NDArray[np.float32], spans: NDArray[np.int64]) -> NDArray[np.float32]:
    """Means over each span, shape (batch, parts * size)."""
    parts = []
    for part in range(spans.shape[1]):
        means = [
            row[start:end].mean(axis=0)
            for row, (start, end) in zip(states, spans[:, part], strict=True)
        ]
        parts.append(_unit(np.stack(means)))
    return np.concatenate(parts, axis=1)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
