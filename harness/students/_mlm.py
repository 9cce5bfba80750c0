"""Masked-LM heads: the checkpoint's own, or a new one tied to the word embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["MlmHead", "MlmTransform", "load_head"]

# Where the families keep the head's dense layer, its norm, and the decoder's bias.
_PLACES = (
    ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions"),
    ("lm_head.dense", "lm_head.layer_norm", "lm_head"),
)


class MlmTransform(nn.Module):
    """What stands between an encoder's state and the decoder: dense, activation, norm.

    Args:
        size: The encoder's hidden size.
        gelu: Whether there is an activation. A new head has none and begins as the identity
            before the norm, so that it does not scramble states that it has not learnt to read.
    """

    def __init__(self, size: int, *, gelu: bool) -> None:
        super().__init__()
        self.gelu = gelu
        self.dense = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size)
        with torch.no_grad():
            self.dense.weight.copy_(torch.eye(size))
            self.dense.bias.zero_()

    def forward(self, states: Tensor) -> Tensor:
        """States to compare with word embeddings, same shape."""
        states = self.dense(states)
        if self.gelu:
            states = F.gelu(states)
        return self.norm(states)  # type: ignore[no-any-return]


class MlmHead(nn.Module):
    """A masked-LM head whose decoder is the table of word embeddings.

    Args:
        transform: What stands before the decoder.
        bias: One value per word, shape (words,).
        new: Whether the checkpoint had none.
    """

    def __init__(self, transform: MlmTransform, bias: Tensor, *, new: bool) -> None:
        super().__init__()
        self.transform = transform
        self.bias = nn.Parameter(bias)
        self.new = new

    def forward(self, states: Tensor, embeddings: Tensor) -> Tensor:
        """Logits over words, shape (..., words)."""
        return F.linear(self.transform(states), embeddings, self.bias[: len(embeddings)])


def load_head(source: str, encoder: PreTrainedModel) -> MlmHead:
    """The head of a checkpoint, or a new one where it has none (or of an unknown layout)."""
    size = int(encoder.config.hidden_size)
    embeddings = cast(nn.Embedding, encoder.get_input_embeddings())
    words = embeddings.num_embeddings
    found = _checkpoints_head(source)
    if found is None:
        # As the scale of a state's dot product with an embedding depends on both, a new norm
        # begins with the scale at which a word's own embedding gets about the logit 10.
        head = MlmHead(MlmTransform(size, gelu=False), torch.zeros(words), new=True)
        norm = float(embeddings.weight.detach().norm(dim=1).mean())
        with torch.no_grad():
            head.transform.norm.weight.fill_(10 / (norm * size**0.5))
        return head
    dense, layer_norm, bias = found
    transform = MlmTransform(size, gelu=True)
    transform.dense.load_state_dict(dense.state_dict())
    transform.norm.load_state_dict(layer_norm.state_dict())
    transform.norm.eps = layer_norm.eps
    return MlmHead(transform, bias.detach().clone(), new=False)


def _checkpoints_head(source: str) -> tuple[nn.Linear, nn.LayerNorm, Tensor] | None:
    """Dense layer, norm and bias of a checkpoint's own head; None where one is absent."""
    from transformers import AutoModelForMaskedLM

    from harness.students._backbone import quiet_transformers

    try:
        with quiet_transformers():
            model, info = AutoModelForMaskedLM.from_pretrained(
                source, dtype=torch.float32, output_loading_info=True
            )
    except (ValueError, OSError, RuntimeError):
        return None  # no masked-LM model of this family
    model_: Any = model
    for dense, layer_norm, holder in _PLACES:
        try:
            parts = (model_.get_submodule(dense), model_.get_submodule(layer_norm))
            bias: Tensor = model_.get_submodule(holder).decoder.bias
        except AttributeError:
            continue
        if any(str(key).startswith(holder.partition(".")[0]) for key in info["missing_keys"]):
            return None
        return (*parts, bias)
    return None
