"""Key and answer files of SemEval-2010 Task 8, and the labels they may hold."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from harness.errors import DataError, Problem
from harness.metrics._problems import raise_problems

__all__ = ["LABELS", "mend", "read_official_answers"]

_RELATIONS = (
    "Cause-Effect",
    "Component-Whole",
    "Content-Container",
    "Entity-Destination",
    "Entity-Origin",
    "Instrument-Agency",
    "Member-Collection",
    "Message-Topic",
    "Product-Producer",
)
LABELS = frozenset(
    {"Other"} | {f"{relation}({order})" for relation in _RELATIONS for order in ("e1,e2", "e2,e1")}
)
"""The task's 19 labels."""

_LINE = re.compile(r"(?P<id>[0-9]+)\t(?P<label>[^\r\n]+)")


def read_official_answers(file: Path) -> dict[str, str]:
    """Reads a key or an answer file: ``ID<TAB>LABEL`` per line, in any order.

    Returns:
        Id to label, in file order.

    Raises:
        DataError: With every line that the official tool rejects.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise DataError([Problem("there is no such file", "check the path", file)]) from None
    except UnicodeDecodeError:
        raise DataError([Problem("not UTF-8 text", "save the file as UTF-8", file)]) from None
    lines = text.removesuffix("\n").split("\n") if text else []
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            fix = "write ID, a tab and the label, such as 7<TAB>Cause-Effect(e2,e1)"
            problems.append(Problem(f"not an answer: {line!r}", fix, file, number))
        elif match["id"] in found:
            fix = "give every sentence one answer"
            problems.append(Problem(f"the id {match['id']} stands twice", fix, file, number))
        elif match["label"] not in LABELS:
            what = f"{match['label']!r} is not one of the task's 19 labels"
            problems.append(Problem(what, mend(match["label"]), file, number))
        if match is not None:
            found.setdefault(match["id"], match["label"])
    raise_problems(problems)
    return found


def mend(label: str) -> str:
    """How to turn what was written into one of the labels."""
    bare = re.sub(r"\s", "", label)
    if bare in LABELS:
        return f"write {bare!r}, without spaces"
    if bare in _RELATIONS:
        return f"add the direction: {bare}(e1,e2) or {bare}(e2,e1)"
    near = difflib.get_close_matches(bare, sorted(LABELS), n=1)
    return f"did you mean {near[0]!r}?" if near else "write one of the task's labels, or Other"
