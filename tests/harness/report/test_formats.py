"""Each format against a golden file, from a table with round figures and hostile names.

Set ``CALLDISTIL_UPDATE_GOLDEN=1`` to write the golden files again, and read the difference.
"""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.costs import BreakEven, Money
from harness.errors import ArtefactError, ConfigError
from harness.report import (
    FORMATS,
    Costs,
    Difference,
    Estimate,
    HeadToHead,
    Row,
    TestSet,
    TrainingRows,
    decide,
    load_results,
    parse_results,
    render,
)

GOLDEN = Path(__file__).parent / "golden"
FILES = {
    "terminal": "table.txt",
    "markdown": "table.md",
    "csv": "table.csv",
    "json": "table.json",
    "latex": "table.tex",
}
EVIL = "=cmd|\x1b[2J<b>_x_\u202e"


def _row(system: str, kind: str, value: float, **more: object) -> Row:
    return Row(
        system=system,
        kind=kind,  # type: ignore[arg-type]
        score=Estimate(value, value - 2.5, value + 2.5, examples=200),
        diagnostics={
            "micro_f1": value,
            "accuracy": value + 5,
            "micro_f1@unparsed=na": value + 0.5,
            "micro_f1@unparsed=left_out": value + 1,
        },
        outcomes={"parsed": 200},
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
def golden_table() -> HeadToHead:
    same = Money(0.0004)
    even = BreakEven("after", 3400.0, 2900.0, float("inf"), assumed=True)
    llm = replace(
        _row("llm", "direct", 87.0, reference=True, gold_budget=8, coverage=98.5),
        outcomes={"parsed": 197, "invalid_label": 2, "refused": 1},
        costs=Costs(
            one_off=Money(0.0),
            one_off_seconds=0.0,
            per_1000={
                "list": Money(2.0, True),
                "cached_prefix": Money(1.25, True),
                "batch": Money(1.0, True),
            },
            mode="batch",
        ),
    )
    distilled = replace(
        _row("distilled", "distilled", 86.0, training_rows=TrainingRows(generated=384), seeds=3),
        score=Estimate(86.0, 83.5, 88.5, 1.25, (84.75, 86.0, 87.25), 200),
        full_score=Estimate(75.0, 73.0, 77.0, 0.5, (74.5, 75.0, 75.5), 400),
        gold_budget=112,
        difference=Difference(-1.0, -1.75, 0.5, 0.125, 0.25, 0.25),
        costs=Costs(Money(3.4, True), 93.0, dict.fromkeys(("list", "batch"), same), "list", 3.9),
        break_even=even,
    )
    evil = _row(
        EVIL,
        "mixed",
        80.0,
        training_rows=TrainingRows(112, 384, 60),
        difference=Difference(-7.0, -9.0, -5.0, 0.0002, 0.0004, 0.0004),
        break_even=BreakEven("unknown"),
        notes=("<b>born_in</b> has 3 of 8 examples & no more",),
    )
    na = _row("always_na", "baseline", 0.0, notes=("answers nix to everything",))
    na = replace(na, score=Estimate(0.0, 0.0, 0.0, examples=200))
    made = HeadToHead(
        experiment="constructed",
        metric="micro_f1",
        definitions={
            "micro_f1": "micro-F1 over all labels but the declared NA",
            "accuracy": "share of right answers, NA included",
            "micro_f1@unparsed=na": "the same",
            "micro_f1@unparsed=left_out": "the same",
        },
        reference="llm",
        tolerance=2.0,
        volume=100_000,
        test=TestSet("test-200", 200),
        full_test=TestSet("test-400", 400),
        rows=(llm, distilled, evil, na),
        assumptions=("priced as a small model of 2026-01-01",),
    )
    return replace(made, verdict=_verdict(even))


def _verdict(even: BreakEven):  # type: ignore[no-untyped-def]
    import numpy as np

    from harness.metrics import Comparison

    comparison = Comparison(
        difference=-1.0,
        low=-1.75,
        high=0.5,
        p_bootstrap=0.25,
        p_randomisation=0.125,
        level=0.95,
        examples_sd=0.5,
        seeds_sd=0.0,
        examples=200,
        groups=200,
        system_seeds=3,
        reference_seeds=1,
        draws=np.zeros(1),
    )
    return decide(
        comparison, even, tolerance=2.0, volume=100_000, student="distilled", reference="llm"
    )


@pytest.mark.parametrize("format", FORMATS)
def test_a_format_equals_its_golden_file(golden_table: HeadToHead, format: str) -> None:
    file = GOLDEN / FILES[format]
    text = render(golden_table, format, width=80)
    if os.environ.get("CALLDISTIL_UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_table_gives_the_same_bytes(
    golden_table: HeadToHead, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = render(golden_table, format)
    monkeypatch.setenv("COLUMNS", "33")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert render(golden_table, format) == before


@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
def test_terminal_lines_fit_the_width(golden_table: HeadToHead, width: int) -> None:
    lines = render(golden_table, "terminal", width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert sum("distilled  " in line for line in lines) == sum("always_na " in li for li in lines)


def test_a_wide_terminal_has_one_table(golden_table: HeadToHead) -> None:
    text = render(golden_table, "terminal", width=240)
    assert sum(line.startswith("always_na ") for line in text.splitlines()) == 1


@pytest.mark.parametrize("format", FORMATS)
def test_no_format_lets_a_control_character_through(golden_table: HeadToHead, format: str) -> None:
    text = render(golden_table, format)
    assert "\x1b" not in text
    if format != "json":  # JSON keeps names as they are; it is data
        assert "\u202e" not in text


def test_unknown_is_a_word_and_never_0(golden_table: HeadToHead) -> None:
    rows = list(csv.DictReader(io.StringIO(render(golden_table, "csv"))))
    evil = rows[2]
    for name in ("one_off", "one_off_seconds", "per_1000", "per_1000_list", "seconds_per_1000"):
        assert evil[name] == "unknown"
    assert rows[0]["seconds_per_1000"] == "unknown"
    assert (rows[0]["per_1000"], rows[0]["per_1000_basis"]) == ("1.0", "assumed")
    assert (rows[3]["one_off"], rows[3]["break_even"]) == ("", "")


def test_csv_cells_are_no_formulas(golden_table: HeadToHead) -> None:
    rows = list(csv.reader(io.StringIO(render(golden_table, "csv"))))
    assert rows[3][0].startswith("'=cmd")
    assert float(rows[2][rows[0].index("difference")]) == -1.0  # numbers stay numbers


def test_markdown_rows_have_as_many_cells_as_the_head(golden_table: HeadToHead) -> None:
    text = render(golden_table, "markdown")
    for block in text.split("\n\n"):
        if block.startswith("|"):
            cells = {line.replace("\\|", "").count("|") for line in block.splitlines()}
            assert len(cells) == 1
    assert "<b>" not in text


def test_json_is_read_back_equal(golden_table: HeadToHead, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(render(golden_table, "json"), encoding="utf-8")
    assert load_results(file) == golden_table


def test_json_of_a_computed_table_is_read_back_equal(table: HeadToHead) -> None:
    assert parse_results(render(table, "json")) == table


def test_a_kept_result_file_stays_readable() -> None:
    kept = load_results(GOLDEN / "table.json")
    assert kept.row("distilled").score.by_seed == (84.75, 86.0, 87.25)
    with pytest.raises(KeyError):
        kept.row("nobody")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a head-to-head table"),
        ('{"format": "other"}', "is not a head-to-head table"),
        ('{"format": "calldistil.head_to_head", "format_version": 99}', "format version 99"),
        (
            '{"format": "calldistil.head_to_head", "format_version": 1, "rows": 3}',
            "rows: Input should be a valid tuple",
        ),
    ],
)
def test_a_file_that_is_no_table_is_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(ArtefactError, match=message):
        parse_results(text)


def test_an_absent_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="cannot be read"):
        load_results(tmp_path / "none.json")


def test_an_unknown_format_names_those_there_are(golden_table: HeadToHead) -> None:
    with pytest.raises(ConfigError, match="terminal, markdown, csv, json, latex"):
        render(golden_table, "html")
