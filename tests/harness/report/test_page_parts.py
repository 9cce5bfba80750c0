"""Slices, cue words and pieces of the page against examples worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.metrics import LabelF1, join_labels, per_relation, score
from harness.relations import Example, Mention, Schema
from harness.report.page import cue_words, slices_of
from harness.report.page._embed import embedded
from harness.report.page._marked import pieces_of


def test_a_test_set_is_divided_by_what_stands_in_the_sentences(
    make_example: Callable[..., Example], small_schema: Schema
) -> None:
    near = make_example("The cup held tea .", id="near")
    far = make_example("The tea , which nobody had asked for , left a cup stained .", id="far")
    found = {
        (s.by, s.name): s.ids
        for s in slices_of([near, far], trained=[near], labelled=[], schema=small_schema)
    }
    assert found == {
        ("words between", "up to 2"): ("near",),
        ("words between", "6 to 10"): ("far",),
        ("order", "head first"): ("near",),
        ("order", "tail first"): ("far",),
    }  # both pairs are seen, and both sentences short


def test_a_pair_is_seen_whatever_its_case(
    make_example: Callable[..., Example], small_schema: Schema
) -> None:
    rows = [make_example("The Cup held Tea .", "Cup", "Tea", id="train")]
    test = [
        make_example(id="seen"),
        make_example("The mug held hot tea .", "mug", id="unseen"),
    ]
    parts = slices_of(test, trained=rows, labelled=[], schema=small_schema)
    assert {s.name: s.ids for s in parts if s.by == "pair in training"} == {
        "seen": ("seen",),
        "unseen": ("unseen",),
    }


def _row(i: int, words: str, relation: str) -> Example:
    text = f"A{i} {words} B{i}"
    head, tail = Mention.of(text, 0, len(f"A{i}")), text.rindex("B")
    return Example(f"{i}", text, head, Mention.of(text, tail, len(text)), relation)


def test_words_that_speak_for_a_relation_are_its_cues(small_schema: Schema) -> None:
    rows = [_row(i, "the late founder of", "founded_by") for i in range(30)]
    rows += [_row(i, "the late native of", "born_in") for i in range(30, 60)]
    rows += [_row(i, "the late rival of", "nix") for i in range(60, 90)]
    cues = cue_words(rows, small_schema)
    assert cues == {"founded_by": frozenset({"founder"}), "born_in": frozenset({"native"})}
    test = [_row(1, "was the founder of", "founded_by"), _row(2, "who began", "founded_by"),
            _row(3, "the founder of", "nix")]  # fmt: skip
    parts = slices_of(test, trained=[], labelled=rows, schema=small_schema)
    assert {s.name: s.ids for s in parts if s.by == "lexical cue"} == {
        "with a cue": ("1",),
        "without (implicit)": ("2",),
    }


def test_without_labelled_rows_no_sentence_is_called_implicit(small_schema: Schema) -> None:
    test = [_row(1, "was the founder of", "founded_by"), _row(2, "who began", "founded_by")]
    parts = slices_of(test, trained=[], labelled=test, schema=small_schema)
    assert not [s for s in parts if s.by == "lexical cue"]


@pytest.mark.parametrize(
    ("head", "tail", "pieces"),
    [
        ((0, 1), (2, 3), [("a", "head"), (" ", ""), ("b", "tail"), (" c", "")]),
        ((2, 5), (0, 3), [("a ", "tail"), ("b", "head tail"), (" c", "head")]),
        ((0, 5), (0, 5), [("a b c", "head tail")]),
    ],
)
def test_a_sentence_is_cut_at_its_entities(
    head: tuple[int, int], tail: tuple[int, int], pieces: list[tuple[str, str]]
) -> None:
    text = "a b c"
    example = Example("1", text, Mention.of(text, *head), Mention.of(text, *tail))
    assert [(p.text, p.role) for p in pieces_of(example)] == pieces


def test_embedded_json_holds_nothing_that_ends_its_element() -> None:
    text = embedded({"a": "</script><!--<script>&\u2028\u2029\ud800"})
    assert not set("<>&\u2028\u2029") & set(text)


def test_the_f1_of_a_label_is_that_of_the_table(small_schema: Schema) -> None:
    labels = small_schema.label_names
    rng = np.random.default_rng(0)
    gold = {str(i): labels[rng.integers(4)] for i in range(60)}
    said = {i: labels[rng.integers(4)] if int(i) % 7 else None for i in gold}
    answers = join_labels(gold, said, small_schema)
    for found in per_relation(answers):
        assert score(answers, LabelF1(found.label)).item() == pytest.approx(found.scores.f1)
