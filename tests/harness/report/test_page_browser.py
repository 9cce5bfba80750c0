"""The page in a real Chromium: it loads in silence, sorts, filters, and runs nothing planted."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.report.page._embed import embedded
from harness.report.page._render import _environment, _text

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def _chromium() -> str:
    """Where the browser is; without one the tests skip, and fail under CI."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if (found := shutil.which(name)) is not None:
            return found
    reason = "no chromium: apt-get install chromium"
    if os.environ.get("CI") == "true":
        pytest.fail(f"a browser test cannot run under CI: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=_chromium(), args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def opened(browser: Browser, page: str, tmp_path: Path) -> Iterator[Page]:
    """The planted run's page, which must not say a word on the console."""
    file = tmp_path / "page.html"
    file.write_text(page, encoding="utf-8")
    yield from _opened(browser, file)


def _opened(browser: Browser, file: Path, width: int = 1280) -> Iterator[Page]:
    said: list[str] = []
    asked: list[str] = []
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(file.as_uri())
    yield tab
    assert said == []
    assert asked == [file.as_uri()]
    tab.close()


def _column(tab: Page, table: str, at: int) -> list[str]:
    cells: list[str] = tab.locator(f"#table-{table} tbody tr > :nth-child({at})").all_inner_texts()
    return cells


def test_the_page_loads_without_errors_and_runs_nothing_that_was_planted(opened: Page) -> None:
    opened.wait_for_timeout(100)
    assert opened.evaluate("window.planted") is None
    assert opened.locator("img").count() == 0
    assert "planted=1" in opened.locator("#disagreements").inner_text()
    opened.fill("#b-text", "planted")
    opened.wait_for_timeout(300)
    assert opened.locator("#b-count").inner_text() == "8 of 80 examples"
    opened.locator("#b-rows .item").first.click()
    assert opened.evaluate("window.planted") is None


def test_a_table_sorts_by_the_unrounded_value_and_back(opened: Page) -> None:
    head = opened.locator("#table-head-to-head thead button").nth(2)
    before = _column(opened, "head-to-head", 3)
    values = [float(text.split()[0]) for text in before]
    head.click()
    down = [float(text.split()[0]) for text in _column(opened, "head-to-head", 3)]
    assert down == sorted(values, reverse=True)
    head.click()
    up = [float(text.split()[0]) for text in _column(opened, "head-to-head", 3)]
    assert up == sorted(values)
    assert opened.locator("#table-head-to-head th[aria-sort]").count() == 1
    opened.locator("#table-head-to-head thead button").first.click()
    names = _column(opened, "head-to-head", 1)
    assert names == sorted(names, key=str.lower)


def test_what_has_no_value_sorts_last_both_ways(opened: Page) -> None:
    head = opened.locator("#table-head-to-head thead button").nth(8)
    for _ in range(2):
        head.click()
        cells = _column(opened, "head-to-head", 9)
        assert cells[-1] == "-"
        assert cells[0] != "-"


def test_the_browser_of_examples_filters_by_gold_answer_and_error(opened: Page) -> None:
    data = json.loads(opened.locator("#browser-data").inner_text() or "{}") or json.loads(
        opened.evaluate("document.getElementById('browser-data').textContent")
    )
    system = next(s for s in data["systems"] if s["name"] == data["student"])
    reference = next(s for s in data["systems"] if s["name"] == data["reference"])
    gold = data["gold"]
    wrong = sum(a != g for a, g in zip(system["answers"], gold, strict=True))
    opened.select_option("#b-show", "wrong")
    assert opened.locator("#b-count").inner_text() == f"{wrong} of 80 examples"
    opened.select_option("#b-system", str(data["systems"].index(reference)))
    opened.select_option("#b-show", "")
    opened.select_option("#b-answer", "-1")
    unread = sum(a < 0 for a in reference["answers"])
    assert unread > 0
    assert opened.locator("#b-count").inner_text() == f"{unread} of 80 examples"
    opened.select_option("#b-answer", "")
    opened.select_option("#b-gold", "0")
    assert opened.locator("#b-count").inner_text() == f"{gold.count(0)} of 80 examples"


def test_entities_are_marked_at_their_offsets_behind_emoji_too(opened: Page) -> None:
    opened.fill("#b-text", "test1 ")
    opened.wait_for_timeout(300)
    item = opened.locator("#b-rows .item").first
    assert item.locator("mark.head").inner_text() == "Ada1"
    assert item.locator("mark.tail").inner_text() == "Acme1"


def test_other_prices_change_the_costs_at_once_and_the_same_ones_say_the_table(
    opened: Page,
) -> None:
    shown = {
        row[0]: row[1:]
        for row in (
            text.split("\t") for text in opened.locator("#repriced tbody tr").all_inner_texts()
        )
    }
    told = _column(opened, "costs", 2)
    assert [cells[0] for cells in shown.values()] == told[: len(shown)]
    label = opened.locator("#prices label", has_text="a human label").locator("input")
    label.fill("")
    after = [text.split("\t") for text in opened.locator("#repriced tbody tr").all_inner_texts()]
    assert {row[0]: row[1] for row in after}["few"] == "unknown"
    assert {row[0]: row[4] for row in after}["few"] == "unknown"


def test_the_theme_button_turns_dark_and_back(opened: Page) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = opened.evaluate(colour)
    opened.click("#theme")
    assert opened.evaluate(colour) != light
    opened.click("#theme")
    assert opened.evaluate(colour) == light


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_its_screen(
    browser: Browser, page: str, tmp_path: Path, width: int
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page, encoding="utf-8")
    for tab in _opened(browser, file, width):
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        for chart in tab.locator("figure svg").all():
            box = chart.bounding_box()
            assert box is not None and 200 < box["width"] <= width


def test_a_printed_page_cuts_nothing_off(opened: Page) -> None:
    opened.set_viewport_size({"width": 720, "height": 1000})
    opened.emulate_media(media="print")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 720
    assert not opened.locator("nav").is_visible()
    assert opened.locator("#verdict").is_visible()


def _large(n: int) -> dict[str, Any]:
    texts = [f"Sentence {i} of Ada{i} who works for Acme{i % 997} ." for i in range(n)]
    return {
        "labels": ["works_for", "lives_in", "none"],
        "na": 2,
        "ids": [f"e{i}" for i in range(n)],
        "texts": texts,
        "spans": [[9, 10, 11, 12]] * n,
        "gold": [i % 3 for i in range(n)],
        "reference": "llm",
        "student": "s1",
        "systems": [
            {"name": name, "seeds": 1, "answers": [(i + i % (7 + at) // 6) % 3 for i in range(n)],
             "sure": None if at == 0 else [i % 101 for i in range(n)]}
            for at, name in enumerate(["llm", "s1", "s2", "s3"])
        ],
    }  # fmt: skip


def test_fifty_thousand_examples_stay_fast(browser: Browser, tmp_path: Path) -> None:
    """Only the rows in sight are in the document; a filter takes well under a second."""
    n = 50_000
    body = _environment().get_template("browser.html.jinja").render(json="")
    body = body.replace("></script>", f">{embedded(_large(n))}</script>")
    file = tmp_path / "large.html"
    file.write_text(
        f"<!doctype html><meta charset=utf-8><style>{_text('page.css')}</style>"
        f"<button id=theme></button>{body}<script>{_text('page.js')}</script>"
    )
    for tab in _opened(browser, file):
        assert tab.locator("#b-count").inner_text() == "50,000 of 50,000 examples"
        assert tab.locator("#b-rows .item").count() < 40
        started = time.perf_counter()
        tab.select_option("#b-show", "lost")
        tab.fill("#b-text", "acme12")
        tab.wait_for_function("document.getElementById('b-count').textContent[0] !== '5'")
        seconds = time.perf_counter() - started
        assert seconds < 3.0  # the filter itself takes some 20 ms; the rest is the machine's
        tab.fill("#b-text", "")
        tab.select_option("#b-show", "")
        tab.wait_for_timeout(300)
        tab.evaluate("document.getElementById('b-list').scrollTop = 40000 * 58")
        tab.wait_for_timeout(200)
        assert "e39999" in tab.evaluate(
            "JSON.parse(document.getElementById('browser-data').textContent).ids"
        )
        assert "Sentence 40000 " in tab.locator("#b-rows").inner_text()
        assert tab.locator("#b-rows .item").count() < 40
