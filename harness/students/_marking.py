"""Entity markers: from an example to the token ids that show the model its head and tail.

Zhou and Chen 2022, "An Improved Baseline for Sentence-level Relation Extraction", section 2.2,
table 1. The text is cut at the mentions' borders and the pieces are tokenised apart, so that a
border inside a word is kept, and no marker can be lost to truncation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.relations import Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["MarkedIds", "MarkerStyle", "MarkerVocabulary", "marker_tags"]

MarkerStyle: TypeAlias = Literal[
    "none", "punct", "tag", "mask", "typed_punct", "typed_tag", "typed_mask"
]
_MASKS = ("SUBJ", "OBJ")

_HEAD, _TAIL = 0, 1


@dataclass(frozen=True, slots=True)
class MarkedIds:
    """Token ids of one example with its markers.

    Attributes:
        ids: Token ids, with the model's own special tokens.
        starts: Positions whose states are read: the head's and the tail's start marker, or the
            mask of a prompt.
        spans: Half-open token spans of the head's and the tail's words, markers left out.
    """

    ids: list[int]
    starts: tuple[int, ...]
    spans: tuple[tuple[int, int], tuple[int, int]]

    def __len__(self) -> int:
        return len(self.ids)


def marker_tags(style: str, types: Sequence[str]) -> list[str]:
    """Special tokens that a style adds to the vocabulary, in a fixed order."""
    if style == "tag":
        return ["[E1]", "[/E1]", "[E2]", "[/E2]"]
    if style == "typed_tag":
        return [
            tag
            for type_ in types
            for tag in (f"[E1-{type_}]", f"[/E1-{type_}]", f"[E2-{type_}]", f"[/E2-{type_}]")
        ]
    if style == "mask":
        return [f"[{name}]" for name in _MASKS]
    if style == "typed_mask":
        return [f"[{name}-{type_}]" for type_ in types for name in _MASKS]
    return []


class MarkerVocabulary:
    """Writes examples as token ids with markers.

    Args:
        tokenizer: A fast tokenizer that knows the style's tags already.
        style: How mentions are marked.
        type_words: Words that a typed punctuation marker writes for an entity type; a type
            that is not listed is written as it is, in lower case.
        max_length: Upper bound on the ids of one example, special tokens counted.

    Attributes:
        closing: Ids of the model's own tokens that end a sentence.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        style: str,
        type_words: Mapping[str, str],
        max_length: int,
    ) -> None:
        self._tokenizer = tokenizer
        self._style = style
        self._type_words = type_words
        self._max_length = max_length
        self._marks: dict[tuple[int, str | None], tuple[list[int], list[int]]] = {}
        unknown = tokenizer.unk_token_id
        self._unknown = unknown if isinstance(unknown, int) else 0
        plain = tokenizer("a", add_special_tokens=False)["input_ids"]
        around = tokenizer("a")["input_ids"]
        place = next(i for i in range(len(around)) if around[i : i + len(plain)] == plain)
        self._opening, self.closing = around[:place], around[place + len(plain) :]

    def encode(self, examples: Sequence[Example]) -> list[MarkedIds]:
        """Tokenises all examples with one call of the fast tokenizer."""
        borders = [_borders(example) for example in examples]
        pieces = [
            example.text[start:end]
            for example, cuts in zip(examples, borders, strict=True)
            for start, end in pairwise(cuts)
        ]
        ids: Sequence[list[int]] = (
            self._tokenizer(
                pieces,
                add_special_tokens=False,
                return_attention_mask=False,
                return_token_type_ids=False,
                split_special_tokens=True,  # "[SEP]" in a text is text
                verbose=False,
            )["input_ids"]
            if pieces
            else []
        )
        encoded, done = [], 0
        for example, cuts in zip(examples, borders, strict=True):
            count = len(cuts) - 1
            encoded.append(self._assemble(example, cuts, ids[done : done + count]))
            done += count
        return encoded

    def _mark(self, role: int, type_: str | None) -> tuple[list[int], list[int]]:
        """Ids before and after a mention."""
        key = (role, type_ if self._style.startswith("typed") else None)
        if key not in self._marks:
            name = f"E{role + 1}"
            if self._style == "none":
                opening = closing = ""
            elif self._style.endswith("mask"):  # the mention itself is left out
                of_type = f"-{type_}" if self._style.startswith("typed") else ""
                opening, closing = f"[{_MASKS[role]}{of_type}]", ""
            elif self._style == "tag":
                opening, closing = f"[{name}]", f"[/{name}]"
            elif self._style == "typed_tag":
                opening, closing = f"[{name}-{type_}]", f"[/{name}-{type_}]"
            else:
                # RoBERTa-like tokenizers tell " @" from "@"; others take both as one.
                opening = closing = " @" if role == _HEAD else " #"
                if self._style == "typed_punct":
                    word = self._type_words.get(type_ or "", (type_ or "").lower())
                    opening += f" * {word} *" if role == _HEAD else f" ^ {word} ^"
            self._marks[key] = (
                self._tokenizer(opening, add_special_tokens=False)["input_ids"],
                self._tokenizer(closing, add_special_tokens=False)["input_ids"],
            )
        return self._marks[key]

    def _assemble(
        self, example: Example, cuts: Sequence[int], pieces: Sequence[list[int]]
    ) -> MarkedIds:
        mentions = (example.head, example.tail)
        marks = [self._mark(role, mention.type) for role, mention in enumerate(mentions)]
        inside = [
            [_covers(example, role, cuts[i], cuts[i + 1]) for i in range(len(pieces))]
            for role in (_HEAD, _TAIL)
        ]
        pieces = [
            piece or ([self._unknown] if inside[_HEAD][i] or inside[_TAIL][i] else [])
            for i, piece in enumerate(pieces)
        ]
        fixed = len(self._opening) + len(self.closing)
        fixed += sum(len(opening) + len(closing) for opening, closing in marks)
        if self._style.endswith("mask"):
            pieces = [
                [] if any(side[i] for side in inside) else piece for i, piece in enumerate(pieces)
            ]
        pieces = _cut(
            pieces,
            [a or b for a, b in zip(*inside, strict=True)],
            max(self._max_length - fixed, 2),
        )

        ids = list(self._opening)
        starts = [0, 0]
        spans = [(0, 0), (0, 0)]
        for i, piece in enumerate(pieces):
            # The outer mention opens first and closes last; of equals the head is the outer.
            order = sorted((_HEAD, _TAIL), key=lambda r: (-sum(inside[r]), r))
            for role in order:
                if inside[role][i] and not (i and inside[role][i - 1]):
                    starts[role] = len(ids)
                    ids += marks[role][0]
                    first = starts[role] if self._style.endswith("mask") else len(ids)
                    spans[role] = (first, len(ids))
            ids += piece
            for role in reversed(order):
                if inside[role][i] and not (i + 1 < len(pieces) and inside[role][i + 1]):
                    spans[role] = (spans[role][0], len(ids))
                    ids += marks[role][1]
        ids += self.closing
        return MarkedIds(ids=ids, starts=(starts[0], starts[1]), spans=(spans[0], spans[1]))


