"""Packs a full recording for shipping: ``python -m agents.backends.pack_recording IN OUT``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agents.backends._recording import read_recordings
from harness.errors import CalldistilError
from harness.protocols import FinishReason

__all__ = ["main", "pack_recording"]


def pack_recording(full_file: Path, out_file: Path) -> int:
    """Writes a recording in its shipped form: request hash to answer, no request's text.

    The lines keep their order; a line that stands twice is written once. Answers are written
    as they are: whoever ships them checks that they do not quote what may not be shipped.

    Returns:
        The number of lines written.

    Raises:
        DataError: When the recording is malformed.
    """
    lines = []
    for answer in read_recordings([full_file]).values():
        line: dict[str, Any] = {"key": answer.key, "response": answer.response}
        if answer.repeat:
            line["repeat"] = answer.repeat
        if answer.finish is not FinishReason.UNKNOWN:
            line["finish"] = answer.finish.value
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    aside = out_file.with_name(f".{out_file.name}.partial")
    aside.write_text("".join(lines), encoding="utf-8", newline="\n")
    aside.replace(out_file)
    return len(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Packs one file; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m agents.backends.pack_recording",
        description="Writes a recording as request hash -> answer, without the requests' text.",
    )
    parser.add_argument("full", type=Path, metavar="IN", help="recording with messages")
    parser.add_argument("packed", type=Path, metavar="OUT", help="the file to write")
    named = parser.parse_args(arguments)
    try:
        count = pack_recording(named.full, named.packed)
    except CalldistilError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{count} answers -> {named.packed}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
