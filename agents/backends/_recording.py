"""Recorded answers: their files and their keys.

A file holds one JSON object per line, in one of two forms:

- full: ``{"messages": [{"role", "content"}, ...], "response": "..."}``, with ``repeat`` and
  ``finish`` where they are known; further keys are facts about the request and are not read;
- shipped, without the text of any request: ``{"key": "<64 hex digits>", "response": "..."}``,
  with the same optional keys and no others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError

from harness.documents import FileModel
from harness.errors import DataError, Problem
from harness.protocols import FinishReason, Message, Request

__all__ = [
    "RecordedAnswer",
    "read_recordings",
    "recording_key",
]

_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """One line of a recording.

    Attributes:
        key: ``recording_key`` of its request.
        response: The answer as given.
        repeat: Repeat number of its request.
        finish: Why the answer ended; unknown where the line does not say.
        file: The file it stands in.
        line: Its line there, from 1.
    """

    key: str
    response: str
    repeat: int
    finish: FinishReason
    file: Path
    line: int


class _MessageModel(FileModel):
    role: Literal["system", "user", "assistant"]
    content: str


class _FullLine(FileModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    messages: tuple[_MessageModel, ...] = Field(min_length=1)
    response: str
    repeat: int = Field(default=0, ge=0)
    labels: tuple[str, ...] = ()
    finish: FinishReason = FinishReason.UNKNOWN

    @property
    def key(self) -> str:
        messages = tuple(Message(role=m.role, content=m.content) for m in self.messages)
        request = Request(messages=messages, repeat=self.repeat, labels=self.labels)
        return recording_key(request)


class _ShippedLine(FileModel):
    key: str = Field(pattern=r"^[0-9a-f]{64}$")
    response: str
    repeat: int = Field(default=0, ge=0)
    finish: FinishReason = FinishReason.UNKNOWN


def recording_key(request: Request) -> str:
    """The key by which a recording finds a request: its messages and repeat number alone.

    It is the SHA-256, in hex, of ``{"messages":[{"content":...,"role":...},...],"repeat":N}``
    written as JSON with sorted keys, no white space and every character beyond ASCII escaped;
    a request for scores has its ``labels`` there as well.
    Model and sampling parameters are left out: a recording has one model, and whoever recorded
    it may not have controlled its sampling.

    >>> recording_key(Request(messages=(Message(role="user", content="Hello"),)))[:12]
    '47510e7e8cfd'
    """
    document = {
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "repeat": request.repeat,
        **({"labels": list(request.labels)} if request.labels else {}),
    }
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def read_recordings(files: Sequence[Path]) -> dict[str, RecordedAnswer]:
    """Reads recordings of either form into answers by key.

    The same answer may stand twice; two different answers to one request may not.

    Raises:
        DataError: With the problems of all files, up to a limit.
    """
    answers: dict[str, RecordedAnswer] = {}
    problems: list[Problem] = []
    for file in files:
        for found in _read_file(file):
            if isinstance(found, Problem):
                problems.append(found)
                continue
            first = answers.setdefault(found.key, found)
            if (first.response, first.finish) != (found.response, found.finish):
                problems.append(
                    Problem(
                        "this request has another answer at"
                        f" {first.file}:{first.line} (key {found.key[:12]})",
                        "keep one of the two, or give one a repeat number of its own",
                        found.file,
                        found.line,
                    )
                )
    if problems:
        more = max(0, len(problems) - _MOST_PROBLEMS)
        raise DataError(problems[:_MOST_PROBLEMS], more=more)
    return answers


def _read_file(file: Path) -> Iterator[RecordedAnswer | Problem]:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        yield Problem("the recording does not exist", "check the path", file)
        return
    except OSError as error:
        yield Problem(f"the recording cannot be read: {error.strerror}", "name a file", file)
        return
    # Split on line feeds alone: an answer may hold other characters that Python ends a line at.
    for number, raw in enumerate(content.split(b"\n"), start=1):
        if raw.strip():
            yield _read_line(raw, file, number)


def _read_line(raw: bytes, file: Path, number: int) -> RecordedAnswer | Problem:
    try:
        value = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Problem(f"not UTF-8 text: {error.reason}", "save the file as UTF-8", file, number)
    except (ValueError, RecursionError) as error:
        return Problem(f"not valid JSON: {error}", "mend or remove the line", file, number)
    if not isinstance(value, dict) or ("key" in value) == ("messages" in value):
        return Problem(
            "a line must be an object with either 'messages' or 'key', and 'response'",
            "see docs/agents.md for the two forms of a recording",
            file,
            number,
        )
    model = _ShippedLine if "key" in value else _FullLine
    try:
        line = model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        what = "; ".join(f"{'.'.join(map(str, d['loc']))}: {d['msg']}" for d in details)
        return Problem(what, "mend or remove the line", file, number)
    assert isinstance(line, _ShippedLine | _FullLine)
    return RecordedAnswer(
        key=line.key,
        response=line.response,
        repeat=line.repeat,
        finish=line.finish,
        file=file,
        line=number,
    )
