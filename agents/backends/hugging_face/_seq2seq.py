"""Forward passes of a sequence-to-sequence model: prompts go through the encoder once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.backends.hugging_face._causal import Shared
from agents.backends.hugging_face._loading import LoadedModel
from agents.backends.hugging_face._trie import LabelTrie

__all__ = ["Seq2SeqPasses"]


class Seq2SeqPasses:
    """Encodes prompts and decodes from them, many rows at once.

    An encoder sees the whole prompt at every token, so that nothing of it can be shared.
    """

    pads = True

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._encoded: Any = None
        self._mask: Any = None
        self._cache: Any = None

    def share(self, prompts: Sequence[Sequence[int]]) -> Shared:
        """Nothing is shared."""
        return Shared()

    def forget(self) -> None:
        """Does nothing."""

    def start(self, prompts: Sequence[Sequence[int]]) -> Any:
        """The logits of each answer's first token, shape (rows, vocabulary); begins a batch."""
        self._encode(prompts)
        return self.step([self._first] * len(prompts))

    def step(self, tokens: Sequence[int]) -> Any:
        """The logits after one more token in each row."""
        output = self._decode([[token] for token in tokens], cache=self._cache)
        self._cache = self._loaded.cache_of(output)
        return output.logits[:, -1]

    def keep(self, rows: Sequence[int]) -> None:
        """Goes on with some of the rows alone."""
        chosen = self._tensor(rows)
        self._encoded, self._mask = self._encoded[chosen], self._mask[chosen]
        self._cache.batch_select_indices(chosen)

    def end(self) -> None:
        """Lets go of a batch."""
        self._encoded = self._mask = self._cache = None

    def trees(self, prompts: Sequence[Sequence[int]], trie: LabelTrie) -> Any:
        """The logits at each node of the labels' tree, shape (rows, nodes, vocabulary).

        The decoder gets a row per label and prompt; the encoder's work is shared.
        """
        import torch

        self._encode(prompts)
        count, longest = len(trie.paths), max(map(len, trie.paths))
        self._encoded = self._encoded.repeat_interleave(count, dim=0)
        self._mask = self._mask.repeat_interleave(count, dim=0)
        labels = [[trie.tokens[node] for node in path] for path in trie.paths]
        pad = self._loaded.pad
        rows = [[self._first, *label, *[pad] * (longest - len(label))] for label in labels]
        logits = self._decode(rows * len(prompts)).logits
        logits = logits.view(len(prompts), count, longest + 1, -1)
        self.end()
        found = [logits[:, 0, 0]] + [None] * (len(trie.tokens) - 1)
        for row, path in enumerate(trie.paths):
            for depth, node in enumerate(path, start=1):
                found[node] = logits[:, row, depth]
        return torch.stack(found, dim=1)

    @property
    def _first(self) -> int:
        config = self._loaded.model.config
        start = getattr(config, "decoder_start_token_id", None)
        return int(self._loaded.pad if start is None else start)

    def _encode(self, prompts: Sequence[Sequence[int]]) -> None:
        import torch

        width = max(map(len, prompts))
        pads = [width - len(prompt) for prompt in prompts]
        ids = [[*prompt, *[self._loaded.pad] * n] for prompt, n in zip(prompts, pads, strict=True)]
        self._mask = self._tensor([[1] * (width - n) + [0] * n for n in pads])
        encoder = self._loaded.model.get_encoder()
        with torch.no_grad():
            output = encoder(input_ids=self._tensor(ids), attention_mask=self._mask)
        self._encoded, self._cache = output.last_hidden_state, None

    def _decode(self, ids: Sequence[Sequence[int]], cache: Any = None) -> Any:
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        arguments: dict[str, Any] = {
            "encoder_outputs": BaseModelOutput(last_hidden_state=self._encoded),
            "attention_mask": self._mask,
            "decoder_input_ids": self._tensor(ids),
            "use_cache": True,
        }
        if cache is not None:
            arguments[self._loaded.cache_argument] = cache
        with torch.no_grad():
            return self._loaded.model(**arguments)

    def _tensor(self, values: Any) -> Any:
        import torch

        return torch.tensor(values, dtype=torch.long, device=self._loaded.device)
