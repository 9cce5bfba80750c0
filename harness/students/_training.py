"""Training and prediction loops of the neural students."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from harness.protocols import Progress
from harness.students._backbone import longest_input
from harness.students._batches import Batch, bucketed_batches, budgeted_batches, collate
from harness.students._bert_forward import ByteDropout
from harness.students._compact import compact_embeddings
from harness.students._marking import MarkedIds
from harness.students._soup import Soup
from harness.students._training_options import Precision, TrainingOptions

if TYPE_CHECKING:
    from harness.students._network import Network

__all__ = ["DevSet", "Trained", "bf16_wanted", "divergence", "each_batch", "predict", "train"]

_NEXT_MEMBER = 1_000_003  # between the seeds of a soup's members: far from what people choose


@dataclass(frozen=True, slots=True)
class DevSet:
    """Encoded dev rows and the columns of their labels."""

    rows: list[MarkedIds]
    targets: list[int]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training did.

    Attributes:
        steps: Optimiser steps of all members of a soup.
        losses: Mean training loss per epoch, one member after another.
        best_epochs: The epoch of each member that was kept, from 1, where a dev set chose it.
    """

    steps: int
    losses: tuple[float, ...]
    best_epochs: tuple[int, ...] = ()


def bf16_wanted(precision: Precision) -> bool:
    """Whether matrix products run in bfloat16; ``auto`` asks the CPU."""
    if precision != "auto":
        return precision == "bf16"
    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def train(
    model: Network,
    rows: Sequence[MarkedIds],
    targets: Sequence[int],
    options: TrainingOptions,
    *,
    seed: int,
    pad: int,
    bf16: bool,
    dev: DevSet | None = None,
    weights: NDArray[np.float64] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Trains a model in place with AdamW on its objective.

    Args:
        model: Encoder and classifier.
        rows: Encoded training rows.
        targets: Column of each row's label.
        options: Hyperparameters.
        seed: Seed of the order of rows and of dropout.
        pad: Id of the padding word.
        bf16: Whether matrix products run in bfloat16.
        dev: Rows by whose accuracy the best epoch is kept; needs ``options.patience``.
        weights: Weights of the labels in the cross-entropy; None weighs all alike.
        progress: Told optimiser steps.
    """
    groups = [rows, dev.rows if dev is not None else []]
    steps, losses, best_epochs = 0, [], []
    with compact_embeddings(
        model.encoder, groups, pad=pad, trained=options.train_embeddings
    ) as narrowed:
        soup = Soup(model, options.soup)
        for member in range(options.soup):
            soup.begin()
            loop = _Loop(
                model,
                narrowed[0],
                torch.tensor(targets),
                options,
                seed=seed + member * _NEXT_MEMBER,
                bf16=bf16,
                weights=None if weights is None else torch.from_numpy(weights).float(),
            )
            told = _of_all(progress, member, options.soup)
            if dev is None or options.patience is None:
                losses += [loop.epoch(told) for _ in range(loop.epochs)]
                loop.take_average()
            else:
                narrow_dev = DevSet(narrowed[1], dev.targets)
                seen, best = _until_stopped(loop, narrow_dev, options.patience, told)
                losses += seen
                best_epochs.append(best)
            steps += loop.step
            soup.add()
        soup.pour()
    model.eval()
    return Trained(steps=steps, losses=tuple(losses), best_epochs=tuple(best_epochs))


def _of_all(progress: Progress | None, member: int, members: int) -> Progress | None:
    """Counts the steps of one member among those of all."""
    if progress is None or members == 1:
        return progress
    return lambda done, total: progress(member * total + done, members * total)


class _Loop:
    """One training: optimiser, schedule and sources of randomness."""

    def __init__(
        self,
        model: Network,
        rows: list[MarkedIds],
        targets: Tensor,
        options: TrainingOptions,
        *,
        seed: int,
        bf16: bool,
        weights: Tensor | None = None,
    ) -> None:
        self.model, self.bf16 = model, bf16
        self._weights = weights
        self._rows, self._targets, self._options = rows, targets, options
        self._lengths = [len(row) for row in rows]
        self._room = longest_input(model.encoder.config)
        self._generator = np.random.default_rng(seed)
        self._dropout = ByteDropout(options.dropout, seed=seed)
        per_epoch = -(-len(rows) // options.batch_size)
        self.epochs = max(options.epochs, math.ceil(options.min_steps / per_epoch))
        self._total = self.epochs * per_epoch
        self._rising = max(1, round(options.warmup * self._total))
        self._trained = [p for p in model.parameters() if p.requires_grad]
        self._optimiser = torch.optim.AdamW(
            _parameter_groups(model, options), lr=options.learning_rate, fused=True
        )
        self._peaks = [group["lr"] for group in self._optimiser.param_groups]
        self._average = [p.detach().clone() for p in self._trained] if options.average else []
        self.step = 0

    def epoch(self, progress: Progress | None) -> float:
        """Passes over the rows once and returns their mean loss."""
        self.model.train()
        seen = 0.0
        for batch_rows in bucketed_batches(
            self._lengths, size=self._options.batch_size, generator=self._generator
        ):
            seen += self._update(batch_rows) * len(batch_rows)
            if progress is not None:
                progress(self.step, self._total)
        return seen / len(self._rows)

    def _update(self, batch_rows: list[int]) -> float:
        factor = min(
            (self.step + 1) / self._rising,
            (self._total - self.step) / max(1, self._total - self._rising),
        )
        for group, peak in zip(self._optimiser.param_groups, self._peaks, strict=True):
            group["lr"] = peak * factor
        batch = collate(
            [self._rows[i] for i in batch_rows],
            pad=0,
            multiple=self._options.pad_to_multiple_of,
            room=self._room,
        )
        loss = self._loss(batch, self._targets[batch_rows])
        loss.backward()  # type: ignore[no-untyped-call]
        if self._options.max_gradient is not None:
            nn.utils.clip_grad_norm_(self._trained, self._options.max_gradient)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self.step += 1
        if self._average:
            # Early averages stand near the present weights, not near the untrained ones.
            decay = min(self._options.average, self.step / (self.step + 10))
            torch._foreach_lerp_(self._average, [p.detach() for p in self._trained], 1 - decay)
        return float(loss.detach())

    def _loss(self, batch: Batch, targets: Tensor) -> Tensor:
        passes: list[Tensor] = []

        def criterion(logits: Tensor) -> Tensor:
            passes.append(logits.float())
            return F.cross_entropy(
                passes[-1],
                targets,
                weight=self._weights,
                label_smoothing=self._options.label_smoothing,
            )

        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            loss = self.model.objective(batch, self._dropout, criterion, targets)
            if not self._options.r_drop:
                return loss
            again = self.model.objective(batch, self._dropout, criterion, targets)
        return (loss + again) / 2 + self._options.r_drop * divergence(*passes)

    def take_average(self) -> None:
        """Puts the averaged weights, where there are any, in place of the last ones."""
        with torch.no_grad():
            for parameter, average in zip(self._trained, self._average, strict=False):
                parameter.copy_(average)


def divergence(one: Tensor, other: Tensor) -> Tensor:
    """Half the sum of both Kullback-Leibler divergences, mean over the batch (R-Drop, eq. 2).

    Args:
        one: Logits of shape (batch, labels).
        other: Logits of the same rows.
    """
    first, second = one.log_softmax(-1), other.log_softmax(-1)
    there = F.kl_div(second, first, log_target=True, reduction="batchmean")
    back = F.kl_div(first, second, log_target=True, reduction="batchmean")
    return (there + back) / 2


def _until_stopped(
    loop: _Loop, dev: DevSet, patience: int, progress: Progress | None
) -> tuple[list[float], int]:
    """Trains until dev accuracy has not risen for ``patience`` epochs; keeps the best epoch."""
    losses: list[float] = []
    best, best_epoch, kept = -1.0, 0, {}
    for epoch in range(1, loop.epochs + 1):
        losses.append(loop.epoch(progress))
        shares = predict(loop.model, dev.rows, pad=0, tokens=2048, bf16=loop.bf16)
        accuracy = float(np.mean(shares.argmax(axis=1) == np.array(dev.targets)))
        if accuracy > best:
            best, best_epoch = accuracy, epoch
            kept = {name: value.clone() for name, value in loop.model.state_dict().items()}
        elif epoch - best_epoch >= patience:
            break
    loop.model.load_state_dict(kept)
    return losses, best_epoch


def predict(
    model: Network,
    rows: Sequence[MarkedIds],
    *,
    pad: int,
    tokens: int,
    bf16: bool,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Probabilities of shape (rows, labels), in batches of like length.

    Args:
        model: Encoder and classifier.
        rows: Encoded rows.
        pad: Id of the padding word.
        tokens: Upper bound on a batch's tokens.
        bf16: Whether matrix products run in bfloat16.
        progress: Told finished rows.
    """
    result = np.zeros((len(rows), model.out_features))

    def one(batch_rows: list[int], logits: Tensor) -> None:
        result[batch_rows] = logits.double().softmax(-1).numpy()

    each_batch(model, rows, model, one, pad=pad, tokens=tokens, bf16=bf16, progress=progress)
    return result


def each_batch(
    model: Network,
    rows: Sequence[MarkedIds],
    look: Callable[[Batch, ByteDropout], Tensor],
    take: Callable[[list[int], Tensor], None],
    *,
    pad: int,
    tokens: int,
    bf16: bool,
    progress: Progress | None = None,
) -> None:
    """Runs a network over rows in batches of like length, without dropout or gradients.

    Args:
        model: The network.
        rows: Encoded rows.
        look: What of the network to run on a batch.
        take: Called with the batch's row indices and its result.
        pad: Id of the padding word.
        tokens: Upper bound on a batch's tokens.
        bf16: Whether matrix products run in bfloat16.
        progress: Told finished rows.
    """
    model.eval()
    keep_all = ByteDropout(0.0, seed=0)
    done = 0
    with (
        torch.inference_mode(),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16),
    ):
        for batch_rows in budgeted_batches([len(row) for row in rows], tokens=tokens):
            batch = collate([rows[i] for i in batch_rows], pad=pad)
            take(batch_rows, look(batch, keep_all))
            done += len(batch_rows)
            if progress is not None:
                progress(done, len(rows))


def _parameter_groups(model: Network, options: TrainingOptions) -> list[dict[str, Any]]:
    """Parameters by learning rate and weight decay."""
    layers = int(getattr(model.encoder.config, "num_hidden_layers", 0))
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        rate = options.head_learning_rate
        if not name.startswith("classifier."):
            # "encoder.encoder.layer.3.attention": the layer's number; embeddings lie below 0.
            number = next((int(part) for part in name.split(".") if part.isdigit()), -1)
            rate = options.learning_rate * options.layer_decay ** (layers - 1 - number)
        decays = parameter.dim() > 1 and "embeddings" not in name
        groups.setdefault((rate, options.weight_decay if decays else 0.0), []).append(parameter)
    return [
        {"params": params, "lr": rate, "weight_decay": decay}
        for (rate, decay), params in groups.items()
    ]
