"""Forward passes of a causal model: a shared prefix, batches of the rest, trees of labels."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.backends.hugging_face._loading import LoadedModel
from agents.backends.hugging_face._trie import LabelTrie

__all__ = ["CausalPasses", "Shared"]


@dataclass(frozen=True, slots=True)
class Shared:
    """What the prompts of a round have in common.

    Attributes:
        tokens: Number of tokens of the prefix.
        evaluated: How many of them had to be evaluated for this round.
    """

    tokens: int = 0
    evaluated: int = 0


class CausalPasses:
    """Evaluates prompts and goes on from them, many rows at once.

    The prefix that all prompts of a round share is evaluated once and its keys and values are
    laid out for each row; it is kept for the next round. A row is the prefix, padding, then the
    rest of its prompt. Models whose layers keep less than every token (sliding windows, states)
    get batches of equally long prompts instead, without padding and without a shared prefix.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._prefix: tuple[int, ...] = ()
        self._prefix_cache: Any = None
        self._cache: Any = None
        self._mask: Any = None
        self._positions: Any = None
        self.pads = _keeps_every_token(loaded)
        self._trusts_trees: bool | None = None if self.pads else False

    def share(self, prompts: Sequence[Sequence[int]]) -> Shared:
        """Evaluates what all prompts begin with, or what is new of it."""
        if not self.pads:
            return Shared()
        common = _common(prompts)
        common = common[: min(map(len, prompts)) - 1]  # each keeps a token of its own
        known = len(_common([self._prefix, common]))
        if known < len(self._prefix):
            if known:
                self._prefix_cache.crop(known - len(self._prefix))
            else:
                self._prefix_cache = None
            self._prefix = self._prefix[:known]
        if new := common[known:]:
            output = self._forward(
                self._tensor([new]),
                positions=self._tensor([range(known, len(common))]),
                cache=self._prefix_cache,
                keep=1,
            )
            self._prefix_cache = self._loaded.cache_of(output)
            self._prefix = common
        return Shared(len(common), len(new))

    def forget(self) -> None:
        """Lets go of the shared prefix."""
        self._prefix, self._prefix_cache = (), None

    def start(self, prompts: Sequence[Sequence[int]]) -> Any:
        """The logits after each prompt, shape (rows, vocabulary); begins a batch."""
        import torch

        ids, mask, positions = self._rows(prompts)
        prefix = torch.ones(len(prompts), len(self._prefix), dtype=mask.dtype, device=mask.device)
        self._mask = torch.cat([prefix, mask], dim=1)
        self._positions = positions[:, -1:]
        output = self._forward(
            ids, mask=self._mask, positions=positions, cache=self._laid_out(len(prompts)), keep=1
        )
        self._cache = self._loaded.cache_of(output)
        return output.logits[:, -1]

    def step(self, tokens: Sequence[int]) -> Any:
        """The logits after one more token in each row."""
        import torch

        ones = torch.ones(len(tokens), 1, dtype=self._mask.dtype, device=self._mask.device)
        self._mask = torch.cat([self._mask, ones], dim=1)
        self._positions = self._positions + 1
        output = self._forward(
            self._tensor([[token] for token in tokens]),
            mask=self._mask,
            positions=self._positions,
            cache=self._cache,
            keep=1,
        )
        self._cache = self._loaded.cache_of(output)
        return output.logits[:, -1]

    def keep(self, rows: Sequence[int]) -> None:
        """Goes on with some of the rows alone."""
        chosen = self._tensor(rows)
        self._cache.batch_select_indices(chosen)
        self._mask, self._positions = self._mask[chosen], self._positions[chosen]

    def end(self) -> None:
        """Lets go of a batch."""
        self._cache = self._mask = self._positions = None

    def trees(self, prompts: Sequence[Sequence[int]], trie: LabelTrie) -> Any:
        """The logits at each node of the labels' tree, shape (rows, nodes, vocabulary).

        The whole tree goes through the model behind the prompt in one pass: a node sees the prompt
        and its own ancestors, and stands at the place that it has on its branch. A model that
        does not heed such a mask is found out the first time, and gets a row per label.
        """
        import torch

        if self._trusts_trees is None:
            self._trusts_trees = self._tree_is_right(prompts[0], trie)
        if self._trusts_trees:
            return self._tree(prompts, trie)
        return torch.stack([self._branches(prompt, trie) for prompt in prompts])

    def _tree(self, prompts: Sequence[Sequence[int]], trie: LabelTrie) -> Any:
        import torch

        nodes = len(trie.tokens) - 1
        start, depths = len(self._prefix), trie.depths
        ids, mask, positions = self._rows(prompts)
        rows, width = ids.shape
        branch = self._tensor(trie.tokens[1:]).expand(rows, -1)
        ids = torch.cat([ids, branch], dim=1)
        deeper = self._tensor(depths[1:]) + positions[:, -1:]
        positions = torch.cat([positions, deeper], dim=1)
        seen = torch.zeros(rows, width + nodes, start + width + nodes, dtype=torch.bool)
        seen = seen.to(mask.device)
        seen[:, :, :start] = True
        causal = torch.ones(width, width, dtype=torch.bool, device=mask.device).tril()
        seen[:, :width, start : start + width] = causal & mask.bool()[:, None, :]
        seen[:, width:, start : start + width] = mask.bool()[:, None, :]
        for node in range(1, nodes + 1):
            for above in trie.ancestors(node):
                seen[:, width + node - 1, start + width + above - 1] = True
        # Padding sees itself, since a row that sees nothing is not a number.
        diagonal = torch.arange(width, device=mask.device)
        seen[:, diagonal, start + diagonal] = True
        dtype = self._loaded.model.dtype
        hidden = torch.zeros(seen.shape, dtype=dtype, device=mask.device)
        hidden.masked_fill_(~seen, torch.finfo(dtype).min)
        output = self._forward(
            ids,
            mask=hidden[:, None],
            positions=positions,
            cache=self._laid_out(rows),
            keep=nodes + 1,
        )
        return output.logits[:, -(nodes + 1) :]

    def _branches(self, prompt: Sequence[int], trie: LabelTrie) -> Any:
        """The same for one prompt with a row per label, without anything shared."""
        import torch

        longest = max(map(len, trie.paths))
        labels = [[trie.tokens[node] for node in path] for path in trie.paths]
        rows = [[*prompt, *label, *[self._loaded.pad] * (longest - len(label))] for label in labels]
        # Padding stands on the right, where no token of the label sees it.
        output = self._forward(self._tensor(rows), keep=longest + 1)
        logits = output.logits[:, -(longest + 1) :]
        found = [logits[0, 0]] + [None] * (len(trie.tokens) - 1)
        for row, path in enumerate(trie.paths):
            for depth, node in enumerate(path, start=1):
                found[node] = logits[row, depth]
        return torch.stack(found)

    def _tree_is_right(self, prompt: Sequence[int], trie: LabelTrie) -> bool:
        import torch

        if "position_ids" not in self._loaded.arguments:
            return False
        try:
            tree = trie.pick(self._tree([prompt], trie)[0])
        except (ValueError, RuntimeError, TypeError, IndexError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            return False
        plain = trie.pick(self._branches(prompt, trie))
        allowed = 1e-2 if self._loaded.model.dtype == torch.float32 else 0.5
        return max(abs(tree[step] - plain[step]) for step in plain) <= allowed

    def _rows(self, prompts: Sequence[Sequence[int]]) -> tuple[Any, Any, Any]:
        """Tokens, mask and positions of what follows the prefix, padded on the left."""
        start = len(self._prefix)
        rests = [tuple(prompt[start:]) for prompt in prompts]
        width = max(map(len, rests))
        pads = [width - len(rest) for rest in rests]
        ids = [[self._loaded.pad] * pad + list(rest) for pad, rest in zip(pads, rests, strict=True)]
        mask = [[0] * pad + [1] * (width - pad) for pad in pads]
        positions = [[start] * pad + list(range(start, start + width - pad)) for pad in pads]
        return self._tensor(ids), self._tensor(mask), self._tensor(positions)

    def _laid_out(self, rows: int) -> Any:
        """A copy of the prefix's keys and values for each row."""
        if not self._prefix:
            return None
        cache = copy.deepcopy(self._prefix_cache)
        cache.batch_repeat_interleave(rows)
        return cache

    def _forward(
        self, ids: Any, *, mask: Any = None, positions: Any = None, cache: Any = None, keep: int
    ) -> Any:
        import torch

        loaded = self._loaded
        arguments: dict[str, Any] = {"input_ids": ids, "use_cache": True}
        if mask is not None:
            arguments["attention_mask"] = mask
        if cache is not None:
            arguments[loaded.cache_argument] = cache
        if positions is not None and "position_ids" in loaded.arguments:
            arguments["position_ids"] = positions
        if "logits_to_keep" in loaded.arguments:
            arguments["logits_to_keep"] = keep
        with torch.no_grad():
            return loaded.model(**arguments)

    def _tensor(self, values: Any) -> Any:
        import torch

        rows = [list(row) if isinstance(row, range | tuple) else row for row in values]
        return torch.tensor(rows, dtype=torch.long, device=self._loaded.device)


def _keeps_every_token(loaded: LoadedModel) -> bool:
    """Whether every layer of the model's KV cache holds all tokens."""
    from transformers import DynamicCache

    try:
        layers = DynamicCache(config=loaded.model.config).layers
    except (TypeError, AttributeError, KeyError, ValueError):
        return False
    return all(type(layer).__name__ == "DynamicLayer" for layer in layers)


def _common(prompts: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The tokens with which all prompts begin."""
    rows = [tuple(prompt) for prompt in prompts]
    first, last = min(rows), max(rows)  # what these two share, all others share
    length = 0
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        length += 1
    return first[:length]
