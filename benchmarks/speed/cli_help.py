"""Time until ``calldistil --help`` has printed, against an interpreter that does nothing.

Run ``python -m benchmarks.speed.cli_help``. Both run as processes of their own, in turns, and the
median of each counts. The last line is one JSON object; it holds when the help takes less than
half a second, whatever the ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

__all__ = ["main"]

AIM = 0.5
HELP = "from harness.cli import main; main(['--help'])"
PEER = "pass"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures both and prints the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=11, help="how often each runs [11]")
    turns = parser.parse_args(arguments).turns
    _seconds(HELP)  # writes the byte code that later starts find
    times = [(_seconds(HELP), _seconds(PEER)) for _ in range(turns)]
    value, peer_value = (statistics.median(side) for side in zip(*times, strict=True))
    result = {
        "name": "calldistil --help",
        "value": round(value, 4),
        "unit": "s",
        "peer": "python -c pass",
        "peer_value": round(peer_value, 4),
        "ratio": round(value / peer_value, 2),
        "aim": AIM,
        "holds": value < AIM,
    }
    print(json.dumps(result))
    return 0


def _seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
