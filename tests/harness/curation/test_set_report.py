"""Set reports: profiles, diversity at equal sizes, nearness, and that no row gets lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from harness.curation import (
    Compared,
    NoiseEstimate,
    SetReport,
    SetStep,
    connecting_pattern,
    data_card,
    describe_set,
    difference,
    diversity_at,
    profile_of,
)
from harness.relations import Example, Mention, load_schema

SEMEVAL = load_schema("semeval-2010-task-8")
CAUSE, BACK = "Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)"


def row(id: str, text: str, head: str, tail: str, relation: str = CAUSE) -> Example:
    first, last = text.index(head), text.index(tail)
    return Example(
        id,
        text,
        Mention.of(text, first, first + len(head)),
        Mention.of(text, last, last + len(tail)),
        relation=relation,
    )


def rows(count: int, verb: str = "caused verb{i} a") -> list[Example]:
    found = []
    for i in range(count):
        text = f"The storm{i} {verb.format(i=i)} flood{i} ."
        found.append(row(str(i), text, f"storm{i}", f"flood{i}", CAUSE if i % 2 else BACK))
    return found


def spread_out(count: int, size: int = 8, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_a_profile_tells_length_order_pairs_and_patterns_by_label() -> None:
    text = "The storm caused a flood"
    found = profile_of(
        [row("1", text, "storm", "flood"), row("2", text, "flood", "storm", BACK),
         row("3", "A STORM caused a flood there", "STORM", "flood")],
        SEMEVAL.label_names,
    )  # fmt: skip
    assert (found.rows, found.pairs, found.patterns) == (3, 2, 2)
    assert found.head_first == pytest.approx(2 / 3)
    assert found.words is not None
    assert found.words.mean == pytest.approx(16 / 3)
    assert [label.label for label in found.labels] == [CAUSE, BACK]
    cause = found.label(CAUSE)
    assert cause is not None
    assert (cause.rows, cause.between, cause.head_first) == (2, 2, 1)
    assert found.label("Other") is None
    assert connecting_pattern(row("1", text, "flood", "storm")) == "< caused a"


def test_a_varied_set_is_more_diverse_than_one_of_copies_at_the_same_size() -> None:
    varied, same = rows(40), rows(40, verb="caused a")
    first = diversity_at(same, spread_out(40) * 0 + 0.5, size=20, draws=10, bleu=False)
    second = diversity_at(varied, spread_out(40), size=20, draws=10, bleu=False)
    found = {d.name: d for d in map(difference, first, second)}
    for name in ("distinct_patterns", "distinct_2", "mean_cosine", "vendi_score"):
        assert found[name].more_diverse == "second", name
    assert found["distinct_pairs"].more_diverse is None


def test_the_same_rows_and_seed_give_the_same_figures() -> None:
    one = diversity_at(rows(30), None, size=10, draws=5, bleu=False)
    assert one == diversity_at(rows(30), None, size=10, draws=5, bleu=False)
    assert one != diversity_at(rows(30), None, size=10, draws=5, bleu=False, seed=1)
    assert {m.name for m in one}.isdisjoint({"mean_cosine", "vendi_score"})


def test_sizes_are_never_compared() -> None:
    small = diversity_at(rows(30), None, size=10, draws=5, bleu=False)[0]
    large = diversity_at(rows(30), None, size=20, draws=5, bleu=False)[0]
    with pytest.raises(ValueError, match="number of rows"):
        difference(small, large)
    report = describe_set(Compared(rows(9)), name="small", schema=SEMEVAL, at=10)
    assert report.diversity == ()
    assert "fewer than 10 rows" in report.notes[0]


def test_nearness_finds_copies_and_whether_test_sentences_have_rows_of_their_label() -> None:
    pytest.importorskip("sacrebleu")
    own, vectors = rows(6), np.eye(8, dtype=np.float32)[:6]
    test = [replace(own[1], id="t1"), replace(own[2], id="t2", relation="Other")]
    report = describe_set(
        Compared(own, vectors),
        name="a set",
        schema=SEMEVAL,
        test=Compared(test, vectors[1:3]),
        at=4,
    )
    assert report.test is not None
    assert report.test.other_to_row == pytest.approx(1)
    assert report.test.row_to_other == pytest.approx(2 / 6)
    assert report.test.right == pytest.approx(0.5)
    assert {pair.row for pair in report.test.nearest[:2]} == {"1", "2"}
    other = next(label for label in report.test.labels if label.label == "Other")
    assert (other.others, other.row_to_other, other.other_to_row, other.right) == (1, None, None, 0)
    assert report.gold is None
    assert SetReport.model_validate_json(report.model_dump_json()) == report


def test_coverage_tells_known_patterns_from_those_of_the_right_label() -> None:
    own = [row("1", "The storm caused a flood", "storm", "flood")]
    test = [
        row("t1", "A fire caused a storm", "fire", "storm"),
        row("t2", "A fire caused a Flood", "fire", "Flood", BACK),
        row("t3", "A fire in Essen", "fire", "Essen", BACK),
    ]
    found = describe_set(Compared(own), name="a set", schema=SEMEVAL, test=Compared(test)).coverage
    assert found is not None
    assert (found.pattern, found.pattern_right) == pytest.approx((2 / 3, 1 / 3))
    assert found.mentions == pytest.approx(2 / 6)
    assert found.words == pytest.approx(9 / 14)
    assert [(label.label, label.pattern, label.mentions) for label in found.labels] == [
        (CAUSE, 1, 0.5), (BACK, 0, 0.25),
    ]  # fmt: skip


def test_a_report_that_loses_a_row_is_refused() -> None:
    lost = SetStep(name="all_at_once.v1", does="writes", came=8, kept=8)
    with pytest.raises(ValidationError, match="are not 8 written"):
        describe_set(Compared(rows(6)), name="a set", schema=SEMEVAL, steps=[lost])
    with pytest.raises(ValidationError, match="are not 5"):
        SetStep(name="spans.v1", does="judges", came=5, kept=3, rejected={"too_short": {CAUSE: 1}})


def test_a_card_says_what_is_not_known_and_quotes_no_row() -> None:
    own = rows(3)
    steps = [
        SetStep(name="all_at_once.v1", does="writes", came=4, kept=4),
        SetStep(name="spans.v1", does="judges", came=4, kept=3, rejected={"too_short": {BACK: 1}}),
    ]
    report = describe_set(Compared(own), name="a set", schema=SEMEVAL, steps=steps)
    card = data_card(report, own, SEMEVAL)
    assert "| spans.v1 | 4 | 1 | 3 |" in card
    assert "provenance: unknown" in card
    assert "label noise: unknown" in card
    assert "cost: unknown" in card
    assert not any(found.text in card for found in own)
    noisy = report.model_copy(update={"noise": (NoiseEstimate.of("by hand", noisy=1, rows=3),)})
    assert "label noise, estimated (by hand): 33.3%" in data_card(noisy, own, SEMEVAL)