def _borders(example: Example) -> list[int]:
    """Offsets at which the text is cut. White space before a mention goes with the mention."""
    cuts = {0, len(example.text)}
    for mention, other in ((example.head, example.tail), (example.tail, example.head)):
        start = mention.start
        # Byte-level and sentence-piece tokenizers read " word" and "word" differently.
        while start > 0 and example.text[start - 1].isspace() and start != other.end:
            start -= 1
        cuts |= {start, mention.end}
    return sorted(cuts)


def _covers(example: Example, role: int, start: int, end: int) -> bool:
    """Whether a piece of the text belongs to the mention of ``role``."""
    mention = example.head if role == _HEAD else example.tail
    return start < mention.end and mention.start < end


def _cut(pieces: Sequence[list[int]], is_mention: Sequence[bool], budget: int) -> list[list[int]]:
    """Shortens pieces to ``budget`` ids in all, those far from the mentions first.

    A mention piece keeps at least its first id. Context between the mentions may take up to
    two thirds of the room, the rest goes to the context on both sides; what one part does not
    need, the others get.
    """
    if sum(map(len, pieces)) <= budget:
        return [list(piece) for piece in pieces]
    mention_at = [i for i, mention in enumerate(is_mention) if mention]
    first, last = mention_at[0], mention_at[-1]
    result = [list(piece) for piece in pieces]
    share = max(1, budget // (2 * len(mention_at)))
    for i in mention_at:
        result[i] = result[i][:share]
    room = max(0, budget - sum(len(result[i]) for i in mention_at))

    before = [i for i in range(first) if not is_mention[i]]
    after = [i for i in range(last + 1, len(pieces)) if not is_mention[i]]
    between = [i for i in range(first + 1, last) if not is_mention[i]]
    wanted = {
        name: sum(len(result[i]) for i in group)
        for name, group in (("before", before), ("between", between), ("after", after))
    }
    sides = wanted["before"] + wanted["after"]
    for_between = min(wanted["between"], max(room - sides, room * 2 // 3))
    room -= for_between
    for_before = min(wanted["before"], max(room - wanted["after"], room // 2))
    for_after = min(wanted["after"], room - for_before)
    for i in before:
        result[i] = result[i][len(result[i]) - for_before :]
    for i in after:
        result[i] = result[i][:for_after]
    for i in between:  # both ends of the context between touch a mention; its middle goes
        left = (for_between + 1) // 2
        if len(result[i]) > for_between:
            result[i] = result[i][:left] + result[i][len(result[i]) - (for_between - left) :]
    return result
