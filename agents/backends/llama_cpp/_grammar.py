"""A grammar that llama.cpp keeps for one answer."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.backends.llama_cpp._library import library, said
from agents.backends.llama_cpp._vocabulary import Vocabulary
from harness.errors import BackendError

__all__ = ["GrammarState"]

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class GrammarState:
    """How far an answer is in a GBNF grammar, whose first rule is ``root``.

    Raises:
        BackendError: When llama.cpp cannot read the grammar.
    """

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self._llama = library()
        self._vocabulary = vocabulary
        said()
        self._sampler: Any = self._llama.llama_sampler_init_grammar(
            vocabulary.pointer, text.encode(), b"root"
        )
        if not self._sampler:
            self._sampler = None
            raise BackendError(
                f"llama.cpp cannot read the grammar: {said() or 'it does not say why'}",
                hint="Mend the GBNF; its first rule is root, and no rule calls itself at its"
                " beginning.",
            )

    def allows(self, token: int) -> bool:
        """Whether a token may come next."""
        one = np.zeros(1, dtype=_CANDIDATE)
        one["id"] = token
        self._apply(one)
        return bool(np.isfinite(one["logit"][0]))

    def allowed(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The logits, with minus infinity for every token that may not come next."""
        every = np.zeros(len(logits), dtype=_CANDIDATE)
        every["id"] = np.arange(len(logits), dtype=np.int32)
        every["logit"] = logits
        self._apply(every)
        return every["logit"].copy()

    def accept(self, token: int) -> None:
        """Goes on by a token that may come next."""
        self._llama.llama_sampler_accept(self._sampler, token)

    def close(self) -> None:
        """Frees it; harmless when it is."""
        if self._sampler is not None:
            self._llama.llama_sampler_free(self._sampler)
            self._sampler = None

    def _apply(self, candidates: NDArray[np.void]) -> None:
        llama = self._llama
        array = llama.llama_token_data_array(
            data=ctypes.cast(candidates.ctypes.data, llama.llama_token_data_p),
            size=len(candidates),
            selected=-1,
            sorted=False,
        )
        llama.llama_sampler_apply(self._sampler, ctypes.byref(array))
