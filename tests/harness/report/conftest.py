"""Constructed answers, comparisons and tables, so that every figure is known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from harness.costs import COST_MODES, Money, SystemCost
from harness.metrics import Answers, join
from harness.relations import Example, Mention, Outcome, Prediction, Relation, Schema
from harness.report import HeadToHead, SystemResult, TrainingRows, build_head_to_head

MakeAnswers = Callable[..., Answers]


@pytest.fixture(scope="session")
def small_schema() -> Schema:
    """Three relations and an NA label with a name that nothing could guess."""
    names = ("founded_by", "born_in", "a|b")
    return Schema(name="small", na_label="nix", relations=tuple(Relation(n) for n in names))


@pytest.fixture(scope="session")
def make_answers(small_schema: Schema) -> MakeAnswers:
    """Answers to ``n`` examples of which the first ``wrong[s]`` of each label are mistaken."""

    def make(wrong: Sequence[int], *, n: int = 200, unread: int = 0, shift: int = 1) -> Answers:
        labels = small_schema.label_names
        gold = [
            Example(
                id=f"{i}",
                text="x y",
                head=Mention.of("x y", 0, 1),
                tail=Mention.of("x y", 2, 3),
                relation=labels[i % len(labels)],
            )
            for i in range(n)
        ]
        seeds = []
        for seed, errors in enumerate(wrong):
            row = []
            for i in range(n):
                place = (i + 7 * seed) % n
                if i < unread:
                    row.append(Prediction(f"{i}", None, Outcome.INVALID_LABEL))
                else:
                    off = shift if place < errors else 0
                    row.append(Prediction(f"{i}", labels[(i + off) % len(labels)]))
            seeds.append(row)
        return join(gold, seeds, small_schema)

    return make


def cost_of(
    one_off: float | None,
    per_1000: float | None,
    *,
    assumed: bool = False,
    seconds: float | None = None,
    notes: tuple[str, ...] = (),
) -> SystemCost:
    """A cost that is the same in every mode."""
    running = Money(per_1000, assumed)
    return SystemCost(
        one_off=Money(one_off, assumed),
        one_off_seconds=seconds,
        per_1000=running,
        per_1000_by_mode=dict.fromkeys(COST_MODES, running),
        seconds_per_1000=seconds,
        notes=notes,
    )


LLM_COST = SystemCost(
    one_off=Money(0.0),
    one_off_seconds=0.0,
    per_1000=Money(2.0, True),
    per_1000_by_mode={
        "list": Money(2.0, True),
        "cached_prefix": Money(1.25, True),
        "batch": Money(1.0, True),
    },
    seconds_per_1000=None,
)


@pytest.fixture(scope="session")
def table(make_answers: MakeAnswers) -> HeadToHead:
    """Every kind of row: hostile names, unread answers, unknown, assumed and local costs."""
    student = cost_of(1.3, 0.0004, seconds=93.0)
    systems = [
        SystemResult("llm", "direct", make_answers([4], unread=3), cost=LLM_COST, gold_budget=8),
        SystemResult(
            "distilled",
            "distilled",
            make_answers([6, 8, 7]),
            TrainingRows(generated=384),
            gold_budget=112,
            full_answers=make_answers([30, 33, 31], n=400),
            cost=student,
        ),
        SystemResult(
            "=cmd|\x1b[2J_x_",
            "mixed",
            make_answers([9, 9, 12]),
            TrainingRows(gold=112, generated=384, labelled=60),
            gold_budget=112,
            notes=("<b>born_in</b> has 3 of 8 examples & no more",),
        ),
        SystemResult(
            "few-shot gold",
            "gold",
            make_answers([90, 99, 95]),
            TrainingRows(gold=112),
            gold_budget=112,
            cost=cost_of(0.1, 3.0, seconds=4.2),
        ),
    ]
    return build_head_to_head(
        experiment="constructed",
        systems=systems,
        reference="llm",
        candidate="distilled",
        volume=100_000,
        tolerance=5.0,
        test_name="test-200",
        full_test_name="test-400",
        train_labels=["born_in"] * 5 + ["nix"] * 9,
        resamples=500,
        assumptions=("priced as a small model of 2026-01-01",),
    )


@pytest.fixture(scope="session")
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(0)
