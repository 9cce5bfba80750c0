"""The page: its figures are those of the JSON, its texts are escaped, its parts are independent."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from harness.pipeline import SetChoice, describe_sets, run_experiment
from harness.report import render, report_run, set_reports
from harness.report._figures import count, interval, money, score, signed
from harness.report.page import (
    Block,
    Evidence,
    Note,
    Section,
    charts_of,
    render_page,
    save_figures,
    sections,
)


@dataclass
class Parsed(HTMLParser):
    """What a browser would see: tables by id, scripts, links, and every tag."""

    tables: dict[str, list[list[tuple[str, str | None]]]] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._table = self._script = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "table":
            self._table = (found["id"] or "").removeprefix("table-")
            self.tables[self._table] = []
        elif tag == "tr" and self._table:
            self.tables[self._table].append([])
        elif tag in ("td", "th") and self._table:
            self.tables[self._table][-1].append(("", found.get("data-v")))
        elif tag == "script":
            self._script = found.get("id") or "code"
            self.scripts.setdefault(self._script, "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._table = ""
        elif tag == "script":
            self._script = ""

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts[self._script] += data
            return
        self.text += data
        if self._table and self.tables[self._table] and self.tables[self._table][-1]:
            row = self.tables[self._table][-1]
            row[-1] = ((row[-1][0] + data).rstrip("\n"), row[-1][1])


@pytest.fixture(scope="module")
def parsed(page: str) -> Parsed:
    found = Parsed()
    found.feed(page)
    return found


def test_the_figures_of_the_table_are_those_of_the_json(evidence: Evidence, parsed: Parsed) -> None:
    results = json.loads(render(evidence.table, "json"))
    shown = {row[0][0]: row for row in parsed.tables["head-to-head"][1:]}
    assert list(shown) == [row["system"] for row in results["rows"]]
    for row in results["rows"]:
        cells, got = shown[row["system"]], row["score"]
        assert float(cells[2][1] or "nan") == got["value"]
        assert cells[2][0] == f"{score(got['value'])} {interval(got['low'], got['high'])}"
        if (gap := row["difference"]) is not None:
            assert float(cells[3][1] or "nan") == gap["value"]
            bounds = interval(gap["low"], gap["high"], sign=True)
            assert cells[3][0] == f"{signed(gap['value'])} {bounds}"
            assert float(cells[4][1] or "nan") == gap["within_tolerance"]
        if (costs := row["costs"]) is not None:
            per_1000 = costs["per_1000"][costs["mode"]]["amount"]
            assert float(cells[5][1] or "nan") == costs["one_off"]["amount"]
            assert float(cells[6][1] or "nan") == per_1000
        even = row["break_even"]
        if even is not None and even["kind"] == "after":
            assert float(cells[8][1] or "nan") == even["volume"]
            assert f"[{count(even['low'])}, {count(even['high'])}]" in cells[8][0]


def test_the_page_holds_the_json_and_the_verdicts_sentence(
    evidence: Evidence, parsed: Parsed
) -> None:
    assert json.loads(parsed.scripts["results"]) == json.loads(render(evidence.table, "json"))
    verdict = evidence.table.verdict
    assert verdict is not None
    assert " ".join(verdict.sentence.split()) in " ".join(parsed.text.split())


def test_a_break_even_of_the_run_has_an_interval_and_each_mode_its_own(evidence: Evidence) -> None:
    row = evidence.row("all <i>gold</i>")
    even = row.break_even
    assert even is not None and even.kind == "after"
    assert even.volume is not None and even.low is not None and even.high is not None
    assert even.low < even.volume < even.high  # the price of input is a range
    assert set(row.break_even_by_mode) == {"list", "cached_prefix", "batch"}
    at_list, batch = (row.break_even_by_mode[m].volume for m in ("list", "batch"))
    assert at_list is not None and batch is not None
    assert batch == pytest.approx(2 * at_list, rel=0.01)
    assert even.volume == batch


def test_no_text_of_a_model_or_a_user_becomes_markup(page: str, parsed: Parsed) -> None:
    known = {"results", "browser-data", "prices-data", "code"}
    assert set(parsed.scripts) == known
    assert sum(tag == "script" for tag, _ in parsed.tags) == len(known)
    assert not any(tag in ("img", "iframe", "i", "b") for tag, _ in parsed.tags)
    assert not any(name.startswith("on") for _, attrs in parsed.tags for name in attrs)
    assert "window.planted=1" in parsed.text  # shown, as text
    assert "\u2028" not in parsed.scripts["browser-data"]


def test_the_page_asks_the_network_for_nothing(page: str, parsed: Parsed) -> None:
    for tag, attrs in parsed.tags:
        assert tag not in ("link", "base", "object", "embed")
        for name in ("src", "href", "xlink:href"):
            assert (attrs.get(name) or "#").startswith("#"), (tag, attrs)
    policy = next(a["content"] for t, a in parsed.tags if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert page.count("url(") == page.count("url(#")


def test_the_page_is_the_same_each_time(planted_run: Path, page: str) -> None:
    assert render_page(Evidence(planted_run)) == page


def test_every_section_of_ours_is_there_whose_data_a_run_has(parsed: Parsed) -> None:
    ids = [a["id"] for t, a in parsed.tags if t == "section"]
    assert ids == [
        "head-to-head", "frontier", "break-even", "volume", "latency", "learning-curve", "slices",
        "where-f1-goes", "relations", "errors", "disagreements", "browser", "parse-outcomes",
        "overlaps", "costs", "provenance",
    ]  # fmt: skip
    used = [a.get("id") for _, a in parsed.tags if a.get("id")]
    assert len(used) == len(set(used))


def test_a_section_is_one_object_and_is_left_out_without_blocks(
    planted_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(evidence: Evidence) -> list[Block]:
        return []

    def something(evidence: Evidence) -> list[Block]:
        return [Note(f"{len(evidence.examples)} <sentences>")]

    monkeypatch.setattr(sections, "_objects", {
        "second": Section("Second", 2, something), "first": Section("First", 1, something),
        "none": Section("None", 0, nothing),
    })  # fmt: skip
    monkeypatch.setattr(sections, "_lazy", {})
    found = Parsed()
    found.feed(render_page(Evidence(planted_run)))
    assert [a["id"] for t, a in found.tags if t == "section"] == ["first", "second"]
    assert "80 <sentences>" in found.text


def test_charts_are_saved_as_svg_png_and_csv(evidence: Evidence, tmp_path: Path) -> None:
    files = save_figures(evidence, tmp_path / "figures")
    names = {chart.name for chart in charts_of(evidence)}
    assert {file.name for file in files} == {
        f"{n}.{s}" for n in names for s in ("svg", "png", "csv")
    }
    assert "f1-against-cost" in names
    rows = list(csv.DictReader((tmp_path / "figures/f1-against-cost.csv").open()))
    assert [row["system"] for row in rows] == ["llm", "few", "all <i>gold</i>"]
    for row in rows:
        assert float(row["F1"]) == evidence.row(row["system"]).score.value
        assert float(row["usd_low"]) <= float(row["usd_per_million"]) <= float(row["usd_high"])
    assert (tmp_path / "figures/f1-against-cost.png").read_bytes().startswith(b"\x89PNG")
    assert "<script" not in (tmp_path / "figures/f1-against-cost.svg").read_text()


def _money(taken: dict[str, Any], vector: dict[str, float | None], machine: float, label: float,
           left: float = 1.0) -> float:  # fmt: skip
    each = [vector["input"], vector["cache_read"] or vector["input"],
            vector["cache_write"] or vector["input"], vector["output"],
            vector["reasoning"] or vector["output"]]  # fmt: skip
    total = sum(
        n * (p or 0) * left / 1e6
        for ns in taken["tokens"].values()
        for n, p in zip(ns, each, strict=True)
    )
    return total + taken["seconds"] * machine / 3600 + taken["labels"] * label


def test_quantities_for_other_prices_give_the_tables_money_at_its_own(
    evidence: Evidence, parsed: Parsed
) -> None:
    data = json.loads(parsed.scripts["prices-data"])
    vector = data["backends"]["teacher"]
    for system in data["systems"]:
        costs = evidence.row(system["name"]).costs
        assert costs is not None
        once = _money(system["once"], vector, data["machine_per_hour"], data["human_label"])
        assert once == pytest.approx(costs.one_off.amount)
        for mode, left in (("list", 1.0), ("batch", 0.5)):
            each = _money(system["each"][mode], vector, data["machine_per_hour"], 0, left)
            assert 1000 * each == pytest.approx(costs.per_1000[mode].amount)


def test_another_price_list_changes_costs_and_leaves_the_run_as_it_is(
    planted_run: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    prices = tmp_path / "dear.yaml"
    prices.write_text(
        "backends:\n  teacher: {input: 20, output: 80, date: 2026-02-01, source: another list}\n"
    )
    before = {f: f.read_bytes() for f in planted_run.rglob("*") if f.is_file()}
    said = command("reprice", planted_run, prices, "--json")
    assert said.code == 0, said.err
    assert {f: f.read_bytes() for f in planted_run.rglob("*") if f.is_file()} == before
    table = json.loads(said.out)
    llm = next(row for row in table["rows"] if row["system"] == "llm")
    assert llm["costs"]["per_1000"]["batch"]["amount"] is None  # the new list has no discount
    assert any("another list" in note for note in table["assumptions"])
    prices.write_text("backends: {teecher: {input: 2, output: 8, date: 2026-02-01, source: x}}\n")
    said = command("reprice", planted_run, prices)
    assert (said.code, "the run has no backend 'teecher'" in said.err) == (2, True)
    prices.write_text("backend: {}\n")
    assert "backend: is not a known key" in command("reprice", planted_run, prices).err


def test_the_command_writes_the_page_and_its_charts(
    planted_run: Path, page: str, tmp_path: Path, command: Callable[..., Any]
) -> None:
    file = tmp_path / "deep" / "page.html"
    said = command("report", planted_run, "--html", "-o", file, "--figures", tmp_path / "figures")
    assert said.code == 0, said.err
    assert file.read_text(encoding="utf-8") == page
    assert str(file) in said.out.splitlines()
    assert (tmp_path / "figures/cumulative-cost.svg").is_file()
    said = command("report", planted_run, "-o", file)
    assert (said.code, "give --html as well" in said.err) == (2, True)


def test_money_of_the_break_even_table_is_that_of_the_rows(
    evidence: Evidence, parsed: Parsed
) -> None:
    for row in parsed.tables["break-even"][1:]:
        costs = evidence.row(row[0][0]).costs
        assert costs is not None
        assert row[-1][0] == money(costs.one_off)


def test_the_latency_is_that_of_the_timed_calls_and_else_not_known(
    evidence: Evidence, planted_run: Path, tmp_path: Path
) -> None:
    assert [row.latency for row in evidence.table.rows] == [None] * 5  # the fake tells no time
    run = tmp_path / "run"
    shutil.copytree(planted_run, run)
    (ledger,) = run.glob("artefacts/extract-*/ledger.jsonl")
    charges = [json.loads(line) for line in ledger.read_text().splitlines()]
    timed = [json.dumps({**c, "latency_s": at / 100}) for at, c in enumerate(charges)]
    ledger.write_text("\n".join(timed) + "\n")
    found = report_run(run)
    latency = found.row("llm").latency
    assert latency is not None
    assert latency.sentences == 80
    assert latency.p50 == pytest.approx(0.01 * (len(charges) - 1) / 2, abs=0.02)
    assert latency.p95 == pytest.approx(0.01 * (len(charges) - 1) * 0.95, abs=0.02)
    assert found.row("few").latency is None


def test_a_cascades_curve_and_described_sets_are_on_the_page(
    small_task: Any, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")

    def change(document: dict[str, Any]) -> None:
        document["systems"] = {name: document["systems"][name] for name in ("llm", "distilled")}
        document["systems"]["both"] = {"cascade": {"student": "distilled", "direct": "llm"}}
        document.pop("candidate")

    file = small_task.changed(change)
    run = run_experiment(file, folder=tmp_path / "run", jobs=1)
    before = render_page(Evidence(run.folder))
    assert "calldistil describe" in before  # how the report on the sets is made
    describe_sets(file, folder=run.folder, choice=SetChoice(encoder=None), jobs=1)
    evidence = Evidence(run.folder)
    found = Parsed()
    found.feed(render_page(evidence))
    (curve,) = evidence.table.cascades
    rows = found.tables["cascade-0"][1:]
    shown = [(float(row[0][1] or "nan"), float(row[2][1] or "nan")) for row in rows]
    assert shown == [(point.share, point.score) for point in curve.points]
    facts = {row[0][0]: row[1][0] for row in found.tables["sets-0"][1:]}
    assert facts["rows kept"] == str(set_reports(run.folder)[0].profile.rows)
