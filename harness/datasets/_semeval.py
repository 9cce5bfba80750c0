"""The official text format of SemEval-2010 Task 8."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from harness.datasets._collector import Collector, Span, text_group
from harness.datasets._files import read_lines, write_text
from harness.datasets._problems import PROBLEM_LIMIT, Place, ProblemLog
from harness.documents import FileModel
from harness.relations import (
    Example,
    MarkedTextError,
    Markers,
    Schema,
    parse_marked,
    render_marked,
)

__all__ = ["SemEvalFormat", "SemEvalOptions"]

_MARKERS = Markers()  # the format's own, whatever markers a schema's prompts use
_SENTENCE = re.compile(r'(?P<id>\S+)\s+"(?P<marked>.*)"\s*')
_NUMBERED = re.compile(r"\d+\s|\S+\t")
_COMMENT = "Comment:"


class SemEvalOptions(FileModel):
    """Options of the format ``semeval``.

    Attributes:
        group_by: ``text`` gives examples of an identical sentence one group; ``none`` does not.
    """

    group_by: Literal["text", "none"] = "text"


@dataclass(slots=True)
class _Record:
    line: int
    id: str = ""
    marked: str | None = None  # None: the sentence line is malformed and was told
    label: str | None = None
    comment: str | None = None


class SemEvalFormat:
    """Records of a numbered sentence in quotes, a label line and a comment line.

    The variant without answers (sentence lines only) is read as well. A comment becomes
    ``meta["comment"]``. Entity types, groups and other meta facts have no place in the format.
    """

    summary: ClassVar[str] = "official text files of SemEval-2010 Task 8 (TRAIN_FILE.TXT)"
    source: ClassVar[str] = "Hendrickx et al. 2010, https://aclanthology.org/S10-1006"
    Options: ClassVar[type[SemEvalOptions]] = SemEvalOptions

    @classmethod
    def read(
        cls,
        file: Path,
        *,
        schema: Schema | None = None,
        options: SemEvalOptions = SemEvalOptions(),  # noqa: B008 (frozen)
        limit: int = PROBLEM_LIMIT,
    ) -> tuple[Example, ...]:
        """Reads a file; see ``DatasetFormat``."""
        collector = Collector(file, schema, limit)
        for record in _records(read_lines(file), collector.log):
            if record.marked is None:
                continue
            place = Place(record.line)
            try:
                found = parse_marked(record.marked, _MARKERS)
            except MarkedTextError as error:
                collector.log.add(
                    str(error),
                    "mark each argument once: <e1>...</e1> and <e2>...</e2>",
                    place=place,
                )
                continue
            collector.add(
                place,
                id=record.id,
                text=found.text,
                head=Span(found.head.start, found.head.end),
                tail=Span(found.tail.start, found.tail.end),
                relation=record.label,
                group=text_group(found.text) if options.group_by == "text" else None,
                meta={"comment": record.comment} if record.comment else None,
            )
        collector.refuse_mixed_labels()
        return collector.finish()

    @classmethod
    def write(
        cls,
        examples: Sequence[Example],
        file: Path,
        *,
        schema: Schema | None = None,
        options: SemEvalOptions = SemEvalOptions(),  # noqa: B008 (frozen)
    ) -> None:
        """Writes a file with CRLF line ends, as the official ones; see ``DatasetFormat``."""
        log = ProblemLog(file)
        blocks = []
        for example in examples:
            place = Place(words=f"id {example.id!r}")
            if not example.id or re.search(r"\s", example.id):
                log.add("the id is empty or holds white space", "give it another id", place=place)
            if "\n" in example.text or "\r" in example.text:
                log.add("the text holds a line break", "replace it by a space", place=place)
            comment = example.meta.get("comment", "")
            if re.search(r"[\r\n]", comment):
                log.add("the comment holds a line break", "remove it", place=place)
            if example.relation is not None and not _is_label_line(example.relation):
                log.add(
                    f"the label {example.relation!r} cannot stand on a line of its own",
                    "write it as jsonl",
                    place=place,
                )
            marked = _marked(example, log, place)
            lines = [f'{example.id}\t"{marked}"']
            if example.relation is not None:
                lines += [example.relation, f"{_COMMENT} {comment}".rstrip()]
            blocks.append("\r\n".join([*lines, "", ""]))
        log.raise_if_any()
        write_text(file, "".join(blocks))


def _marked(example: Example, log: ProblemLog, place: Place) -> str:
    """Marks an example's text, and notes where a reader could not undo it."""
    marked = render_marked(example, _MARKERS)
    try:
        found = parse_marked(marked, _MARKERS)
        same = (found.text, found.head.start, found.head.end, found.tail.start, found.tail.end) == (
            example.text,
            example.head.start,
            example.head.end,
            example.tail.start,
            example.tail.end,
        )
    except MarkedTextError:
        same = False
    if not same:
        log.add(
            "the arguments overlap, have white space at their ends, or the text holds markers:"
            " it cannot stand as marked text",
            "write it as jsonl",
            place=place,
        )
    return marked


def _records(lines: Sequence[str], log: ProblemLog) -> list[_Record]:
    records: list[_Record] = []
    current: _Record | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            current = None
        elif current is not None and current.comment is None and line.startswith(_COMMENT):
            current.comment = line.removeprefix(_COMMENT).strip()
        elif (match := _SENTENCE.fullmatch(line)) is not None:
            current = _Record(number, match["id"], match["marked"])
            records.append(current)
        elif current is None or _NUMBERED.match(line):
            log.add(
                "this is not a numbered sentence in quotes",
                'write: NUMBER<TAB>"SENTENCE"',
                place=number,
            )
            current = _Record(number)
        elif current.label is None and current.comment is None:
            current.label = line.strip()
        elif current.marked is not None:
            log.add(
                "a line too many: a record is a sentence, a label and a comment",
                "separate records by an empty line",
                place=number,
            )
    return records


def _is_label_line(label: str) -> bool:
    """Whether a reader takes this line for a label."""
    return (
        label == label.strip() != ""
        and not re.search(r"[\r\n]", label)
        and not label.startswith(_COMMENT)
        and not _SENTENCE.fullmatch(label)
        and not _NUMBERED.match(label)
    )
