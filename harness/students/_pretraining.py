"""The TKRE pretraining of a backbone, which any neural student can take."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.relations import Example, Schema
from harness.students._batches import Batch, bucketed_batches
from harness.students._bert_forward import ByteDropout
from harness.students._explanations import explained_rows
from harness.students._network import Network, span_means
from harness.students._pretrain_options import PretrainOptions
from harness.students._tkre import (
    Contrast,
    Spans,
    between,
    mask_probabilities,
    masked_lm_loss,
    negative_span,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from harness.students._loaded import Backbone
    from harness.students._mlm import MlmHead

__all__ = ["pretrain"]

_DROPOUT = 0.1
_WEIGHT_DECAY = 0.01


@dataclass(frozen=True, slots=True)
class _Text:
    """A tokenised text: ids, its special tokens, the mentions' token spans, its label."""

    ids: NDArray[np.int64]
    special: NDArray[np.bool_]
    spans: Spans | None
    target: int


def pretrain(
    backbone: Backbone,
    examples: Sequence[Example],
    schema: Schema,
    options: PretrainOptions,
    *,
    seed: int,
    bf16: bool,
) -> list[str]:
    """Pretrains a backbone and its masked-LM head in place.

    Stage 1 restores masked spans of explanations; stage 2 restores masked spans of the rows
    themselves and draws the span between the entities to its relation's embedding.

    Args:
        backbone: What is trained.
        examples: The student's training rows.
        schema: The relation schema.
        options: Hyperparameters.
        seed: Seed of order, masks, spans and dropout.
        bf16: Whether matrix products run in bfloat16.

    Returns:
        What a reader of a table should know.

    Raises:
        DataError: When the explanations cannot be read or explain no row.
    """
    head = backbone.masked_lm()
    columns = {name: i for i, name in enumerate(schema.label_names)}
    notes: list[str] = []
    first = copy.deepcopy((backbone.encoder.state_dict(), head.state_dict()))
    explained = explained_rows(
        examples, schema, explanations=options.explanations, templates=options.templates
    )
    if explained:
        texts = [
            _encoded(
                backbone.tokenizer,
                row.text,
                _named_in(row.text, row.example),
                columns[str(row.example.relation)],
                options.max_length,
            )
            for row in explained
        ]
        steps = _Stage(backbone, head, texts, options, None, seed=seed, bf16=bf16).run()
        templated = sum(row.templated for row in explained)
        written = f", {templated} of them by template" if templated else ""
        notes.append(f"TKRE stage 1: {len(texts)} explanations{written}, {steps} steps")
    if options.contrast:
        if options.restart:
            backbone.encoder.load_state_dict(first[0])
            head.load_state_dict(first[1])
        texts = [
            _encoded(
                backbone.tokenizer,
                row.text,
                ((row.head.start, row.head.end), (row.tail.start, row.tail.end)),
                columns[str(row.relation)],
                options.max_length,
            )
            for row in examples
        ]
        contrast = Contrast(len(columns), int(backbone.encoder.config.hidden_size))
        steps = _Stage(backbone, head, texts, options, contrast, seed=seed, bf16=bf16).run()
        begun = "the backbone" if options.restart or not explained else "stage 1"
        notes.append(f"TKRE stage 2: {len(texts)} rows, {steps} steps, begun from {begun}")
    return notes


class _Reader(Network):
    """An encoder alone, for its states."""

    def forward(self, batch: Batch, dropout: ByteDropout) -> Tensor:
        """All states, shape (batch, length, hidden)."""
        return self.states(batch, None, dropout)


