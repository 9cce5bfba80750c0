"""``python -m benchmarks.scores``: means and spreads of finished runs."""

import pytest

from benchmarks.scores import main
from harness.report import report_run


def test_every_system_has_its_mean_and_spread_by_each_metric(planted_run, capsys):
    assert main([str(planted_run), "--metric", "micro_f1", "--metric", "accuracy"]) == 0
    lines = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()]
    printed = {cells[1].strip(): [cell.strip() for cell in cells] for cells in lines}
    for metric, column in (("micro_f1", 4), ("accuracy", 5)):
        rows = [r for r in report_run(planted_run, metric=metric).rows if r.kind != "baseline"]
        assert len(printed) == len(rows) + 2  # the head and its rule
        for row in rows:
            score = row.full_score or row.score
            sd = "" if score.seed_sd is None else f" ± {score.seed_sd:.1f}"
            assert printed[row.system][column] == f"{score.value:.1f}{sd}"


@pytest.mark.parametrize("wrong", [["nowhere"], ["--metric", "f7"]])
def test_what_is_no_run_or_no_metric_is_named(planted_run, capsys, wrong):
    assert main([*wrong, str(planted_run)]) == 2
    assert wrong[-1] in capsys.readouterr().err
