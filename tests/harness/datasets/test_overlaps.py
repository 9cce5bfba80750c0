"""Sentences that stand in two sets."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.datasets import Overlap, find_overlaps, normalise_text
from harness.errors import ConfigError
from harness.relations import Example, Mention

SENTENCE = "The researchers placed the compound in a tube, which then was put inside a magnet."


def _examples(*texts: str, prefix: str = "") -> list[Example]:
    return [
        Example(f"{prefix}{n}", t, Mention.of(t, 0, 1), Mention.of(t, 1, 2))
        for n, t in enumerate(texts)
    ]


def test_each_pair_stands_in_the_first_list_it_fits() -> None:
    left = _examples(SENTENCE, "Nothing of the kind is written here, nor was it ever.")
    right = _examples(
        SENTENCE,
        SENTENCE.upper().replace(",", " --"),
        SENTENCE.removeprefix("The "),
        "A wholly different sentence about an orchestra.",
        prefix="r",
    )
    report = find_overlaps(left, right)
    assert report.exact == (Overlap("0", "r0"),)
    assert report.normalised == (Overlap("0", "r1"),)
    assert [(pair.left, pair.right) for pair in report.near] == [("0", "r2")]
    assert 0.95 < report.near[0].similarity < 1
    assert len(report.pairs) == 3


def test_examples_of_one_sentence_are_all_reported_with_other_marks() -> None:
    left, right = _examples(SENTENCE, SENTENCE), _examples(SENTENCE, SENTENCE, prefix="r")
    pairs = [(pair.left, pair.right) for pair in find_overlaps(left, right).exact]
    assert pairs == [("0", "r0"), ("0", "r1"), ("1", "r0"), ("1", "r1")]


def test_near_duplicates_can_be_left_out_and_the_threshold_moved() -> None:
    left, right = _examples(SENTENCE), _examples(SENTENCE.replace("magnet", "box"))
    assert not find_overlaps(left, right, near=False)
    assert not find_overlaps(left, right, threshold=0.99)
    assert find_overlaps(left, right, threshold=0.9)
    with pytest.raises(ConfigError, match="threshold is 85"):
        find_overlaps(left, right, threshold=85)


def test_nothing_overlaps_with_nothing() -> None:
    assert not find_overlaps([], _examples(SENTENCE))


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise_text(text)
    assert normalise_text(once) == once


@given(st.lists(st.text(min_size=2, max_size=12), max_size=6), st.floats(0.3, 1))
def test_a_set_overlaps_with_itself_and_the_two_sides_can_be_changed(
    texts: list[str], threshold: float
) -> None:
    left, right = _examples(*texts), _examples(*texts[::-1], prefix="r")
    there = find_overlaps(left, right, threshold=threshold)
    back = find_overlaps(right, left, threshold=threshold)
    assert {pair.left for pair in there.exact} == {example.id for example in left}
    for one, other in zip(
        (there.exact, there.normalised, there.near),
        (back.exact, back.normalised, back.near),
        strict=True,
    ):
        assert {(p.left, p.right) for p in one} == {(p.right, p.left) for p in other}


def _edited(texts: list[str], chance: random.Random) -> list[str]:
    """Each text with one or two words changed, left out or put in."""
    made = []
    for text in texts:
        words = text.split()
        for _ in range(chance.randint(1, 2)):
            at = chance.randrange(len(words))
            words[at : at + chance.randint(0, 1)] = chance.choice([["other"], [], ["or", "so"]])
        made.append(" ".join(words))
    return made


def test_large_sets_are_searched_by_runs_of_words_and_near_duplicates_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(5)
    vocabulary = ["".join(chance.choices("abcdefghij", k=6)) for _ in range(3000)]
    texts = [" ".join(chance.choices(vocabulary, k=16)) for _ in range(400)]
    left, right = _examples(*texts), _examples(*_edited(texts, chance), *texts[:5], prefix="r")
    every = find_overlaps(left, right)
    monkeypatch.setattr("harness.datasets._overlaps.MOST_PAIRS", 0)
    by_runs = find_overlaps(left, right)
    assert len(every.near) > 300
    assert by_runs == every


def test_runs_of_words_find_nothing_where_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.datasets._overlaps.MOST_PAIRS", 0)
    assert find_overlaps([], _examples(SENTENCE)).pairs == ()
    assert find_overlaps(_examples(SENTENCE), []).pairs == ()
    assert find_overlaps(_examples("one two"), _examples("three four", prefix="r")).pairs == ()
    assert find_overlaps(_examples("one two"), _examples("one two .", prefix="r")).near == ()


@pytest.mark.slow
def test_sets_of_thirty_thousand_take_seconds() -> None:
    chance = random.Random(6)
    vocabulary = ["".join(chance.choices("abcdefghij", k=6)) for _ in range(3000)]
    texts = [" ".join(chance.choices(vocabulary, k=16)) for _ in range(30_000)]
    started = time.process_time()
    report = find_overlaps(_examples(*texts), _examples(*_edited(texts, chance), prefix="r"))
    assert time.process_time() - started < 60
    assert len(report.near) > 25_000