class _Stage:
    """One stage; with ``contrast`` it is the second."""

    def __init__(
        self,
        backbone: Backbone,
        head: MlmHead,
        texts: Sequence[_Text],
        options: PretrainOptions,
        contrast: Contrast | None,
        *,
        seed: int,
        bf16: bool,
    ) -> None:
        self._reader = _Reader(backbone.encoder)
        self._head, self._texts, self._options, self._contrast = head, texts, options, contrast
        self._bf16 = bf16
        mask = backbone.tokenizer.mask_token_id
        pad = backbone.tokenizer.pad_token_id
        self._mask = cast(int, mask)
        self._pad = pad if isinstance(pad, int) else 0
        self._generator = np.random.default_rng([seed, 0 if contrast is None else 1])
        self._dropout = ByteDropout(_DROPOUT, seed=seed)
        modules: list[nn.Module] = [self._reader, head]
        if contrast is not None:
            modules.append(contrast)
        self._parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in self._parameters if p.dim() > 1], "weight_decay": _WEIGHT_DECAY},
            {"params": [p for p in self._parameters if p.dim() <= 1], "weight_decay": 0.0},
        ]
        self._optimiser = torch.optim.AdamW(groups, lr=options.learning_rate, fused=True)

    def run(self) -> int:
        """Trains and returns the number of steps."""
        options = self._options
        self._reader.train()
        lengths = [len(text.ids) for text in self._texts]
        total = options.epochs * -(-len(lengths) // options.batch_size)
        done = 0
        for _ in range(options.epochs):
            for rows in bucketed_batches(
                lengths, size=options.batch_size, generator=self._generator
            ):
                for group in self._optimiser.param_groups:
                    group["lr"] = options.learning_rate * (total - done) / total
                loss = self._loss([self._texts[i] for i in rows])
                done += 1
                if loss is None:
                    continue
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(self._parameters, 1.0)
                self._optimiser.step()
                self._optimiser.zero_grad(set_to_none=True)
        self._reader.eval()
        return done

    def _loss(self, texts: Sequence[_Text]) -> Tensor | None:
        """The batch's loss; None where by chance nothing is masked and nothing contrasted."""
        options = self._options
        longest = max(len(text.ids) for text in texts)
        ids = np.full((len(texts), longest), self._pad)
        real = np.zeros((len(texts), longest), dtype=bool)
        hidden = np.zeros((len(texts), longest), dtype=bool)
        for i, text in enumerate(texts):
            count = len(text.ids)
            chances = mask_probabilities(count, text.spans, text.special, options)
            ids[i, :count], real[i, :count] = text.ids, True
            hidden[i, :count] = self._generator.random(count) < chances
        words = torch.from_numpy(ids[hidden])
        ids[hidden] = self._mask
        batch = Batch(
            ids=torch.from_numpy(ids),
            mask=None if real.all() else torch.from_numpy(real),
            starts=torch.zeros(len(texts), 1, dtype=torch.long),
            spans=torch.zeros(len(texts), 2, 2, dtype=torch.long),
        )
        parts: list[Tensor] = []
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._bf16):
            states = self._reader(batch, self._dropout)
            if hidden.any():
                table = cast(Any, self._reader.encoder.get_input_embeddings()).weight
                restored = masked_lm_loss(
                    self._head(states[torch.from_numpy(hidden)], table), words
                )
                weight = 1.0 if self._contrast is None else options.mslm_weight
                parts.append(weight * restored)
            if self._contrast is not None:
                drawn = self._contrasted(texts, states)
                if drawn is not None:
                    parts.append(options.scl_weight * drawn)
        return torch.stack(parts).sum() if parts else None

    def _contrasted(self, texts: Sequence[_Text], states: Tensor) -> Tensor | None:
        kept, spans = [], []
        for i, text in enumerate(texts):
            if text.spans is None or between(text.spans)[0] == between(text.spans)[1]:
                continue  # nothing stands between the entities
            other = negative_span(len(text.ids), text.spans, text.special, self._generator)
            if other is not None:
                kept.append(i)
                spans.append([between(text.spans), other])
        if not kept or self._contrast is None:
            return None
        means = span_means(states[kept].float(), torch.tensor(spans))
        loss: Tensor = self._contrast(
            torch.tensor([texts[i].target for i in kept]),
            means[:, 0],
            means[:, 1],
            temperature=self._options.temperature,
        )
        return loss


def _named_in(text: str, example: Example) -> Spans | None:
    """Where a text first names head and tail; None where it does not name both."""
    lowered = text.lower()
    places = [lowered.find(m.surface.lower()) for m in (example.head, example.tail)]
    if min(places) < 0:
        return None
    (head, tail) = (
        (place, place + len(mention.surface))
        for place, mention in zip(places, (example.head, example.tail), strict=True)
    )
    return head, tail


def _encoded(
    tokenizer: PreTrainedTokenizerBase,
    text: str,
    characters: Spans | None,
    target: int,
    max_length: int,
) -> _Text:
    """Tokenises a text and turns the mentions' characters into tokens."""
    found = tokenizer(
        text,
        truncation=True,
        max_length=max_length,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        split_special_tokens=True,
    )
    offsets = found["offset_mapping"]
    special = np.array(found["special_tokens_mask"], dtype=bool)
    spans = None
    if characters is not None:
        tokens = [
            [
                i
                for i, (start, end) in enumerate(offsets)
                if not special[i] and start < last and first < end
            ]
            for first, last in characters
        ]
        if all(tokens):  # else a mention was cut off
            (head, tail) = ((part[0], part[-1] + 1) for part in tokens)
            spans = (head, tail)
    return _Text(np.array(found["input_ids"], dtype=np.int64), special, spans, target)
