"""What the rounds of a stage will ask for: calls, prompt tokens and answer tokens of each."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.costs import CostRange, CountRange, ModelPrice, Money, TokenCounter, plan_cost
from harness.protocols import (
    Completion,
    Dialogue,
    GenerationItem,
    PlannedRound,
    PlannedSamples,
    PlansGeneration,
    Request,
    RowGenerator,
)
from harness.relations import Schema, render_marked

__all__ = ["RoundEstimate", "generation_rounds", "rounds_answered", "rounds_cost"]

_SAMPLE = 40.0  # tokens of a sample where no demonstration tells


@dataclass(frozen=True)
class RoundEstimate:
    """One round of a stage, over all its items.

    Attributes:
        calls: Calls at least, likely and at most.
        input_tokens: Prompt tokens of one call.
        output_tokens: Answer tokens of one call at least, likely and at most.
    """

    calls: CountRange
    input_tokens: float
    output_tokens: CountRange


def rounds_cost(rounds: Sequence[RoundEstimate], price: ModelPrice | None) -> CostRange:
    """What the calls of all rounds cost."""
    nothing = CostRange(Money.zero(), Money.zero(), Money.zero())
    return sum(
        (
            plan_cost(r.calls, CountRange.exactly(r.input_tokens), r.output_tokens, price)
            for r in rounds
        ),
        nothing,
    )


def rounds_answered(
    dialogue: Dialogue[object], answer: Callable[[Request], Completion | None]
) -> int | None:
    """How many rounds of a dialogue are answered already; None where that ends it."""
    done = 0
    try:
        requests = next(dialogue)
        while True:
            answers = [answer(request) for request in requests]
            completions = [completion for completion in answers if completion is not None]
            if len(completions) < len(answers):
                dialogue.close()
                return done
            done += 1
            requests = dialogue.send(completions)
    except StopIteration:
        return None


def generation_rounds(
    generator: RowGenerator,
    items: Sequence[GenerationItem],
    first: Mapping[int, float],
    *,
    schema: Schema,
    counter: TokenCounter,
    bounded: Callable[[float], CountRange],
    done: Mapping[int, int | None] | None = None,
) -> tuple[RoundEstimate, ...]:
    """The rounds of a generator; one that plans nothing asks once per item.

    Args:
        generator: The generator.
        items: Its items.
        first: Mean prompt tokens of a first-round call, by the item's place.
        schema: How samples are marked.
        counter: Counts the demonstrations' tokens, as a measure of a sample's.
        bounded: Answer tokens of a call, from the likely number.
        done: Rounds of each item that are answered already, by its place, and so left out; None
            for an item that is finished.
    """
    gathered: list[_Round] = []
    for place, item in enumerate(items):
        skipped = 0 if done is None else done.get(place, 0)
        if skipped is None:
            continue
        sizes = [counter.count(render_marked(d, schema.markers)) for d in item.demonstrations]
        sample = statistics.fmean(sizes) if sizes else _SAMPLE
        for number, planned in enumerate(_planned(generator, item)[skipped:], start=skipped):
            while len(gathered) <= number:
                gathered.append(_Round())
            gathered[number].add(planned, first.get(place, 0.0), sample)
    return tuple(r.estimate(bounded) for r in gathered)


def _planned(generator: RowGenerator, item: GenerationItem) -> tuple[PlannedSamples, ...]:
    if isinstance(generator, PlansGeneration):
        return generator.rounds(item=item)
    return (PlannedSamples(PlannedRound.exactly(1), item.count),)


class _Round:
    """Sums over the items of one round."""

    def __init__(self) -> None:
        self.calls = CountRange.exactly(0)
        self.prompts = 0.0
        self.answers = 0.0
        self.weight = 0.0

    def add(self, planned: PlannedSamples, prompt: float, sample: float) -> None:
        calls = planned.calls
        self.calls += CountRange(calls.at_least, calls.likely, calls.at_most)
        weight = calls.likely or 1e-9  # a round that hardly comes still has a length
        self.prompts += weight * (prompt + planned.shown * sample)
        self.answers += weight * planned.written * sample
        self.weight += weight

    def estimate(self, bounded: Callable[[float], CountRange]) -> RoundEstimate:
        weight = self.weight or 1.0
        return RoundEstimate(self.calls, self.prompts / weight, bounded(self.answers / weight))
