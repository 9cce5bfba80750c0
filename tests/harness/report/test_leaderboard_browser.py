"""The leaderboard's pages in a real browser: they sort, run no planted script, fit a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.report import Estimate, Row
from harness.report.leaderboard import (
    BoardRow,
    BoardTable,
    BoardTest,
    Facts,
    Leaderboard,
    PublishedResult,
    PublishedRow,
    PublishedSource,
    RunLink,
)
from harness.report.leaderboard._html import index_page, task_file, task_page

pytest.importorskip("playwright")

HOSTILE = "<img src=x onerror='window.planted=1'><script>window.planted=1</script>"


def a_board() -> Leaderboard:
    run = RunLink(HOSTILE, HOSTILE, "2026-01-01T00:00:00")
    scores = {"low": 9.5, HOSTILE: 88.0, "high": 100.0}
    rows = tuple(
        BoardRow(place, place, place, Row(name, "gold", Estimate(value)), Facts(HOSTILE), (run,))
        for place, (name, value) in enumerate(
            sorted(scores.items(), key=lambda found: -found[1]), start=1
        )
    )
    test = BoardTest("task", 10, "ab" * 32)
    result = PublishedResult(
        system="theirs", task="task", examples=10, definition="F1", as_printed="99.9"
    )
    source = PublishedSource(title=HOSTILE, authors="they", url="https://example.org/")
    published = PublishedRow(result, source, 2024)
    table = BoardTable(test, "micro_f1", "F1", rows, (published,))
    return Leaderboard(HOSTILE, (table,), (published,))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, board = tmp_path_factory.mktemp("site"), a_board()
    (folder / "tasks").mkdir()
    (folder / "index.html").write_text(index_page(board, exported="eee"), encoding="utf-8")
    (folder / task_file(board, "task")).write_text(task_page(board, "task"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


def test_pages_load_without_complaint_and_run_nothing_planted(browser: Any, site: Path) -> None:
    for name in ("index.html", "tasks/task.html"):
        page = browser.new_page()
        told: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message, told=told: told.append(message.text))
        page.on("pageerror", lambda error, told=told: told.append(str(error)))
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto((site / name).as_uri())
        assert told == [] and len(asked) == 1
        assert page.evaluate("window.planted") is None
        assert "onerror" in page.inner_text("body")
        page.close()


def test_a_table_sorts_by_figures_and_published_rows_stay_below(browser: Any, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "tasks" / "task.html").as_uri())
    head = page.locator("table").first.get_by_role("button", name="F1 [95%]")

    def systems() -> list[str]:
        return page.locator("table").first.locator("tbody th").all_inner_texts()  # type: ignore[no-any-return]

    assert systems() == ["high", HOSTILE, "low", "theirs"]
    head.click()
    assert systems() == ["low", HOSTILE, "high", "theirs"]
    head.click()
    assert systems() == ["high", HOSTILE, "low", "theirs"]
    page.close()


def test_the_page_fits_a_phone_and_only_tables_scroll(browser: Any, site: Path) -> None:
    page = browser.new_page(viewport={"width": 375, "height": 700})
    page.goto((site / "tasks" / "task.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.close()
