"""The stage ``shard``: some lines of a large file, as examples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.datasets import parse_examples
from harness.errors import DataError, Problem
from harness.pipeline.stages._files import save_examples
from harness.pipeline.stages._stage import Measures, StageContext

__all__ = ["Shard", "shards_of"]


@dataclass(frozen=True)
class Shard:
    """Reads lines of a file in the format ``jsonl``; known by their bytes, wherever they stand.

    Attributes:
        file: The file.
        start: Where the first line begins, in bytes.
        size: Bytes of all lines.
        line: Number of the first line, from 1.
        digest: SHA-256 of the bytes.
    """

    name: ClassVar[str] = "shard"
    version: ClassVar[int] = 1
    file: Path
    start: int
    size: int
    line: int
    digest: str

    def identity(self) -> Mapping[str, Any]:
        return {"digest": self.digest}

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        with self.file.open("rb") as source:
            source.seek(self.start)
            raw = source.read(self.size)
        if hashlib.sha256(raw).hexdigest() != self.digest:
            problem = Problem("the file has changed since the run began", "run again", self.file)
            raise DataError([problem])
        try:
            lines = raw.decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            problem = Problem(
                f"not UTF-8: {error.reason}", "save it as UTF-8", self.file, self.line
            )
            raise DataError([problem]) from None
        examples = parse_examples(enumerate(lines, start=self.line), file=self.file)
        save_examples(content, examples)
        return Measures(units=len(examples))


def shards_of(file: Path, lines: int) -> Iterator[Shard]:
    """Cuts a file into shards of so many lines, reading it once in flat memory.

    Raises:
        DataError: When it cannot be read.
    """
    start, size, first = 0, 0, 1
    number = 0
    digest = hashlib.sha256()
    try:
        with file.open("rb") as source:
            for number, line in enumerate(source, start=1):
                digest.update(line)
                size += len(line)
                if number - first + 1 == lines:
                    yield Shard(file, start, size, first, digest.hexdigest())
                    start, size, first, digest = start + size, 0, number + 1, hashlib.sha256()
    except OSError as error:
        problem = Problem(f"it cannot be read: {error.strerror}", "check the path", file)
        raise DataError([problem]) from None
    if size:
        yield Shard(file, start, size, first, digest.hexdigest())
