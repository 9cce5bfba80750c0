"""Measures of diversity: bounds, permutation, copies, and what they cannot be compared across."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import (
    compression_ratio,
    distinct_n,
    distinct_share,
    mean_pairwise_cosine,
    self_bleu,
    vendi_score,
)

TEXTS = st.lists(st.text(alphabet="ab c\n🙂", max_size=30), max_size=8)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


@st.composite
def vectors(draw: st.DrawFn) -> np.ndarray:
    n, size = draw(st.integers(1, 9)), draw(st.integers(2, 12))
    return unit(np.random.default_rng(draw(st.integers(0, 99))).normal(size=(n, size)))


@given(TEXTS, st.integers(1, 4))
def test_distinct_shares_are_between_0_and_1(texts: list[str], n: int) -> None:
    for value in (distinct_n(texts, n), distinct_share(texts)):
        assert value is None or 0 < value <= 1
    assert compression_ratio(texts) > 0


@given(TEXTS, st.integers(1, 3), st.randoms())
def test_distinct_n_does_not_depend_on_the_order(texts: list[str], n: int, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(texts)
    random.shuffle(shuffled)
    assert distinct_n(shuffled, n) == distinct_n(texts, n)


def test_n_grams_do_not_cross_texts_and_n_is_at_least_1() -> None:
    assert distinct_n(["a b", "b a"], 2) == 1.0
    assert distinct_n(["a", "b"], 2) is None
    with pytest.raises(ValueError, match="1 or more"):
        distinct_n(["a"], 0)


@given(st.lists(st.text(alphabet="abcdefgh ", min_size=5, max_size=40), min_size=3, max_size=8))
def test_a_set_that_is_written_twice_is_less_diverse(texts: list[str]) -> None:
    assert compression_ratio(texts * 2) > compression_ratio(texts)
    one, two = distinct_n(texts, 1), distinct_n(texts * 2, 1)
    assert one is None or (two is not None and two == pytest.approx(one / 2))


@given(vectors())
def test_the_closed_form_of_the_mean_cosine_is_the_mean_over_pairs(rows: np.ndarray) -> None:
    n = len(rows)
    found = mean_pairwise_cosine(rows)
    if n < 2:
        assert found is None
        return
    pairs = [float(rows[i] @ rows[j]) for i in range(n) for j in range(n) if i != j]
    assert found == pytest.approx(np.mean(pairs), abs=1e-9)


@given(vectors())
def test_the_vendi_score_counts_between_one_and_all_rows(rows: np.ndarray) -> None:
    found = vendi_score(rows)
    assert found is not None
    assert 1 - 1e-6 <= found <= len(rows) + 1e-6
    # From the definition: eigenvalues of the kernel over n.
    shares = np.clip(np.linalg.eigvalsh(rows @ rows.T / len(rows)), 1e-15, None)
    assert found == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-6)
    assert vendi_score(np.vstack([rows, rows])) == pytest.approx(found, rel=1e-6)


def test_measures_of_nothing_are_unknown_not_zero() -> None:
    empty = np.zeros((0, 3))
    assert vendi_score(empty) is None
    assert mean_pairwise_cosine(empty) is None
    assert distinct_share([]) is None


def test_self_bleu_is_sacrebleus_and_copies_score_100() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    texts = ["the storm caused a flood in town", "a baker sold bread from a cart today"]
    assert self_bleu(texts[:1]) is None
    assert self_bleu([texts[0]] * 3) == pytest.approx(100)
    other = "the storm caused a small flood"
    expected = np.mean(
        [
            sacrebleu.sentence_bleu(one, [two], lowercase=True, use_effective_order=True).score
            for one, two in ((texts[0], other), (other, texts[0]))
        ]
    )
    assert self_bleu([texts[0], other]) == pytest.approx(expected)
    assert self_bleu([texts[0], other]) > self_bleu(texts)
