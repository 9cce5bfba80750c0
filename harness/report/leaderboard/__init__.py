"""Many runs beside each other: tied groups, costs, licences, and what others published."""

from harness.report.leaderboard._board import (
    BoardRow,
    BoardTable,
    Leaderboard,
    PublishedRow,
    RunLink,
)
from harness.report.leaderboard._build import build_leaderboard
from harness.report.leaderboard._entry import Facts
from harness.report.leaderboard._every_eval_ever import every_eval_ever
from harness.report.leaderboard._json import load_leaderboard
from harness.report.leaderboard._published import (
    PublishedFile,
    PublishedResult,
    PublishedSource,
    load_published,
)
from harness.report.leaderboard._render import render_board, render_leaderboard
from harness.report.leaderboard._site import write_site
from harness.report.leaderboard._test_set import BoardTest, hash_of_test

__all__ = [
    "BoardRow",
    "BoardTable",
    "BoardTest",
    "Facts",
    "Leaderboard",
    "PublishedFile",
    "PublishedResult",
    "PublishedRow",
    "PublishedSource",
    "RunLink",
    "build_leaderboard",
    "every_eval_ever",
    "hash_of_test",
    "load_leaderboard",
    "load_published",
    "render_board",
    "render_leaderboard",
    "write_site",
]
