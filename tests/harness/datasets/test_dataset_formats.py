"""Every format against one contract, and what all readers say of broken files."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.datasets import (
    DatasetFormat,
    dataset_formats,
    guess_format,
    read_examples,
    write_examples,
)
from harness.errors import ConfigError, DataError
from harness.relations import Example, Mention, Schema

FILE_FORMATS = ("csv", "fewrel", "jsonl", "semeval", "tacred", "tsv")


# -- what can stand in every format --------------------------------------------------------

_letters = st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="<>-")
_words = st.text(_letters, min_size=1, max_size=8)


@st.composite
def _example(draw: st.DrawFn, index: int) -> Example:
    words = draw(st.lists(_words, min_size=2, max_size=9))
    cut = draw(st.integers(1, len(words) - 1))
    first = sorted(draw(st.tuples(*[st.integers(0, cut - 1)] * 2)))
    second = sorted(draw(st.tuples(*[st.integers(cut, len(words) - 1)] * 2)))
    starts = [sum(len(w) + 1 for w in words[:i]) for i in range(len(words))]
    text = " ".join(words)
    spans = [
        Mention.of(text, starts[first], starts[last] + len(words[last]))
        for first, last in (first, second)
    ]
    if draw(st.booleans()):
        spans.reverse()
    relation = draw(st.sampled_from(["Cause-Effect(e1,e2)", "founded_by", "country of origin"]))
    return Example(id=f"x{index}", text=text, head=spans[0], tail=spans[1], relation=relation)


@st.composite
def _examples(draw: st.DrawFn) -> list[Example]:
    return [draw(_example(index)) for index in range(draw(st.integers(1, 5)))]


def _facts(examples: tuple[Example, ...] | list[Example]) -> list[tuple[object, ...]]:
    return sorted(
        (e.id, e.text, e.head.start, e.head.end, e.tail.start, e.tail.end, e.relation)
        for e in examples
    )


@pytest.mark.parametrize("name", FILE_FORMATS)
@settings(max_examples=60, deadline=None)
@given(examples=_examples())
def test_what_a_format_writes_it_reads_back(name: str, examples: list[Example]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data"
        write_examples(examples, file, format=name)
        once = read_examples(file, format=name)
        assert _facts(once) == _facts(examples)
        write_examples(once, file, format=name)
        assert read_examples(file, format=name) == once


@pytest.mark.parametrize("name", FILE_FORMATS)
@settings(max_examples=80, deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass")),
        st.text(st.sampled_from('{}[]",:\n\t<>/e12 idtexhal0-'), max_size=200).map(str.encode),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["id", "text", "head", "tail", "token", "h", "t", "tokens"]),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_garbage_is_read_or_refused_with_one_kind_of_error(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data"
        file.write_bytes(content)
        try:
            examples = read_examples(file, format=name)
        except (DataError, ConfigError) as error:
            assert error.message
        else:
            assert all(e.text[e.head.start : e.head.end] == e.head.surface for e in examples)


@pytest.mark.parametrize("name", FILE_FORMATS)
def test_a_file_cut_anywhere_is_read_or_refused(name: str, tmp_path: Path) -> None:
    examples = [_plain(str(i)) for i in range(3)]
    whole = tmp_path / "whole"
    write_examples(examples, whole, format=name)
    content = whole.read_bytes()
    cut = tmp_path / "cut"
    for length in range(0, len(content), 3):
        cut.write_bytes(content[:length])
        try:
            assert len(read_examples(cut, format=name)) <= 3
        except DataError as error:
            assert error.problems[0].file == cut


def _plain(id: str, relation: str = "founded_by") -> Example:
    text = "The cup held tea ."
    return Example(id, text, Mention.of(text, 4, 7), Mention.of(text, 13, 16), relation)


# -- the registry --------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FILE_FORMATS, "hub"])
def test_a_format_says_what_it_is(name: str) -> None:
    found = dataset_formats.get(name)
    assert isinstance(found, DatasetFormat)
    assert found.Options() == found.Options.model_validate({})


def test_an_unknown_format_names_the_nearest_and_all() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'semeval'.*jsonl"):
        read_examples("x.txt", format="semval")


def test_an_unknown_option_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"options\.gruop_by.*did you mean 'group_by'"):
        read_examples(tmp_path / "x.jsonl", options={"gruop_by": "text"})


# -- files that cannot be read -------------------------------------------------------------


@pytest.mark.parametrize("name", FILE_FORMATS)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no example|not valid JSON|no column"),
        (b"caf\xe9\n", r":1: byte 0xe9 is not UTF-8 \(save the file as UTF-8\)"),
        (b"one\ntw\x00o\n", ":2: a null byte"),
        ("x".encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_that_is_not_text_is_one_clear_error(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "data"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        read_examples(file, format=name)
    assert len(raised.value.problems) == 1


@pytest.mark.parametrize("name", FILE_FORMATS)
def test_an_absent_file_and_a_folder_are_told_apart(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_examples(tmp_path / "absent", format=name)
    with pytest.raises(DataError, match="a folder, not a file"):
        read_examples(tmp_path, format=name)


@pytest.mark.parametrize("name", ["tacred", "fewrel", "jsonl"])
def test_absurd_nesting_is_one_clear_error(name: str, tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(DataError, match="nests too deep"):
        read_examples(file, format=name)


def test_an_empty_file_is_allowed_where_the_caller_says_so(tmp_path: Path) -> None:
    file = tmp_path / "none.jsonl"
    write_examples([], file)
    assert read_examples(file, allow_empty=True) == ()
    with pytest.raises(DataError, match="holds no example"):
        read_examples(file)


# -- what holds for all formats ------------------------------------------------------------


def test_the_format_is_told_by_the_suffix_or_by_the_first_line(tmp_path: Path) -> None:
    for suffix, name in ((".JSONL", "jsonl"), (".csv", "csv"), (".tab", "tsv")):
        assert guess_format(f"absent{suffix}") == name
    write_examples([_plain("1")], tmp_path / "data", format="jsonl")
    assert guess_format(tmp_path / "data") == "jsonl"
    assert len(read_examples(tmp_path / "data")) == 1


def test_a_format_that_cannot_be_told_names_those_that_exist(tmp_path: Path) -> None:
    file = tmp_path / "data.txt"
    file.write_text('1\t"The <e1>cup</e1> held <e2>tea</e2>."\nOther\n')
    with pytest.raises(ConfigError, match="csv, fewrel, hub, jsonl, semeval, tacred, tsv"):
        read_examples(file)
    with pytest.raises(ConfigError, match="must be one of: csv"):
        write_examples([_plain("1")], file)


def test_all_problems_are_told_at_once_up_to_a_limit(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("{}\n" * 10)
    with pytest.raises(DataError) as raised:
        read_examples(file)
    assert (len(raised.value.problems), raised.value.more) == (20, 20)
    assert "40 problems" in raised.value.message
    with pytest.raises(DataError) as raised:
        read_examples(file, limit=3)
    assert (len(raised.value.problems), raised.value.more) == (3, 37)


@pytest.mark.parametrize("name", FILE_FORMATS)
def test_a_label_outside_the_schema_names_the_nearest(
    name: str, tmp_path: Path, demo_schema: Schema
) -> None:
    file = tmp_path / "data"
    write_examples([_plain("1", "founded_by"), _plain("2", "fuonded_by")], file, format=name)
    with pytest.raises(DataError, match=r"'fuonded_by' is not in the schema.*mean 'founded_by'"):
        read_examples(file, format=name, schema=demo_schema)
    with pytest.raises(DataError, match="'fuonded_by' is not in the schema"):
        write_examples([_plain("2", "fuonded_by")], file, format=name, schema=demo_schema)


@pytest.mark.parametrize("name", FILE_FORMATS)
def test_an_id_that_stands_twice_is_not_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the id '1' stands 2 times"):
        write_examples([_plain("1"), _plain("1")], tmp_path / "data", format=name)
    assert list(tmp_path.iterdir()) == []


def test_writing_into_an_absent_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written: No such file"):
        write_examples([_plain("1")], tmp_path / "absent" / "x.jsonl")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    write_examples([_plain("1")], file, format="semeval")
    before = file.read_bytes()
    with pytest.raises(DataError, match="white space"):
        write_examples([_plain("a b")], file, format="semeval")
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_schema_without_the_label_is_refused_in_every_format_alike(
    tmp_path: Path, semeval_schema: Schema
) -> None:
    write_examples([_plain("1", "Other")], tmp_path / "x.jsonl", schema=semeval_schema)
    assert read_examples(tmp_path / "x.jsonl", schema=semeval_schema)[0].relation == "Other"
