"""A large file through a system: flat memory, rows as they come, whole at the end or resumable."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ArtefactError, DataError, Problem
from harness.protocols import Progress
from harness.shipping._rows import CHUNK, answer_row, read_chunks
from harness.shipping._system import System
from harness.store import content_hash

__all__ = ["PredictedFile", "predict_file"]


@dataclass(frozen=True, slots=True)
class PredictedFile:
    """What was written.

    Attributes:
        file: The answers, one line for each example in the order of the input.
        rows: How many there are.
        found: How many of them an interrupted call had written before.
    """

    file: Path
    rows: int
    found: int


def predict_file(
    system: System,
    text: Path,
    output: Path,
    *,
    identity: str = "",
    probabilities: bool = False,
    chunk: int = CHUNK,
    progress: Progress | None = None,
) -> PredictedFile:
    """Labels every example of a file; ``output`` is there whole or not at all.

    Rows go to a file beside ``output`` as they come. An interrupted call leaves it, and the same
    call goes on after its last whole line: the file's name holds a hash of the input's path, size
    and time of change, of ``identity`` and of what is written, so that another call never takes
    it for its own.

    Args:
        system: The system.
        text: JSON Lines or marked sentences.
        output: File to write.
        identity: What tells the system apart from others, such as its folder and its runtime.
        probabilities: Write every label's probability.
        chunk: Lines that are read and answered together.
        progress: Told bytes of the input that are done, and all.

    Raises:
        DataError: When a line cannot be read.
    """
    if output.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(output))
    try:
        state = text.stat()
        source = text.open("rb")
    except OSError as error:
        what = f"the text cannot be read: {error.strerror}"
        raise DataError([Problem(what, "check the path", text)]) from None
    key = content_hash(
        [identity, str(text.resolve()), state.st_size, state.st_mtime_ns, probabilities]
    )
    part = output.with_name(f"{output.name}.{key[:12]}.part")
    found, last = _whole_lines(part)
    rows, done = 0, 0
    try:
        with source, part.open("ab") as target:

            def lines() -> Iterator[tuple[int, str]]:
                nonlocal done
                for number, line in enumerate(source, start=1):
                    done += len(line)
                    yield number, line.decode("utf-8")

            for examples in read_chunks(lines(), system.schema, text, size=chunk):
                fresh = examples[max(0, found - rows) :]
                if rows < found <= rows + len(examples) and examples[found - rows - 1].id != last:
                    raise ArtefactError(
                        f"{part} does not belong to {text}: its last row is {last!r}.",
                        hint="Delete it and run again.",
                    )
                rows += len(examples)
                for answer in system.answer(fresh) if fresh else ():
                    row = answer_row(answer, probabilities=probabilities)
                    target.write(json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n")
                target.flush()
                if progress is not None:
                    progress(done, state.st_size)
    except DataError:
        part.unlink()  # the file will be another one once it is mended
        raise
    part.replace(output)
    return PredictedFile(output, rows, min(found, rows))


def _whole_lines(part: Path) -> tuple[int, str | None]:
    """How many whole lines an interrupted call left, and the id of the last; the rest is cut."""
    if not part.is_file():
        return 0, None
    count, end, last = 0, 0, b""
    with part.open("rb+") as stream:
        for line in stream:
            if not line.endswith(b"\n"):
                break
            count, end, last = count + 1, end + len(line), line
        stream.truncate(end)
    return count, str(json.loads(last)["id"]) if last else None
