"""The official text of SemEval-2010 Task 8."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.datasets import read_examples, write_examples
from harness.errors import DataError
from harness.relations import Example, Mention, Schema

TRAIN = (
    '1\t"The system has its use in an arrayed <e1>configuration</e1> of <e2>elements</e2>."\r\n'
    "Component-Whole(e2,e1)\r\n"
    "Comment: Not a collection.\r\n"
    "\r\n"
    '2\t""Any time," he told the <e1>boy</e1> in the <e2>desk</e2>."\r\n'
    "Other\r\n"
    "Comment:\r\n"
    "\r\n"
)


def _read(tmp_path: Path, content: str, schema: Schema | None = None) -> tuple[Example, ...]:
    file = tmp_path / "TRAIN_FILE.TXT"
    file.write_bytes(content.encode())
    return read_examples(file, format="semeval", schema=schema)


def _told(tmp_path: Path, content: str, schema: Schema | None = None) -> list[str]:
    with pytest.raises(DataError) as raised:
        _read(tmp_path, content, schema)
    return [str(p).removeprefix(f"{tmp_path}/TRAIN_FILE.TXT:") for p in raised.value.problems]


def test_sentence_label_and_comment_are_read(tmp_path: Path, semeval_schema: Schema) -> None:
    first, second = _read(tmp_path, TRAIN, semeval_schema)
    assert (first.id, first.relation, first.head.surface, first.tail.surface) == (
        "1",
        "Component-Whole(e2,e1)",
        "configuration",
        "elements",
    )
    assert first.meta == {"comment": "Not a collection."}
    assert second.text == '"Any time," he told the boy in the desk.'
    assert second.meta == {}


def test_the_official_bytes_are_written_again(tmp_path: Path) -> None:
    examples = _read(tmp_path, TRAIN)
    write_examples(examples, tmp_path / "again.txt", format="semeval")
    assert (tmp_path / "again.txt").read_bytes() == TRAIN.encode()


def test_line_feeds_alone_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    assert _read(tmp_path, "\ufeff" + TRAIN.replace("\r\n", "\n")) == _read(tmp_path, TRAIN)


def test_the_variant_without_answers_is_read(tmp_path: Path) -> None:
    lines = "".join(f'{n}\t"A <e1>cup</e1> of <e2>tea {n}</e2>."\r\n' for n in (8001, 8002))
    examples = _read(tmp_path, lines)
    assert [(e.id, e.relation) for e in examples] == [("8001", None), ("8002", None)]
    write_examples(examples, tmp_path / "again.txt", format="semeval")
    assert read_examples(tmp_path / "again.txt", format="semeval") == examples


def test_a_comment_that_looks_like_a_sentence_stays_a_comment(tmp_path: Path) -> None:
    quoted = TRAIN.replace("Comment: Not a collection.", 'Comment: "quoted"')
    assert _read(tmp_path, quoted)[0].meta == {"comment": '"quoted"'}


def test_the_tail_may_stand_before_the_head(tmp_path: Path) -> None:
    (example,) = _read(tmp_path, '7\t"<e2>Tea</e2> in a <e1>cup</e1>."\nOther\nComment:\n')
    assert (example.tail.start, example.head.surface) == (0, "cup")


def test_examples_of_one_sentence_share_a_group_unless_told_otherwise(tmp_path: Path) -> None:
    content = (
        '1\t"A <e1>cup</e1> of <e2>tea</e2> and milk."\nOther\n\n'
        '2\t"A <e1>cup</e1> of tea and <e2>milk</e2>."\nOther\n\n'
        '3\t"A <e1>cup</e1> of <e2>milk</e2>."\nOther\n'
    )
    first, second, third = _read(tmp_path, content)
    assert first.group == second.group != third.group
    file = tmp_path / "TRAIN_FILE.TXT"
    alone = read_examples(file, format="semeval", options={"group_by": "none"})
    assert [e.group for e in alone] == [None, None, None]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            '1\t"A <e1>cup</e1> of tea."\nOther\n',
            "1: there is no <e2> (mark each argument once: <e1>...</e1> and <e2>...</e2>)",
        ),
        ('1\t"A <e1>c</e1> <e1>u</e1> of <e2>t</e2>."\nOther\n', "1: <e1> stands 2 times"),
        ('1\t"A <e1>cup <e2>of</e2></e1>."\nOther\n', "1: the markers are nested"),
        ("1 A <e1>cup</e1>\nOther\nComment:\n", "1: this is not a numbered sentence in quotes"),
        ("\n\nOther\n", "3: this is not a numbered sentence in quotes"),
        (TRAIN.replace("2\t", "1\t"), "5: the id '1' stands twice, first at line 1"),
        (TRAIN.replace("Comment:\r", "Other\r"), "7: a line too many"),
        (TRAIN.replace("Other\r\n", ""), "5: there is no relation here, though other examples"),
    ],
)
def test_a_malformed_record_is_told_with_its_line(content: str, told: str, tmp_path: Path) -> None:
    (problem,) = _told(tmp_path, content)
    assert problem.startswith(told)


def test_one_broken_sentence_line_does_not_make_its_label_a_problem(tmp_path: Path) -> None:
    broken = TRAIN.replace('."\r\nComponent', ".\r\nComponent")
    assert _told(tmp_path, broken) == [
        '1: this is not a numbered sentence in quotes (write: NUMBER<TAB>"SENTENCE")'
    ]


def test_a_key_without_direction_is_not_a_label_of_the_directed_schema(
    tmp_path: Path, semeval_schema: Schema
) -> None:
    (problem,) = _told(tmp_path, TRAIN.replace("Whole(e2,e1)", "Whole"), semeval_schema)
    assert problem.startswith("1: the relation 'Component-Whole' is not in the schema")
    assert "did you mean 'Component-Whole(e" in problem


def test_what_cannot_stand_as_marked_text_is_refused(tmp_path: Path) -> None:
    text = "New York City"
    inside = Example("1", text, Mention.of(text, 0, 8), Mention.of(text, 4, 13), "Other")
    marker = "A <e1> cup of tea"
    literal = Example("2", marker, Mention.of(marker, 7, 10), Mention.of(marker, 14, 17), "Other")
    line = "A cup\nof tea"
    broken = Example("3", line, Mention.of(line, 2, 5), Mention.of(line, 9, 12), "Other")
    for example, told in ((inside, "overlap"), (literal, "holds markers"), (broken, "line break")):
        with pytest.raises(DataError, match=told):
            write_examples([example], tmp_path / "x.txt", format="semeval")
