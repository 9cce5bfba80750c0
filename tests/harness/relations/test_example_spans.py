"""An example's spans are half-open character offsets that fit its text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.relations import Example, Mention, SpanError


@given(st.text(min_size=1), st.data())
def test_a_mention_made_of_a_text_has_the_surface_that_stands_there(
    text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    mention = Mention.of(text, start, end)
    example = Example(id="1", text=text, head=mention, tail=mention)
    assert example.head.surface == text[start:end]


@pytest.mark.parametrize(("start", "end"), [(3, 3), (5, 2), (-1, 2)])
def test_an_empty_or_negative_span_is_refused(start: int, end: int) -> None:
    with pytest.raises(SpanError, match="empty or negative"):
        Mention(start, end, "x")


def test_a_span_that_leaves_the_text_is_refused_and_names_its_role() -> None:
    with pytest.raises(SpanError, match="the tail ends at 9, after the text's 7 characters"):
        Example(id="1", text="a b c d", head=Mention(0, 1, "a"), tail=Mention(6, 9, "d"))


def test_a_surface_that_differs_from_the_text_is_refused_and_shows_both() -> None:
    with pytest.raises(SpanError, match=r"head's surface 'tea' .* \[0, 3\): 'cup'"):
        Example(id="1", text="cup tea", head=Mention(0, 3, "tea"), tail=Mention(4, 7, "tea"))


def test_offsets_count_characters_and_not_bytes_or_utf16_units() -> None:
    text = "😀 Süd kauft אבג"
    assert Mention.of(text, 2, 5).surface == "Süd"
    assert Mention.of(text, 12, 15).surface == "אבג"


def test_mentions_that_touch_do_not_overlap() -> None:
    text = "icecream"
    assert not Mention.of(text, 0, 3).overlaps(Mention.of(text, 3, 8))
    assert Mention.of(text, 0, 4).overlaps(Mention.of(text, 3, 8))


def test_the_group_of_an_example_without_one_is_its_id() -> None:
    text = "cup tea"
    head, tail = Mention.of(text, 0, 3), Mention.of(text, 4, 7)
    assert Example(id="7", text=text, head=head, tail=tail).group_key == "7"
    assert Example(id="7", text=text, head=head, tail=tail, group="d1").group_key == "d1"


def test_an_example_with_an_empty_group_keeps_it_apart_from_having_none() -> None:
    text = "cup tea"
    head, tail = Mention.of(text, 0, 3), Mention.of(text, 4, 7)
    assert Example(id="7", text=text, head=head, tail=tail, group="").group_key == ""


def test_labelling_an_example_changes_nothing_but_its_relation() -> None:
    text = "cup tea"
    example = Example(
        id="7",
        text=text,
        head=Mention.of(text, 0, 3, "THING"),
        tail=Mention.of(text, 4, 7),
        group="d1",
        meta={"source": "x"},
    )
    labelled = example.labelled("holds")
    assert labelled.relation == "holds"
    assert labelled.labelled(None) == example
    assert hash(labelled.labelled(None)) == hash(example)
