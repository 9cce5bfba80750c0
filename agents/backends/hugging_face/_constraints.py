"""Answers of a declared form: JSON schemas and GBNF grammars through llguidance."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from typing import Any

from agents.backends.hugging_face._loading import LoadedModel
from harness.errors import BackendError, MissingExtraError
from harness.protocols import Constraint

__all__ = ["Constraints", "Form", "constrains"]


def constrains() -> bool:
    """Whether constraints can be kept to."""
    return importlib.util.find_spec("llguidance") is not None


class Form:
    """Where one answer stands in its grammar."""

    def __init__(self, matcher: Any, ends: Sequence[int]) -> None:
        self._matcher = matcher
        self._ends = ends

    def allowed(self, vocabulary: int) -> Any:
        """Which tokens may come next, shape (vocabulary,).

        Raises:
            BackendError: When the grammar leads nowhere.
        """
        import numpy as np
        import torch

        allowed = torch.zeros(vocabulary, dtype=torch.bool)
        if self._matcher.is_stopped() and not self._matcher.is_error():
            allowed[list(self._ends)] = True
            return allowed
        packed = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        bits = np.unpackbits(packed, bitorder="little")[:vocabulary].astype(bool)
        allowed[: len(bits)] = torch.from_numpy(bits)
        if self._matcher.is_error() or not allowed.any():
            raise _refused(self._matcher.get_error() or "no token may follow")
        return allowed

    def take(self, token: int) -> None:
        """Goes on by a token."""
        if token not in self._ends:
            self._matcher.consume_token(token)

    @property
    def complete(self) -> bool:
        """Whether nothing but the end can follow."""
        return bool(self._matcher.is_stopped())


class Constraints:
    """Turns constraints into forms, for one model; grammars are kept."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._tokenizer: Any = None
        self._matchers: dict[Constraint, Any] = {}

    def form(self, constraint: Constraint) -> Form:
        """A form at its beginning.

        Raises:
            MissingExtraError: When llguidance is not installed.
            BackendError: When the schema or grammar cannot be used.
        """
        if constraint not in self._matchers:
            self._matchers[constraint] = self._matcher(constraint)
        return Form(self._matchers[constraint].deep_copy(), self._loaded.ends)

    def _matcher(self, constraint: Constraint) -> Any:
        if not constrains():
            raise MissingExtraError(
                package="llguidance", extra="hf", feature="A constrained answer of the backend hf"
            )
        import llguidance
        import llguidance.hf
        from llguidance.gbnf_to_lark import any_to_lark

        if self._tokenizer is None:
            loaded = self._loaded
            try:
                self._tokenizer = llguidance.hf.from_tokenizer(
                    loaded.tokenizer, eos_token=list(loaded.ends)
                )
            except ValueError as error:
                raise BackendError(
                    f"The model's tokenizer cannot be constrained: {error}",
                    hint="Use scores of labels or free text instead of a constraint.",
                ) from None
        try:
            if constraint.kind == "json_schema":
                grammar = llguidance.LLMatcher.grammar_from_json_schema(
                    json.loads(constraint.text),
                    # As json.dumps writes it, which is what models are used to; any white space
                    # would let a weak model write nothing else.
                    overrides={
                        "whitespace_flexible": False,
                        "item_separator": ", ",
                        "key_separator": ": ",
                    },
                )
            else:
                grammar = llguidance.LLMatcher.grammar_from_lark(any_to_lark(constraint.text))
        except Exception as error:  # the translator has an error class of its own
            raise _refused(str(error)) from None
        matcher = llguidance.LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise _refused(matcher.get_error())
        return matcher


def _refused(reason: str) -> BackendError:
    lines = reason.strip().splitlines() or ["no reason"]
    return BackendError(
        f"The answer cannot be constrained: {lines[0]}",
        hint="Mend the JSON schema or GBNF grammar.",
    )
