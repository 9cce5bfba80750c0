"""The leaderboard of small runs: who stands beside whom, what is escaped, what is exported."""

from __future__ import annotations

import copy
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from harness.errors import ArtefactError, ConfigError
from harness.pipeline import run_experiment
from harness.report.leaderboard import (
    Leaderboard,
    PublishedFile,
    build_leaderboard,
    every_eval_ever,
    load_leaderboard,
    load_published,
    render_board,
    render_leaderboard,
    write_site,
)

HOSTILE = "<script>alert(1)</script>|$x$"


@pytest.fixture(scope="module")
def runs(task_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Finished runs: one twice, one with more systems, one on half of the test set."""
    base = tmp_path_factory.mktemp("boards")
    for name, text in task_files.items():
        (base / name).write_text(text, encoding="utf-8")
    document = yaml.safe_load(task_files["experiment.yaml"])
    test = task_files["test.jsonl"].splitlines(keepends=True)
    (base / "half.jsonl").write_text("".join(test[::2]), encoding="utf-8")
    (base / "turned.jsonl").write_text("".join(reversed(test)), encoding="utf-8")

    def run(name: str, change: Callable[[dict[str, Any]], object], experiment: str) -> Path:
        changed = copy.deepcopy(document)
        changed["name"] = experiment
        change(changed)
        file = base / f"{name}.yaml"
        file.write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")
        run_experiment(file, folder=base / "runs" / name, store=base / "store", jobs=1)
        return base / "runs" / name

    def declared(changed: dict[str, Any]) -> None:
        teacher = changed["backends"]["teacher"]
        teacher |= {"licence": "proprietary", "terms_allow_training": False}
        teacher["parameters"] = 8_000_000_000
        changed["systems"]["distilled"]["licence"] = "Apache-2.0"

    def other(changed: dict[str, Any]) -> None:
        declared(changed)
        changed["data"]["test"]["file"] = "turned.jsonl"
        systems = changed["systems"]
        changed["systems"] = {"llm": systems["llm"], HOSTILE: systems["gold"]}
        changed["systems"][HOSTILE]["options"] = {"inverse_penalty": 0.01}
        del changed["candidate"]

    def half(changed: dict[str, Any]) -> None:
        changed["data"]["test"]["file"] = "half.jsonl"
        cascade = {"student": "gold", "direct": "llm", "threshold": 0.5}
        changed["systems"]["both"] = {"cascade": cascade}

    return {
        "first": run("first", declared, "ties"),
        "again": run("again", declared, "ties"),
        "other": run("other", other, "ties-other"),
        "half": run("half", half, "ties-half"),
    }


@pytest.fixture(scope="module")
def board(runs: dict[str, Path]) -> Leaderboard:
    return build_leaderboard(list(runs.values()), resamples=400)


def published(**changes: Any) -> PublishedFile:
    result = {
        "system": "Theirs <b>",
        "task": "ties",
        "examples": 36,
        "metric": "micro_f1",
        "definition": "micro-F1",
        "as_printed": "71.20",
    } | changes
    return PublishedFile.model_validate(
        {
            "calldistil_published": 1,
            "source": {"title": "A paper", "authors": "They", "url": "https://example.org/p"},
            "year": 2024,
            "results": [result],
        }
    )


def test_runs_on_other_test_sets_have_tables_of_their_own(board: Leaderboard) -> None:
    assert [(table.test.examples, table.metric) for table in board.tables] == [
        (18, "micro_f1"),
        (36, "micro_f1"),
    ]
    assert board.tables[0].test.hash != board.tables[1].test.hash


def test_the_order_of_a_test_file_does_not_make_another_test_set(board: Leaderboard) -> None:
    systems = {row.row.system for row in board.tables[1].rows}
    assert systems == {"llm", "gold", "distilled", "mixed", HOSTILE}


def test_one_result_of_several_runs_is_one_row(board: Leaderboard) -> None:
    mixed = [row for row in board.tables[1].rows if row.row.system == "mixed"]
    assert [sorted(run.label for run in row.runs) for row in mixed] == [["ties", "ties #2"]]


def test_every_metric_has_a_table_of_its_own(runs: dict[str, Path]) -> None:
    board = build_leaderboard([runs["first"]], metrics=["micro_f1", "accuracy"], resamples=200)
    assert [table.metric for table in board.tables] == ["micro_f1", "accuracy"]
    assert all(len(table.rows) == 4 for table in board.tables)


def test_rows_stand_by_group_and_ranks_hold_the_group(board: Leaderboard) -> None:
    for table in board.tables:
        groups = [row.group for row in table.rows]
        assert groups == sorted(groups) and groups[0] == 1
        for place, row in enumerate(table.rows, start=1):
            assert row.best_rank <= place <= row.worst_rank


def test_declared_licence_terms_and_size_are_shown(board: Leaderboard) -> None:
    rows = {row.row.system: row for row in board.tables[1].rows}
    llm, distilled, gold = rows["llm"], rows["distilled"], rows["gold"]
    assert (llm.facts.licence, llm.facts.parameters) == ("proprietary", 8_000_000_000)
    assert (distilled.facts.licence, distilled.facts.training_allowed) == ("Apache-2.0", False)
    assert distilled.facts.bytes_on_disk is not None and distilled.facts.bytes_on_disk > 1000
    assert (gold.facts.licence, gold.facts.taught) == (None, False)
    text = render_board(board.tables[1], "markdown")
    assert "8B parameters" in text and "| no " in text and "unknown" in text


def test_what_is_not_declared_is_unknown_and_not_allowed(board: Leaderboard) -> None:
    rows = {row.row.system: row for row in board.tables[0].rows}
    assert rows["distilled"].facts.taught
    assert rows["distilled"].facts.training_allowed is None


def test_a_cascade_names_its_parts_and_counts_as_taught(board: Leaderboard) -> None:
    (cascade,) = [row for row in board.tables[0].rows if row.row.kind == "cascade"]
    assert cascade.facts.method == "gold, then llm"
    assert cascade.facts.models == ("some-llm",)


def test_rows_of_training_that_stand_in_the_test_set_are_counted(
    task_files: dict[str, str], tmp_path: Path
) -> None:
    for name, text in task_files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    leak = task_files["train.jsonl"] + task_files["test.jsonl"].replace('"test-', '"leak-')
    (tmp_path / "train.jsonl").write_text(leak, encoding="utf-8")
    document = yaml.safe_load(task_files["experiment.yaml"])
    systems = document["systems"]
    document["systems"] = {
        "llm": systems["llm"],
        "leaky": {"student": "linear.v1", "train_on": [{"gold": "train"}]},
    }
    document["candidate"] = None
    file = tmp_path / "experiment.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    run_experiment(file, folder=tmp_path / "run", jobs=1)
    board = build_leaderboard([tmp_path / "run"], resamples=200)
    seen = {row.row.system: row.facts.contamination for row in board.tables[0].rows}
    assert seen["leaky"]["exact"] == 36
    assert sum(seen["llm"].values()) == 0


def test_a_published_figure_stands_in_a_table_only_on_that_test_set_and_metric(
    runs: dict[str, Path], board: Leaderboard
) -> None:
    hash_ = board.tables[1].test.hash
    files = [
        published(test_hash=hash_),
        published(system="no hash"),
        published(system="other metric", test_hash=hash_, metric="accuracy"),
        published(system="other task", task="elsewhere", test_hash=hash_, metric=None),
    ]
    both = build_leaderboard(list(runs.values()), published=files, resamples=200)
    assert [len(table.published) for table in both.tables] == [0, 1]
    assert [row.result.system for row in both.apart] == ["no hash", "other metric"]
    text = render_leaderboard(both, "markdown")
    assert "71.20" in text and "not ranked" in text
    rows = list(csv.DictReader(io.StringIO(render_leaderboard(both, "csv"))))
    (theirs,) = [row for row in rows if row["origin"] == "published"]
    assert (theirs["score"], theirs["group"], theirs["per_1000"]) == ("71.2", "", "")


def test_a_published_file_with_faults_tells_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text("{", encoding="utf-8")
    document = json.loads(published().model_dump_json())
    document["results"][0]["as_printed"] = "171"
    del document["source"]["url"]
    (tmp_path / "two.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_published([tmp_path])
    said = str(caught.value)
    assert "one.json" in said and "source.url" in said and "as_printed" in said


def test_json_is_read_back_equal(board: Leaderboard, tmp_path: Path) -> None:
    file = tmp_path / "board.json"
    file.write_text(render_leaderboard(board, "json"), encoding="utf-8")
    assert load_leaderboard(file) == board
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(ArtefactError, match="cannot be read"):
        load_leaderboard(file)


def test_csv_holds_the_figures_of_the_json_unrounded(board: Leaderboard) -> None:
    rows = list(csv.DictReader(io.StringIO(render_leaderboard(board, "csv"))))
    expected = [row.row.score.value for table in board.tables for row in table.rows]
    assert [float(row["score"]) for row in rows] == expected
    assert len({row["test_hash"] for row in rows}) == 2


def test_the_site_escapes_hostile_names_and_asks_for_nothing(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    site = tmp_path / "site"
    board = build_leaderboard(list(runs.values()), resamples=200)
    write_site(
        list(runs.values()), site, published=[published(test_hash=board.tables[1].test.hash)],
        title="<i>Ours</i>", retrieved_at=1.0, resamples=200,
    )  # fmt: skip
    pages = [(site / "index.html"), *sorted((site / "tasks").glob("*.html"))]
    assert len(pages) == 2
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text and "<b>" not in text and "<i>Ours" not in text
        assert text.count("<script>") == 1 and " src=" not in text and "@import" not in text
        assert "default-src 'none'" in text
    assert 'class="published"' in pages[1].read_text(encoding="utf-8")
    assert r"\$x\$" in (site / "leaderboard.tex").read_text(encoding="utf-8")


def test_every_link_within_the_site_leads_somewhere(runs: dict[str, Path], tmp_path: Path) -> None:
    import re

    page = runs["first"] / "report.html"
    page.write_text("<p>the run's page</p>", encoding="utf-8")
    try:
        write_site(list(runs.values()), tmp_path / "site", retrieved_at=1.0, resamples=200)
    finally:
        page.unlink()
    followed = 0
    for file in (tmp_path / "site").rglob("*.html"):
        for href in re.findall(r'href="([^"]+)"', file.read_text(encoding="utf-8")):
            if not href.startswith("http"):
                target = (file.parent / href.partition("#")[0]).resolve()
                assert target.exists(), f"{file.name} links to {href}"
                followed += "runs/" in href
    assert followed >= 2


def test_a_site_is_made_anew_and_never_over_something_else(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("x", encoding="utf-8")
    with pytest.raises(ArtefactError, match="something else"):
        write_site([runs["first"]], mine, retrieved_at=1.0, resamples=200)
    site = tmp_path / "site"
    write_site(list(runs.values()), site, retrieved_at=1.0, resamples=200)
    many = {file.name for file in (site / "exports").iterdir()}
    write_site([runs["half"]], site, retrieved_at=1.0, resamples=200)
    few = {file.name for file in (site / "exports").iterdir()}
    assert few < many
    assert (mine / "thesis.txt").read_text(encoding="utf-8") == "x"


def test_every_eval_ever_has_one_document_per_system_and_test_set(board: Leaderboard) -> None:
    documents = every_eval_ever(board, organisation="we", retrieved_at=1_790_000_000.0)
    assert len(documents) == 5 + 6  # the reference answered the test file in both orders
    document = next(
        d for p, d in documents.items() if p.endswith("/distilled.json") and "-36-" in p
    )
    raw = json.loads(document.model_dump_json(exclude_none=True))
    assert raw["schema_version"] == "0.2.1" and raw["retrieved_timestamp"] == "1790000000"
    (result,) = raw["evaluation_results"]
    assert result["metric_config"]["min_score"] == 0.0
    assert result["source_data"]["additional_details"]["test_set_sha256"] == (
        board.tables[1].test.hash
    )
    bounds = result["score_details"]["uncertainty"]["confidence_interval"]
    assert bounds["lower"] <= result["score_details"]["score"] <= bounds["upper"]
    details = raw["model_info"]["additional_details"]
    assert details["terms_allow_training"] == "no"
    assert all(isinstance(value, str) for value in details.values())


def test_a_document_that_breaks_the_schema_is_refused(board: Leaderboard) -> None:
    documents = every_eval_ever(board, organisation="we", retrieved_at=1.0)
    raw = json.loads(next(iter(documents.values())).model_dump_json())
    raw["source_metadata"]["evaluator_relationship"] = "a friend"
    with pytest.raises(ValidationError, match="evaluator_relationship"):
        type(next(iter(documents.values()))).model_validate(raw)


def test_an_unfinished_run_is_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("manifest.json", "experiment.yaml", "schema.yaml"):
        text = (runs["first"] / name).read_text(encoding="utf-8")
        if name == "manifest.json":
            text = json.dumps(json.loads(text) | {"finished_at": None})
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(ArtefactError, match="not finished"):
        build_leaderboard([folder])
    with pytest.raises(ConfigError, match="no run"):
        build_leaderboard([])


def test_the_shipped_published_results_can_be_read() -> None:
    from benchmarks.papers import FOLDER

    files = load_published([FOLDER])
    assert len(files) >= 3
    assert all(result.definition for file in files for result in file.results)


@pytest.mark.data
def test_the_hash_of_the_published_test_set_is_that_of_the_official_file(
    data_home: Path, semeval_schema: Any
) -> None:
    from benchmarks.papers import FOLDER
    from harness.datasets import read_examples
    from harness.report.leaderboard import hash_of_test

    file = data_home / "semeval2010_task8" / "TEST_FILE_FULL.TXT"
    examples = read_examples(file, format="semeval", schema=semeval_schema)
    hashes = {
        result.test_hash
        for published in load_published([FOLDER])
        for result in published.results
        if result.test_hash is not None
    }
    assert hashes == {hash_of_test(examples, semeval_schema)}


def test_a_direct_system_declares_no_licence_of_its_own(small_task: Any) -> None:
    def change(document: dict[str, Any]) -> None:
        document["systems"]["llm"]["licence"] = "MIT"

    with pytest.raises(ConfigError, match="its backend's"):
        run_experiment(small_task.changed(change), folder=small_task.folder / "run")


def test_the_command_prints_and_writes(
    runs: dict[str, Path], calldistil: Any, tmp_path: Path
) -> None:
    said = calldistil("leaderboard", runs["first"], "--json", "--resamples", "200")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["format"] == "calldistil.leaderboard"
    site = tmp_path / "site"
    said = calldistil("leaderboard", *runs.values(), "-o", site, "--resamples", "200")
    assert said.stdout.strip() == str(site / "index.html")
    assert calldistil("leaderboard", tmp_path).returncode == 6
