"""Marked text becomes spans and back, whatever the text holds."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from harness.relations import (
    Example,
    MarkedTextError,
    Markers,
    MarkFault,
    Mention,
    parse_marked,
    render_marked,
)

MARKERS = Markers(head="e1", tail="e2")
TAGS = ("<e1>", "</e1>", "<e2>", "</e2>")

# Besides ordinary text: combining marks, right-to-left text, joined emoji, angle brackets.
texts = st.text(
    alphabet=st.one_of(
        st.sampled_from("ab <>/e12\u0301\u0308\u200d\u200f\u202eאבשلم😀👩\n\t"),
        st.characters(exclude_categories=["Cs"]),
    ),
    min_size=0,
    max_size=20,
)
surfaces = texts.filter(lambda text: bool(text) and text == text.strip())


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """Examples whose mentions do not overlap, in either order."""
    before, first, between, second, after = (
        draw(part) for part in (texts, surfaces, texts, surfaces, texts)
    )
    text = before + first + between + second + after
    start = len(before)
    one = Mention.of(text, start, start + len(first))
    start = len(before + first + between)
    two = Mention.of(text, start, start + len(second))
    head, tail = (one, two) if draw(st.booleans()) else (two, one)
    return Example(id="1", text=text, head=head, tail=tail)


def _at(text: str, head: tuple[int, int], tail: tuple[int, int]) -> Example:
    return Example(id="1", text=text, head=Mention.of(text, *head), tail=Mention.of(text, *tail))


@given(examples())
@example(_at("a < b > c", (0, 1), (8, 9)))
@example(_at("<<x>>", (1, 2), (2, 3)))
@example(_at("e\u0301tude אבג", (0, 6), (7, 10)))
@example(_at("אבג \u202eabc\u202c", (4, 9), (0, 3)))
@example(_at("a<e1 >b</e1", (0, 1), (6, 7)))
def test_marking_and_reading_again_gives_the_same_text_and_spans(example: Example) -> None:
    marked = render_marked(example, MARKERS)
    assume(all(marked.count(tag) == 1 for tag in TAGS))  # else the test below
    read = parse_marked(marked, MARKERS)
    assert (read.text, read.head, read.tail) == (example.text, example.head, example.tail)


@given(examples(), st.sampled_from(TAGS))
def test_a_text_that_holds_a_marker_itself_is_refused_and_never_misread(
    example: Example, tag: str
) -> None:
    marked = tag + render_marked(example, MARKERS)
    with pytest.raises(MarkedTextError) as caught:
        parse_marked(marked, MARKERS)
    assert caught.value.fault is MarkFault.DOUBLED


@given(st.lists(st.sampled_from([*TAGS, "a", " ", "<", ">"]), max_size=16).map("".join))
def test_any_text_is_either_read_with_fitting_spans_or_refused_with_a_fault(marked: str) -> None:
    try:
        read = parse_marked(marked, MARKERS)
    except MarkedTextError as error:
        assert isinstance(error.fault, MarkFault)
    else:
        Example(id="1", text=read.text, head=read.head, tail=read.tail)


@pytest.mark.parametrize(
    ("marked", "fault"),
    [
        ("no markers at all", MarkFault.MISSING),
        ("<e1>a</e1> b", MarkFault.MISSING),
        ("<e1>a</e1> <e2>b", MarkFault.MISSING),
        ("<e1>a</e1> <e1>c</e1> <e2>b</e2>", MarkFault.DOUBLED),
        ("<e1>a <e2>b</e2></e1>", MarkFault.NESTED),
        ("<e1>a <e2>b</e1> c</e2>", MarkFault.NESTED),
        ("</e1>a<e1> <e2>b</e2>", MarkFault.NESTED),
        ("<e1></e1> <e2>b</e2>", MarkFault.EMPTY),
        ("<e1> \t</e1> <e2>b</e2>", MarkFault.EMPTY),
    ],
)
def test_each_fault_of_a_marked_text_has_its_name(marked: str, fault: MarkFault) -> None:
    with pytest.raises(MarkedTextError) as caught:
        parse_marked(marked, MARKERS)
    assert caught.value.fault is fault


def test_white_space_inside_a_marker_stays_in_the_text_and_leaves_the_span() -> None:
    read = parse_marked("The <e1> cup </e1>held <e2>tea\t</e2>.", MARKERS)
    assert read.text == "The  cup held tea\t."
    assert (read.head.surface, read.tail.surface) == ("cup", "tea")


def test_markers_are_matched_as_written_and_not_as_patterns() -> None:
    read = parse_marked("<e.1>a</e.1> <e11> <t>b</t>", Markers(head="e.1", tail="t"))
    assert read.text == "a <e11> b"


def test_a_marker_name_that_begins_another_is_not_confused_with_it() -> None:
    markers = Markers(head="e1", tail="e10")
    read = parse_marked("<e10>b</e10> of <e1>a</e1>", markers)
    assert (read.head.surface, read.tail.surface) == ("a", "b")


@pytest.mark.parametrize(
    ("head", "tail", "marked"),
    [
        ((0, 8), (4, 8), "<e1>New <e2>York</e2></e1> Times"),
        ((0, 14), (0, 8), "<e1><e2>New York</e2> Times</e1>"),
        ((0, 8), (9, 14), "<e1>New York</e1> <e2>Times</e2>"),
        ((0, 4), (4, 8), "<e1>New </e1><e2>York</e2> Times"),
    ],
)
def test_nested_and_touching_mentions_are_marked_inside_or_beside_each_other(
    head: tuple[int, int], tail: tuple[int, int], marked: str
) -> None:
    assert render_marked(_at("New York Times", head, tail), MARKERS) == marked


@given(examples(), st.data())
def test_a_mention_inside_another_is_marked_inside_it(
    example: Example, data: st.DataObject
) -> None:
    outer = example.head
    start = data.draw(st.integers(outer.start, outer.end - 1))
    end = data.draw(st.integers(start + 1, outer.end))
    inner = Mention.of(example.text, start, end)
    marked = render_marked(Example("1", example.text, outer, inner), MARKERS)
    assume(all(marked.count(tag) == 1 for tag in TAGS))
    assert [tag[0] for tag in re.finditer("</?e[12]>", marked)] == [
        *("<e1>", "<e2>", "</e2>", "</e1>")
    ]
