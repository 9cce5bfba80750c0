"""Gold rows in other words, their arguments kept."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from agents.generators._gold_generator import GoldGenerator, GoldOptions, like_gold
from agents.generators._reader import samples_of
from agents.generators._rejects import RejectedError, RejectReason
from agents.prompts import label_line, render
from harness.protocols import Dialogue, GeneratedSet, GenerationItem
from harness.relations import Example, render_marked

__all__ = ["Paraphrase", "ParaphraseOptions"]


class ParaphraseOptions(GoldOptions):
    """Options of ``paraphrase.v1``."""


class Paraphrase(GoldGenerator[ParaphraseOptions]):
    """One call per gold row for ``n`` sentences in which both arguments stand as before."""

    name: ClassVar[str] = "paraphrase.v1"
    summary: ClassVar[str] = "Each gold row in other words, with its head and tail kept."
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = ParaphraseOptions

    def generate(self, *, item: GenerationItem) -> Dialogue[GeneratedSet]:
        """Asks once; a line in which an argument has changed is rejected."""
        (gold,) = item.demonstrations
        content = render(
            self.name,
            schema=self._schema,
            label_line=label_line(self._schema, item.label),
            sentence=render_marked(gold, self._schema.markers),
            head=gold.head.surface,
            tail=gold.tail.surface,
            n=item.count,
        )
        (completion,) = yield [self._request(content)]
        written = self._set(item)
        written.take(
            completion,
            samples_of(completion),
            lambda text, id: self._kept(self._reader.example(text, item.label, id), gold),
        )
        return written.result()

    def _kept(self, variant: Example, gold: Example) -> Example:
        for now, before in ((variant.head, gold.head), (variant.tail, gold.tail)):
            if _plain(now.surface) != _plain(before.surface):
                raise RejectedError(RejectReason.ENTITY_CHANGED)
        return like_gold(variant, gold)


def _plain(surface: str) -> str:
    return " ".join(surface.casefold().split())
