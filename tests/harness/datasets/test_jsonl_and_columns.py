"""Our own JSONL, and CSV and TSV with a column mapping."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.datasets import read_examples, write_examples
from harness.errors import ConfigError, DataError
from harness.relations import Example, Mention, Schema

LINE = {
    "id": "nr-1",
    "text": "Setsuko joined Hoshikawa in 1938.",
    "head": {"start": 0, "end": 7, "type": "PER", "surface": "Setsuko"},
    "tail": {"start": 15, "end": 24, "type": "ORG"},
    "relation": "employed_by",
    "group": "doc-1",
    "meta": {"source": "invented"},
}


def _jsonl(tmp_path: Path, *rows: dict[str, Any], **options: Any) -> tuple[Example, ...]:
    file = tmp_path / "data.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_examples(file, options=options)


def test_jsonl_holds_everything_an_example_holds(tmp_path: Path) -> None:
    (example,) = _jsonl(tmp_path, LINE)
    text = str(LINE["text"])
    assert example == Example(
        "nr-1",
        text,
        Mention(0, 7, "Setsuko", "PER"),
        Mention(15, 24, "Hoshikawa", "ORG"),
        "employed_by",
        "doc-1",
        {"source": "invented"},
    )
    write_examples([example], tmp_path / "again.jsonl")
    assert read_examples(tmp_path / "again.jsonl") == (example,)


def test_jsonl_needs_no_relation_and_takes_numbers_as_ids(tmp_path: Path) -> None:
    least = {key: LINE[key] for key in ("text", "head", "tail")}
    (example,) = _jsonl(tmp_path, {"id": 17, **least})
    assert (example.id, example.relation, example.group) == ("17", None, None)
    assert _jsonl(tmp_path, {"id": 17, **least}, group_by="text")[0].group is not None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"head": {"start": 0, "end": 99}}, "head: [0, 99) ends after the text's 33 characters"),
        ({"head": {"start": 7, "end": 7}}, "head: the span [7, 7) is empty"),
        ({"head": {"start": 0, "end": 7, "surface": "Setsuki"}}, "holds 'Setsuko', not 'Setsuki'"),
        ({"head": {"start": 0.5, "end": 7}}, "head.start: Input should be a valid integer"),
        ({"head": {"start": True, "end": 7}}, "head.start: Input should be a valid integer"),
        ({"labels": "x"}, "labels: is not a known key"),
        ({"meta": {"n": 1}}, "meta.n: Input should be a valid string"),
        ({"relation": " "}, "the relation is empty"),
        ({"text": "a\0b"}, "the text holds a null character"),
        ({"text": "\ud800"}, "half of a surrogate pair"),
    ],
)
def test_a_broken_line_is_told_with_its_number(
    changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as raised:
        _jsonl(tmp_path, LINE, LINE | {"id": "2"} | changes)
    assert all(problem.line == 2 for problem in raised.value.problems)
    assert told in raised.value.message


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '"x"', '{"id": "1", "id": "2"}', "NaN", "1" * 5000, '{"a": 1}}', "[" * 9999],
)
def test_a_line_that_is_no_object_of_ours_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text(json.dumps(LINE) + "\n\n" + line + "\n", encoding="utf-8")
    with pytest.raises(DataError) as raised:
        read_examples(file)
    assert {problem.line for problem in raised.value.problems} == {3}


def test_line_separators_of_unicode_do_not_cut_a_line(tmp_path: Path) -> None:
    text = "A cup\u2028of tea\x85."
    example = Example("1", text, Mention.of(text, 2, 5), Mention.of(text, 9, 12), "Other")
    write_examples([example], tmp_path / "x.jsonl")
    assert read_examples(tmp_path / "x.jsonl") == (example,)


# -- columns -------------------------------------------------------------------------------


def _table(tmp_path: Path, content: str, **options: Any) -> tuple[Example, ...]:
    file = tmp_path / ("data.tsv" if "\t" in content else "data.csv")
    file.write_text(content, encoding="utf-8")
    return read_examples(file, options=options)


def _told(tmp_path: Path, content: str, **options: Any) -> str:
    with pytest.raises(DataError) as raised:
        _table(tmp_path, content, **options)
    return "\n".join(str(p).removeprefix(f"{tmp_path}/") for p in raised.value.problems)


def test_marked_text_is_read_from_its_column(tmp_path: Path) -> None:
    content = 'sentence,label\n"A <e1>cup</e1>, of <e2>tea</e2>",holds\n'
    (example,) = _table(tmp_path, content, text="sentence", relation="label")
    assert (example.id, example.text, example.relation) == ("1", "A cup, of tea", "holds")
    assert (example.head.surface, example.tail.surface) == ("cup", "tea")


def test_marked_text_may_have_other_markers(tmp_path: Path) -> None:
    content = "text,relation\nA <h>cup</h> of <t>tea</t>,holds\n"
    (example,) = _table(tmp_path, content, head_marker="h", tail_marker="t")
    assert example.head.surface == "cup"


def test_offsets_are_read_from_their_columns(tmp_path: Path) -> None:
    content = (
        "key\ttext\ths\the\tts\tte\thead_type\trelation\n"
        "a\tA cup of tea\t2\t5\t9\t12\tTHING\tholds\n"
    )
    columns = {"head_start": "hs", "head_end": "he", "tail_start": "ts", "tail_end": "te"}
    (example,) = _table(tmp_path, content, id="key", **columns)
    assert example.id == "a"
    assert (example.head, example.tail.surface) == (Mention(2, 5, "cup", "THING"), "tea")


def test_a_surface_must_stand_exactly_once(tmp_path: Path) -> None:
    header = "text,head,tail\n"
    (example,) = _table(tmp_path, header + "A cup of tea,cup,tea\n")
    assert (example.head.start, example.tail.start) == (2, 9)
    twice = _told(tmp_path, header + "A cup in a cup of tea,cup,tea\n")
    assert twice.startswith("data.csv:2: the head 'cup' stands more than once in the text (give")
    assert "tail 'milk' does not stand" in _told(tmp_path, header + "A cup of tea,cup,milk\n")
    assert "the tail is empty" in _told(tmp_path, header + "A cup of tea,cup,\n")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("text,text\nx,y\n", "data.csv:1: the column 'text' stands twice"),
        ("a,b\nx,y\n", "there is no column 'text' (name it with the option text; the columns"),
        ("text,head\nx,y\n", "data.csv:1: columns are lacking: tail"),
        ("text,head_start,head_end\nx,1,2\n", "columns are lacking: tail_start, tail_end"),
        ("text,relation\nA cup of tea,holds\n", "data.csv:2: there is no <e1>"),
        ("text,head,tail\nA cup,of\n", "data.csv:2: 2 cells under 3 columns"),
        (
            "id,text,head,tail\n1,A cup,A,cup\n1,A cup,A,cup\n",
            "data.csv:3: the id '1' stands twice, first at line 2",
        ),
        (
            "text,head,tail,relation\nA cup,A,cup,x\nA cup,A,cup,\n",
            "data.csv:3: there is no relation here",
        ),
        ('text,head,tail\n"A "cup,A,cup\n', "data.csv:2: not a valid table"),
        ('text,head,tail\n"A cup,A,cup\n', "not a valid table: unexpected end of data"),
    ],
)
def test_a_broken_table_is_told_with_its_line(content: str, told: str, tmp_path: Path) -> None:
    assert told in _told(tmp_path, content)


@pytest.mark.parametrize("cell", ["two", "-1", "1.5", "", "9" * 5000, "²"])
def test_an_offset_that_is_no_number_is_refused(cell: str, tmp_path: Path) -> None:
    content = f"text,head_start,head_end,tail_start,tail_end\nA cup of tea,{cell},5,9,12\n"
    assert "not a number" in _told(tmp_path, content)


def test_a_column_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    told = _told(tmp_path, "sentence,label\nx,y\n", text="sentense", relation="label")
    assert "there is no column 'sentense' for text (did you mean 'sentence'?)" in told


def test_quotes_are_text_where_the_options_say_so(tmp_path: Path) -> None:
    content = 'text\thead\ttail\n"A" cup of tea\tcup\ttea\n'
    assert "set the option quoting: none" in _told(tmp_path, content)
    (example,) = _table(tmp_path, content, quoting="none")
    assert example.text == '"A" cup of tea'


def test_an_unquoted_table_cannot_hold_its_delimiter(tmp_path: Path) -> None:
    text = "A cup\tof tea"
    example = Example("1", text, Mention.of(text, 2, 5), Mention.of(text, 9, 12))
    file = tmp_path / "x.tsv"
    with pytest.raises(DataError, match="set the option quoting: minimal"):
        write_examples([example], file, options={"quoting": "none"})
    write_examples([example], file)
    assert read_examples(file, options={"group_by": "none"}) == (example,)


def test_an_option_of_the_wrong_kind_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"options\.quoting"):
        _table(tmp_path, "text\nx\n", quoting="some")


def test_the_markers_of_the_schema_are_used(tmp_path: Path, demo_schema: Schema) -> None:
    file = tmp_path / "x.csv"
    head, tail = demo_schema.markers.head, demo_schema.markers.tail
    file.write_text(f"text\nA <{head}>cup</{head}> of <{tail}>tea</{tail}>\n", encoding="utf-8")
    assert read_examples(file, schema=demo_schema)[0].tail.surface == "tea"


_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=2)


@settings(max_examples=100, deadline=None)
@given(text=_texts, data=st.data(), name=st.sampled_from(["x.jsonl", "x.csv", "x.tsv"]))
def test_any_text_survives_jsonl_and_tables(
    text: str, data: st.DataObject, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cuts = [sorted(data.draw(st.sets(st.integers(0, len(text)), min_size=2, max_size=2)))] * 2
    spans = [Mention.of(text, *cut) for cut in cuts]
    example = Example("1", text, *spans, relation="r", group="g")
    file = tmp_path_factory.mktemp("text") / name
    write_examples([example], file)
    assert read_examples(file) == (example,)
