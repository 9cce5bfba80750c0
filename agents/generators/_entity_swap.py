"""Gold rows with other arguments of the same types in their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel

from agents.generators._gold_generator import GoldGenerator, GoldOptions, like_gold
from agents.generators._reader import samples_of
from agents.generators._rejects import RejectedError, RejectReason
from agents.generators._samples import list_mark_off, unquoted
from agents.prompts import label_line, render
from harness.protocols import Dialogue, GeneratedSet, GenerationItem
from harness.relations import Example, Mention, render_marked

__all__ = ["EntitySwap", "EntitySwapOptions"]

_TAG = re.compile(r"</?\w+>")
_ARTICLE = re.compile(r"(?<!\w)([Aa])(n?)(\s+)$")


class EntitySwapOptions(GoldOptions):
    """Options of ``entity_swap.v1``."""


class EntitySwap(GoldGenerator[EntitySwapOptions]):
    """One call per gold row for ``n`` pairs; each is put into the sentence for head and tail.

    A surface is replaced wherever it stands as whole words, so that a name that is spoken of
    again stays one and the same; "a" and "an" before it follow the new word.
    """

    name: ClassVar[str] = "entity_swap.v1"
    summary: ClassVar[str] = "Each gold row with other words or names of the same types in it."
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = EntitySwapOptions

    def generate(self, *, item: GenerationItem) -> Dialogue[GeneratedSet]:
        """Asks once; each line is a pair, ``NEW HEAD | NEW TAIL``."""
        (gold,) = item.demonstrations
        content = render(
            self.name,
            label=item.label,
            label_line=label_line(self._schema, item.label),
            sentence=render_marked(gold, self._schema.markers),
            head=gold.head.surface,
            tail=gold.tail.surface,
            head_type=gold.head.type,
            tail_type=gold.tail.type,
            n=item.count,
        )
        (completion,) = yield [self._request(content)]
        written = self._set(item)
        written.take(completion, samples_of(completion), lambda text, id: _swapped(text, id, gold))
        return written.result()


def _swapped(line: str, id: str, gold: Example) -> Example:
    names = [unquoted(_TAG.sub("", part).strip()) for part in list_mark_off(line).split("|")]
    if len(names) != 2 or not all(names) or _plain(names[0]) == _plain(names[1]):
        raise RejectedError(RejectReason.MALFORMED)
    head, tail = names
    if (_plain(head), _plain(tail)) == (_plain(gold.head.surface), _plain(gold.tail.surface)):
        raise RejectedError(RejectReason.ENTITY_UNCHANGED)
    cuts = sorted(_cuts(gold, head, tail), key=lambda cut: cut.start)
    text, last = "", 0
    spans: dict[str, tuple[int, int]] = {}
    for cut in cuts:
        text += gold.text[last : cut.start]
        text = _with_article(text, gold.text[cut.start : cut.end], cut.new)
        if cut.role:
            spans[cut.role] = (len(text), len(text) + len(cut.new))
        text += cut.new
        last = cut.end
    text += gold.text[last:]
    variant = Example(
        id=id,
        text=text,
        head=Mention.of(text, *spans["head"]),
        tail=Mention.of(text, *spans["tail"]),
        relation=gold.relation,
    )
    return like_gold(variant, gold)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A place where something else will stand; ``role`` where it is an argument itself."""

    start: int
    end: int
    new: str
    role: str = ""


def _cuts(gold: Example, head: str, tail: str) -> Iterator[_Cut]:
    """The arguments' places, and others where their surfaces stand."""
    arguments = ((gold.head, head, "head"), (gold.tail, tail, "tail"))
    taken = [(m.start, m.end) for m, _, _ in arguments]
    for mention, new, role in arguments:
        yield _Cut(mention.start, mention.end, new, role)
    # The longer one first: "New York" before "York".
    for mention, new, _ in sorted(arguments, key=lambda a: -len(a[0].surface)):
        for found in re.finditer(rf"(?<!\w){re.escape(mention.surface)}(?!\w)", gold.text):
            if all(found.end() <= start or end <= found.start() for start, end in taken):
                taken.append(found.span())
                yield _Cut(*found.span(), new)


def _with_article(text: str, old: str, new: str) -> str:
    """The text before a place, its "a" or "an" changed where the new word wants the other."""
    article = _ARTICLE.search(text)
    if article is None or _vowel(old) == _vowel(new):
        return text
    return text[: article.start()] + article[1] + ("" if article[2] else "n") + article[3]


def _vowel(word: str) -> bool:
    return word[:1].casefold() in "aeiou"


def _plain(surface: str) -> str:
    return " ".join(surface.casefold().split())
