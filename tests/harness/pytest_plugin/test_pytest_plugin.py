"""The plug-in in suites of its own: fixtures, marks, failure messages, workers, the report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.pytest_plugin import (
    Runs,
    RunUnderTest,
    assert_costs_less,
    assert_not_regressed,
    assert_not_worse,
    assert_score_at_least,
    assert_unparsed_at_most,
)

pytest_plugins = ["pytester"]

HEAD = """
import pytest
from harness.pytest_plugin import *

pytestmark = pytest.mark.calldistil(experiment={experiment!r})
"""


@pytest.fixture(scope="module")
def task(task_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suite")
    for name, text in task_files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(task: Path) -> RunUnderTest:
    return Runs(task / "out" / "runs")(task / "experiment.yaml")


def suite(pytester: pytest.Pytester, task: Path, body: str) -> None:
    head = HEAD.format(experiment=str(task / "experiment.yaml"))
    pytester.makepyfile(test_suite=head + body)


def test_importing_the_plug_in_loads_nothing_but_pytest() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import harness.pytest_plugin;"
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before}"
        " - set(sys.stdlib_module_names)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "['harness']"


def test_a_suite_that_has_nothing_to_do_with_us_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_one(): pass")
    result = pytester.runpytest_inprocess("-p", "no:xdist", "--strict-markers")
    result.assert_outcomes(passed=1)
    assert "= calldistil =" not in result.stdout.str()
    assert list(pytester.path.rglob("*leaderboard*")) == []


def test_the_plug_in_may_also_be_named_with_p(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_one(): pass")
    result = pytester.runpytest_subprocess("-p", "harness.pytest_plugin", "-p", "no:xdist")
    result.assert_outcomes(passed=1)


def test_fixtures_give_the_run_its_systems_and_its_experiment(
    pytester: pytest.Pytester, task: Path, run: RunUnderTest
) -> None:
    suite(
        pytester,
        task,
        """
def test_run(calldistil_run):
    assert calldistil_run.reference.name == "llm"
    assert [s.name for s in calldistil_run.systems] == ["llm", "gold", "distilled", "mixed"]
    assert calldistil_run.table.verdict is not None

def test_experiment(calldistil_experiment):
    assert calldistil_experiment.name == "ties"

def test_each(calldistil_system):
    assert_unparsed_at_most(calldistil_system, 0)

@pytest.mark.calldistil(systems=("mixed",))
def test_one(calldistil_system):
    assert calldistil_system.name == "mixed"
    assert_not_worse(calldistil_system, by=100)

def test_by_hand(calldistil_runs, calldistil_run):
    again = calldistil_runs({!r})
    assert again is calldistil_run
""".format(str(task / "experiment.yaml")),
    )
    result = pytester.runpytest_inprocess(
        "-p", "no:xdist", "--strict-markers", "--calldistil-report", str(task / "out")
    )
    result.assert_outcomes(passed=1 + 1 + 4 + 1 + 1)


def test_a_failed_assertion_says_what_was_found_and_hides_our_code(
    pytester: pytest.Pytester, task: Path, run: RunUnderTest
) -> None:
    suite(
        pytester,
        task,
        """
def test_it(calldistil_run):
    assert_not_worse(calldistil_run.reference, calldistil_run.system("mixed"), by=1.0)
""",
    )
    result = pytester.runpytest_inprocess("-p", "no:xdist", "--calldistil-report", task / "out")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E*AssertionError: llm is not shown to be within 1 points of mixed*"]
    )
    assert "_assertions.py" not in result.stdout.str()


def test_a_test_without_a_mark_is_told_how_to_get_one(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(calldistil_run): pass")
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*mark the test, its class or its module with*"])


def test_an_unknown_experiment_names_those_that_are_installed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest\n"
        "@pytest.mark.calldistil(experiment='nowhere.yaml')\n"
        "def test_it(calldistil_run): pass"
    )
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    result.assert_outcomes(errors=1)
    assert "newsroom-demo" in result.stdout.str()


def test_the_report_is_written_at_the_end(
    pytester: pytest.Pytester, task: Path, run: RunUnderTest
) -> None:
    suite(pytester, task, "def test_it(calldistil_run): pass")
    result = pytester.runpytest_inprocess("-p", "no:xdist", "--calldistil-report", task / "out")
    result.assert_outcomes(passed=1)
    site = task / "out" / "leaderboard"
    assert f"{site / 'index.html'}" in result.stdout.str()
    assert json.loads((site / "leaderboard.json").read_text("utf-8"))["tables"]
    assert (run.folder / "results.json").is_file() and (run.folder / "results.md").is_file()


def test_two_workers_share_one_run_and_the_report_is_written_once(
    pytester: pytest.Pytester, task: Path
) -> None:
    pytest.importorskip("xdist")
    suite(
        pytester,
        task,
        """
