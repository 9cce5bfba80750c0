"""Where markers stand among the token ids, and what truncation keeps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.relations import Example, Mention

pytest.importorskip("transformers")

from harness.students._backbone import load_tokenizer
from harness.students._marking import MarkerVocabulary, marker_tags


@pytest.fixture(scope="module")
def vocabulary(tiny_backbone):
    def make(style="punct", max_length=128, types=("PER", "ORG")):
        tokenizer = load_tokenizer(str(tiny_backbone))
        tokenizer.add_tokens(marker_tags(style, types), special_tokens=True)
        written = MarkerVocabulary(
            tokenizer, style=style, type_words={"PER": "person"}, max_length=max_length
        )
        return tokenizer, written

    return make


def _example(text, head, tail, head_type=None, tail_type=None):
    return Example(
        "x", text, Mention.of(text, *head, head_type), Mention.of(text, *tail, tail_type)
    )


CUP = "The cup stood beside the jar ."


@pytest.mark.parametrize(
    ("style", "example", "expected"),
    [
        (
            "punct",
            _example(CUP, (4, 7), (25, 28)),
            "[CLS] the @ cup @ stood beside the # jar # . [SEP]",
        ),
        (
            "punct",
            _example(CUP, (25, 28), (4, 7)),
            "[CLS] the # cup # stood beside the @ jar @ . [SEP]",
        ),
        (
            "tag",
            _example(CUP, (4, 7), (25, 28)),
            "[CLS] the [E1] cup [/E1] stood beside the [E2] jar [/E2] . [SEP]",
        ),
        (
            "typed_punct",
            _example(CUP, (4, 7), (25, 28), "PER", "PLACE"),
            "[CLS] the @ * person * cup @ stood beside the # ^ place ^ jar # . [SEP]",
        ),
        (
            "typed_tag",
            _example(CUP, (4, 7), (25, 28), "PER", "ORG"),
            "[CLS] the [E1-PER] cup [/E1-PER] stood beside the [E2-ORG] jar [/E2-ORG] . [SEP]",
        ),
        (
            "punct",
            _example("unwar", (2, 5), (0, 5)),
            "[CLS] # un @ war @ # [SEP]",
        ),
        (
            "punct",
            _example("unwar", (0, 5), (0, 5)),
            "[CLS] @ # un ##w ##a ##r # @ [SEP]",
        ),
    ],
)
def test_markers_stand_around_the_mentions(vocabulary, style, example, expected):
    tokenizer, written = vocabulary(style)
    assert tokenizer.convert_ids_to_tokens(written.encode([example])[0].ids) == expected.split()


def test_starts_and_spans_point_at_head_and_tail(vocabulary):
    tokenizer, written = vocabulary()
    row = written.encode([_example(CUP, (25, 28), (4, 7))])[0]
    tokens = tokenizer.convert_ids_to_tokens(row.ids)
    assert [tokens[start] for start in row.starts] == ["@", "#"]
    assert [tokens[slice(*span)] for span in row.spans] == [["jar"], ["cup"]]


def test_truncation_keeps_what_stands_near_the_mentions(vocabulary):
    tokenizer, written = vocabulary(max_length=32)
    text = "a " * 50 + "cup " + "b " * 50 + "jar" + " c" * 50
    row = written.encode([_example(text, (100, 103), (204, 207))])[0]
    tokens = tokenizer.convert_ids_to_tokens(row.ids)
    assert len(tokens) == 32
    head, tail = (tokens.index(word) for word in ("cup", "jar"))
    assert tokens[head - 2 : head + 3] == ["a", "@", "cup", "@", "b"]
    assert tokens[tail - 2 : tail + 3] == ["b", "#", "jar", "#", "c"]
    assert [tokens.count(letter) for letter in "abc"] == [4, 16, 4]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_marker_is_lost_and_no_row_is_too_long(vocabulary, data):
    tokenizer, written = vocabulary("tag", max_length=32)
    text = data.draw(st.text(alphabet="ab .\u00e9\u200b\U0001f600", min_size=1, max_size=200))
    spans = []
    for _ in range(2):
        start = data.draw(st.integers(0, len(text) - 1))
        spans.append((start, data.draw(st.integers(start + 1, len(text)))))
    row = written.encode([_example(text, *spans)])[0]
    tokens = tokenizer.convert_ids_to_tokens(row.ids)
    for tag in ("[E1]", "[/E1]", "[E2]", "[/E2]"):
        assert tokens.count(tag) == 1
    assert len(row) <= 32
    assert tokens[0] == "[CLS]"
    assert tokens[-1] == "[SEP]"
    assert [tokens[start] for start in row.starts] == ["[E1]", "[E2]"]
    for start, end in row.spans:
        assert start < end


def test_tags_written_in_a_text_are_words_and_no_markers(vocabulary):
    _, written = vocabulary("tag")
    row = written.encode([_example("a [E1] cup jar", (7, 10), (11, 14))])[0]
    assert row.ids.count(row.ids[row.starts[0]]) == 1
