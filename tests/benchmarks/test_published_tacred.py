"""The published answers on the TACRED family score what the issue's table says, to the digit."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.published.tacred import Row, constant_rows, gold_labels, prompted_rows, system_rows
from harness.errors import DataError

pytestmark = pytest.mark.data

# F1 of no_relation, micro-F1 without NA, accuracy
PROMPTED = {
    ("Flan-T5-XL plain", "TACRED"): ("84.66", "28.73", "69.81"),
    ("Flan-T5-XL retrieval", "TACRED"): ("86.59", "23.61", "74.36"),
    ("Flan-T5-XXL plain", "TACRED"): ("60.78", "21.87", "44.36"),
    ("Flan-T5-XXL retrieval", "TACRED"): ("73.77", "21.49", "55.46"),
    ("Flan-T5-XL plain", "TACREV"): ("65.12", "18.01", "46.30"),
    ("Flan-T5-XL retrieval", "TACREV"): ("88.29", "24.04", "77.75"),
    ("Flan-T5-XXL plain", "TACREV"): ("42.44", "16.32", "29.63"),
    ("Flan-T5-XXL retrieval", "TACREV"): ("86.71", "21.75", "70.96"),
    ("Flan-T5-XL plain", "Re-TACRED"): ("71.19", "27.14", "53.26"),
    ("Flan-T5-XL retrieval", "Re-TACRED"): ("73.28", "20.54", "57.09"),
    ("Flan-T5-XXL plain", "Re-TACRED"): ("50.39", "17.52", "32.37"),
    ("Flan-T5-XXL retrieval", "Re-TACRED"): ("63.54", "17.29", "39.88"),
}
CONSTANT = {
    ("always no_relation", "TACRED"): ("87.99", "0.00", "78.56"),
    ("always no_relation", "TACREV"): ("88.80", "0.00", "79.86"),
    ("always no_relation", "Re-TACRED"): ("73.34", "0.00", "57.91"),
}


def printed(row: Row) -> tuple[str, str, str]:
    return f"{row.na_f1:.2f}", f"{row.micro_f1:.2f}", f"{row.accuracy:.2f}"


def test_prompted_answers_agree_with_the_table_to_the_printed_digit(data_home: Path) -> None:
    found = {(row.system, row.data_set): printed(row) for row in prompted_rows(data_home)}
    assert found == PROMPTED


def test_a_constant_no_relation_beats_every_prompted_f1_of_no_relation(data_home: Path) -> None:
    rows = {(row.system, row.data_set): row for row in constant_rows(data_home)}
    assert {key: printed(row) for key, row in rows.items()} == CONSTANT
    for row in prompted_rows(data_home):
        assert row.na_f1 < rows["always no_relation", row.data_set].na_f1


def test_a_trained_system_has_its_published_micro_f1(data_home: Path) -> None:
    rows = {(row.system, row.data_set): row for row in system_rows(data_home)}
    assert len(rows) == 10
    assert printed(rows["biLSTM+ELMo", "TACRED"])[:2] == ("92.01", "64.39")


def test_tacrev_gold_is_tacred_gold_with_the_patched_labels(data_home: Path) -> None:
    tacred, tacrev = gold_labels(data_home, "TACRED"), gold_labels(data_home, "TACREV")
    assert list(tacrev) == list(tacred)
    changed = [i for i in tacred if tacred[i] != tacrev[i]]
    assert 0 < len(changed) <= 936


def test_the_suite_prints_the_table_from_the_command_line(data_home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.published.tacred"],
        env={"CALLDISTIL_DATA": str(data_home), "PATH": ""},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "| Flan-T5-XL retrieval        | TACRED     |               86.59 |" in done.stdout


def test_an_absent_data_folder_is_one_clear_message(data_home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="set CALLDISTIL_DATA"):
        gold_labels(tmp_path, "TACRED")