@pytest.mark.parametrize("number", range(4))
def test_it(calldistil_run, number, worker_id):
    assert worker_id.startswith("gw")
    assert calldistil_run.table.row("llm").seeds == 1
""",
    )
    out = pytester.path / "out"
    result = pytester.runpytest_subprocess("-n", "2", "--calldistil-report", out)
    result.assert_outcomes(passed=4)
    assert result.stdout.str().count(str(out / "leaderboard" / "index.html")) == 1
    (folder,) = [path for path in (out / "runs").iterdir() if path.is_dir()]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    attempts = {
        json.loads(file.read_text(encoding="utf-8"))["notes"]["run"]
        for file in (folder / "artefacts").rglob("artefact.json")
    }
    assert attempts <= {manifest["run"]}  # every stage was made by this one run


@pytest.mark.slow
def test_without_the_option_two_workers_share_a_temporary_run(
    pytester: pytest.Pytester, task: Path
) -> None:
    pytest.importorskip("xdist")
    suite(
        pytester,
        task,
        """
@pytest.mark.parametrize("number", range(2))
def test_it(calldistil_runs, number, tmp_path):
    assert tmp_path.parent.parent == calldistil_runs.folder.parent
""",
    )
    pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=2)
    assert not (pytester.path / "out").exists()


def test_a_stored_run_is_a_baseline(run: RunUnderTest) -> None:
    assert_not_regressed(run.system("mixed"), run.folder)
    assert_not_regressed(run.system("mixed"), run)


def test_a_worse_run_has_regressed(run: RunUnderTest, task: Path) -> None:
    document = yaml.safe_load((task / "experiment.yaml").read_text(encoding="utf-8"))
    only = {"method": "prior", "wanted": {"works_for": 1.0}}
    document["systems"]["mixed"] = document["systems"]["gold"] | {"calibrate": only}
    file = task / "worse.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    worse = Runs(task / "worse")(file)
    with pytest.raises(AssertionError, match="mixed is worse than in the stored run"):
        assert_not_regressed(worse.system("mixed"), run)
    assert_not_regressed(worse.system("mixed"), run, by=100)


def test_what_was_not_shown_is_a_failure_that_says_how_much_more_would_tell(
    run: RunUnderTest,
) -> None:
    system, other = run.system("mixed"), run.system("distilled")
    assert_not_worse(system, other, by=100)
    with pytest.raises(AssertionError, match="further examples would tell"):
        assert_not_worse(run.reference, system, by=8.0)
    with pytest.raises(AssertionError, match="shown to be worse than that"):
        assert_not_worse(run.reference, system, by=0.0, level=0.5)


def test_costs_are_compared_per_sentence_and_in_all(run: RunUnderTest) -> None:
    assert_costs_less(run.system("distilled"))
    with pytest.raises(AssertionError, match="llm does not cost less than distilled per 1,000"):
        assert_costs_less(run.reference, run.system("distilled"))
    with pytest.raises(AssertionError, match=r"prices\.human_label"):
        assert_costs_less(run.system("gold"), sentences=1000)


def test_scores_and_unread_answers_are_bounded(run: RunUnderTest) -> None:
    assert_score_at_least(run.reference, 50)
    with pytest.raises(AssertionError, match="does not reach 100 micro_f1"):
        assert_score_at_least(run.reference, 100)
    with pytest.raises(AssertionError, match="is not shown to reach"):
        assert_score_at_least(run.reference, run.reference.row.score.value, shown=True)
    assert_unparsed_at_most(run.reference, 0)


def test_an_unknown_system_names_those_there_are(run: RunUnderTest) -> None:
    with pytest.raises(KeyError, match="gold, distilled, mixed"):
        run.system("nobody")
