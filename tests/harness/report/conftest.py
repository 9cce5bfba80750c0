"""Constructed answers, comparisons and tables, so that every figure is known beforehand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from harness.costs import COST_MODES, Money, SystemCost
from harness.metrics import Answers, join
from harness.pipeline import run_experiment
from harness.relations import Example, Mention, Outcome, Prediction, Relation, Schema
from harness.report import HeadToHead, SystemResult, TrainingRows, build_head_to_head
from harness.report.page import Evidence, render_page

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


EVIL = "</script><script>window.planted=1</script><img src=x onerror=window.planted=1>\u2028"
"""Text that a careless page would run."""


@pytest.fixture(scope="session")
def planted_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 80 sentences whose texts, labels' answers and names hold markup."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "s.yaml").write_text(
        "name: ties\nna_label: none\nrelations:\n"
        "  works_for: {description: works}\n  lives_in: {description: lives}\n"
    )
    labels = ("works_for", "lives_in", "none")
    verbs = {"works_for": "works for", "lives_in": "lives in", "none": "never saw"}

    def rows(part: str, n: int) -> list[dict[str, object]]:
        found = []
        for i in range(n):
            label, head = labels[i % 3], f"Ada{i % 40} {EVIL if i % 10 == 0 else ''}".strip()
            text = f"{head} {verbs[label]} Acme{i % 7} today, 🙂 they say."
            start = text.rindex("Acme")
            found.append(
                {
                    "id": f"{part}{i}" + ("<b>" if i == 3 else ""),
                    "text": text,
                    "head": {"start": 0, "end": len(head)},
                    "tail": {"start": start, "end": start + len(f"Acme{i % 7}")},
                    "relation": label,
                }
            )
        return found

    for part, n in (("test", 80), ("train", 120)):
        text = "\n".join(json.dumps(row) for row in rows(part, n))
        (folder / f"{part}.jsonl").write_text(text + "\n", encoding="utf-8")
    replies = [
        EVIL if i % 13 == 5 else json.dumps({"relation": labels[(i + (i % 9 == 4)) % 3]})
        for i in range(80)
    ]
    price = {"input": [1.5, 2.5], "output": 8, "batch_discount": 0.5, "date": "2026-01-01",
             "source": "a <b>list</b>"}  # fmt: skip
    document = {
        "calldistil": 1,
        "name": "planted",
        "title": f"A title {EVIL}",
        "schema": "s.yaml",
        "data": {"test": {"file": "test.jsonl"}, "train": {"file": "train.jsonl"}},
        "few_shot": {"source": "train", "k": 4},
        "seeds": {"training": [1, 2]},
        "backends": {
            "teacher": {
                "use": "scripted",
                "options": {"replies": replies},
                "tokenizer": "o200k_base",
                "price": price,
            }
        },
        "prices": {"date": "2026-01-01", "source": "a list", "machine_per_hour": 0.1,
                   "human_label": [0.0001, 0.0002]},
        "systems": {
            "llm": {"extractor": "zero_shot.v1", "backend": "teacher"},
            "few": {"student": "linear.v1", "train_on": [{"gold": "few_shot"}]},
            "all <i>gold</i>": {"student": "linear.v1", "train_on": [{"gold": "train"}]},
        },
        "reference": "llm",
        "candidate": "all <i>gold</i>",
        "statistics": {"resamples": 300},
        "notes": [f"A note {EVIL}"],
    }  # fmt: skip
    (folder / "experiment.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    run = run_experiment(folder / "experiment.yaml", folder=folder / "run", jobs=1)
    return run.folder


@pytest.fixture(scope="session")
def evidence(planted_run: Path) -> Evidence:
    """The planted run, read once."""
    pytest.importorskip("matplotlib")
    return Evidence(planted_run)


@pytest.fixture(scope="session")
def page(evidence: Evidence) -> str:
    """Its page."""
    return render_page(evidence)
