"""Money, seconds and gold budgets of a run's table, against the same worked out by hand."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.backends import ScriptedBackend
from harness.costs import token_counter
from harness.errors import BackendError
from harness.pipeline import RunFolder, run_experiment
from harness.protocols import Completion, Failure, Request
from harness.registry import backends
from harness.report import HeadToHead, Row, report_run

Document = dict[str, Any]
SENTENCES = 36
FEW_SHOT = 6
PER_TOKEN = 1e-6


@pytest.fixture
def table(small_task: Any, tmp_path: Path) -> Callable[[Callable[[Document], object]], HeadToHead]:
    """Runs the small task with a change and reports it."""

    def run(change: Callable[[Document], object]) -> HeadToHead:
        run_experiment(small_task.changed(change), folder=tmp_path / "run")
        return report_run(tmp_path / "run")

    return run


def row(table: HeadToHead, name: str) -> Row:
    return next(row for row in table.rows if row.system == name)


def per_1000(table: HeadToHead, name: str, mode: str) -> float | None:
    costs = row(table, name).costs
    assert costs is not None
    return costs.per_1000[mode].amount


def one_off(table: HeadToHead, name: str) -> float | None:
    costs = row(table, name).costs
    assert costs is not None
    return costs.one_off.amount


def recorded(folder: Path) -> Iterator[tuple[list[int], int]]:
    """Tokens of each recorded request's messages and of its answer."""
    count = token_counter("o200k_base").count
    for line in (folder / "teacher.jsonl").read_text(encoding="utf-8").splitlines():
        call = json.loads(line)
        yield [count(message["content"]) for message in call["messages"]], count(call["response"])


def free_machine(document: Document) -> None:
    document["prices"]["machine_per_hour"] = 0
    document["prices"]["human_label"] = 0


def test_the_llms_cost_per_1000_sentences_is_its_tokens_at_each_modes_price(
    small_task: Any, table: Any
) -> None:
    made = table(
        lambda d: (
            free_machine(d),
            d["backends"]["teacher"]["price"].update(
                cache_read=0.5, cache_min_tokens=1, batch_discount=0.4
            ),
        )
    )
    calls = list(recorded(small_task.folder))[:SENTENCES]
    answers = sum(8 * answer for _, answer in calls)
    listed = answers + sum(2 * sum(prompt) for prompt, _ in calls)
    scale = PER_TOKEN * 1000 / SENTENCES
    assert per_1000(made, "llm", "list") == pytest.approx(listed * scale)
    assert per_1000(made, "llm", "batch") == pytest.approx(0.6 * listed * scale)
    # The system message is written to the cache once and read 35 times.
    system = calls[0][0][0]
    assert {prompt[0] for prompt, _ in calls} == {system}
    cached = listed - 35 * system * (2 - 0.5)
    assert per_1000(made, "llm", "cached_prefix") == pytest.approx(cached * scale)
    assert one_off(made, "llm") == 0
    costs = row(made, "llm").costs
    assert costs is not None and costs.mode == "cached_prefix" and costs.cheapest.assumed
    assert costs.seconds_per_1000 is None  # a recording tells no time


def test_a_students_one_off_cost_is_that_of_every_call_behind_it(
    small_task: Any, table: Any
) -> None:
    made = table(free_machine)
    calls = list(recorded(small_task.folder))
    cost = [PER_TOKEN * (2 * sum(prompt) + 8 * answer) for prompt, answer in calls]
    labelled = cost[SENTENCES : SENTENCES + 12]
    generated = cost[2 * SENTENCES : 2 * SENTENCES + 3]
    assert one_off(made, "gold") == 0
    assert one_off(made, "distilled") == pytest.approx(sum(generated))
    assert one_off(made, "mixed") == pytest.approx(sum(labelled) + sum(generated))
    for student in ("gold", "distilled", "mixed"):
        assert per_1000(made, student, "list") == 0


def test_break_even_is_where_both_have_cost_the_same(table: Any) -> None:
    made = table(free_machine)
    saved = per_1000(made, "llm", "list")
    spent = one_off(made, "distilled")
    assert saved and spent
    even = row(made, "distilled").break_even
    assert even is not None and even.kind == "after"
    assert even.volume == pytest.approx(spent / (saved / 1000))
    assert even.assumed  # tokens were counted


def test_human_labels_are_charged_to_every_system_that_saw_them(table: Any) -> None:
    free = table(free_machine)
    priced = table(lambda d: (free_machine(d), d["prices"].update(human_label=0.25)))
    for student in ("gold", "distilled", "mixed"):
        before, after = one_off(free, student), one_off(priced, student)
        assert before is not None
        assert after == pytest.approx(before + FEW_SHOT * 0.25)
    assert one_off(priced, "llm") == 0


def test_labels_without_a_price_make_what_stands_on_them_unknown(table: Any) -> None:
    unpriced = table(lambda d: None)
    assert "Human labels (gold budget) have no price" in " ".join(unpriced.assumptions)
    assert one_off(unpriced, "gold") is None
    assert row(unpriced, "gold").break_even.kind == "unknown"
    assert unpriced.verdict is None or unpriced.verdict.cost == "unknown"
    priced = table(lambda d: d["prices"].update(human_label=0.25))
    assert "Human labels" not in " ".join(priced.assumptions)


def test_the_gold_budget_counts_what_was_trained_on_shown_or_used_as_dev(table: Any) -> None:
    def change(document: Document) -> None:
        document["few_shot"]["dev"] = "k_shot"
        document["systems"] |= {
            "gold+dev": {
                "student": "linear.v1", "train_on": [{"gold": "few_shot"}], "dev": True,
            },
            "all gold": {"student": "linear.v1", "train_on": [{"gold": "train"}]},
            "labelled": {
                "student": "linear.v1",
                "train_on": [document["systems"]["mixed"]["train_on"][0]],
            },
        }  # fmt: skip

    made = table(change)
    assert {r.system: r.gold_budget for r in made.rows if r.kind != "baseline"} == {
        "llm": 0,
        "gold": FEW_SHOT,
        "distilled": FEW_SHOT,  # shown as demonstrations
        "mixed": FEW_SHOT,  # shown and trained on: once
        "gold+dev": 2 * FEW_SHOT,
        "all gold": SENTENCES,
        "labelled": 0,  # real sentences, the LLM's labels
    }


def test_training_rows_are_told_apart_by_where_they_come_from(table: Any) -> None:
    made = table(lambda d: d["systems"]["mixed"]["train_on"].reverse())
    rows = {r.system: r.training_rows for r in made.rows}
    assert (rows["gold"].gold, rows["distilled"].generated) == (FEW_SHOT, 12)
    mixed = rows["mixed"]
    assert (mixed.gold, mixed.generated) == (FEW_SHOT, 12)
    assert 12 - FEW_SHOT <= mixed.labelled <= 12  # a row with two labels counts for the first


def test_the_most_frequent_label_is_that_of_all_human_labels_seen(table: Any) -> None:
    def change(document: Document) -> None:
        document["systems"] = {
            "llm": document["systems"]["llm"],
            "gold": {"student": "linear.v1", "train_on": [{"gold": "train"}]},
        }
        document["candidate"] = "gold"
        del document["few_shot"]

    made = table(change)
    assert row(made, "most_frequent").gold_budget == SENTENCES


def paid(document: Document, price: Any) -> None:
    """A backend that is not a recording, which answers at once and reports no tokens."""
    replies = ['{"relation": "works_for"}'] * SENTENCES
    document["backends"]["teacher"] = {
        "use": "scripted",
        "options": {"model": "some-llm", "replies": replies},
        "price": price,
    }
    document["systems"] = {name: document["systems"][name] for name in ("llm", "gold")}
    document["candidate"] = "gold"


def test_a_local_model_costs_machine_time_whatever_its_tokens(table: Any) -> None:
    made = table(
        lambda d: (paid(d, "machine"), free_machine(d), d["prices"].update(machine_per_hour=3600))
    )
    costs = row(made, "llm").costs
    assert costs is not None and costs.seconds_per_1000
    assert costs.cheapest.amount == pytest.approx(costs.seconds_per_1000)  # a dollar a second
    assert not costs.cheapest.assumed
    even = row(made, "gold").break_even
    assert even is not None and even.kind != "unknown"


@backends.register("slow-for-tests")
class SlowBackend(ScriptedBackend):
    """A local model that says each answer took two seconds."""

    def complete(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        for outcome in super().complete(requests):
            slow = isinstance(outcome, Completion)
            yield dataclasses.replace(outcome, latency_s=2.0) if slow else outcome


def test_a_resumed_stage_keeps_the_seconds_of_the_answers_it_finds(
    small_task: Any, tmp_path: Path
) -> None:
    def slow(replies: int) -> Path:
        def change(document: Document) -> None:
            paid(document, "machine")
            document["backends"]["teacher"]["use"] = "slow-for-tests"
            document["backends"]["teacher"]["options"]["replies"] = ["none"] * replies

        return small_task.changed(change)

    with pytest.raises(BackendError, match="16 of 36 calls"):
        run_experiment(slow(20), folder=tmp_path / "run")
    run_experiment(slow(16), folder=tmp_path / "run")
    costs = row(report_run(tmp_path / "run"), "llm").costs
    assert costs is not None and costs.seconds_per_1000 is not None
    found = 20 * 2.0
    assert found < costs.seconds_per_1000 * SENTENCES / 1000 < found + 16 * 2.0


def test_a_machine_without_a_price_is_unknown_and_not_free(table: Any) -> None:
    made = table(lambda d: (paid(d, "machine"), d["prices"].pop("machine_per_hour")))
    for system in ("llm", "gold"):
        costs = row(made, system).costs
        assert costs is not None and costs.cheapest.amount is None
    assert row(made, "gold").break_even is not None
    assert row(made, "gold").break_even.kind == "unknown"


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("no price", lambda d: d["backends"]["teacher"].pop("price")),
        ("no tokens", lambda d: d["backends"]["teacher"].pop("tokenizer")),
    ],
)
def test_an_unknown_cost_is_unknown_and_the_verdict_says_so(
    what: str, change: Callable[[Document], object], table: Any
) -> None:
    made = table(change)
    costs = row(made, "llm").costs
    assert costs is not None and costs.cheapest.amount is None
    assert one_off(made, "distilled") is None
    even = row(made, "mixed").break_even
    assert even is not None and even.kind == "unknown"
    assert made.verdict is not None
    assert (made.verdict.kind, made.verdict.cost) == ("cost_unknown", "unknown")
    assert "unknown" in made.verdict.sentence


def test_an_assumed_price_is_called_assumed_in_table_and_verdict(table: Any) -> None:
    made = table(
        lambda d: (free_machine(d), d["backends"]["teacher"]["price"].update(assumed=True))
    )
    costs = row(made, "llm").costs
    assert costs is not None and costs.cheapest.assumed
    assert made.verdict is not None and made.verdict.assumed
    assert "assumed" in made.verdict.sentence
    assert any("Prices of teacher are assumed: a list" in note for note in made.assumptions)


def test_a_shared_stage_is_charged_to_each_system_in_full_and_run_once(
    small_task: Any, table: Any, tmp_path: Path
) -> None:
    def twins(document: Document) -> None:
        free_machine(document)
        document["systems"]["twin"] = document["systems"]["distilled"]

    made = table(twins)
    assert one_off(made, "twin") == one_off(made, "distilled")
    stages = [artefact.stage for artefact in RunFolder.open(tmp_path / "run").artefacts]
    assert stages.count("generate") == 1


def test_a_renamed_backend_entry_keeps_its_calls_and_takes_its_new_price(
    small_task: Any, table: Any
) -> None:
    def renamed(document: Document) -> None:
        document["backends"] = {"oracle": document["backends"]["teacher"]}
        document["backends"]["oracle"]["price"].update(input=20, output=80)
        text = json.dumps(document["systems"]).replace('"teacher"', '"oracle"')
        document["systems"] = json.loads(text)

    before, after = per_1000(table(lambda d: None), "llm", "list"), table(renamed)
    assert before is not None
    assert per_1000(after, "llm", "list") == pytest.approx(10 * before)


def snapshot(model: str) -> Callable[[Document], object]:
    return lambda d: d["backends"]["teacher"].update(price="snapshot", price_model=model)


def test_a_snapshots_price_is_kept_in_the_run_with_its_day_and_source(
    table: Any, tmp_path: Path
) -> None:
    made = table(snapshot("gpt-4.1"))
    manifest = tmp_path / "run" / "manifest.json"
    document = json.loads(manifest.read_text(encoding="utf-8"))
    price = document["prices"]["teacher"]
    assert (price["input"], price["output"]) == (2, 8)
    assert any(price["source"] in note and price["date"] in note for note in made.assumptions)
    # Another release of the price list, and a run that was made before it:
    price["input"], price["output"] = 20, 80
    manifest.write_text(json.dumps(document), encoding="utf-8")
    again = per_1000(report_run(tmp_path / "run"), "llm", "list")
    before = per_1000(made, "llm", "list")
    assert before is not None and again == pytest.approx(10 * before)


def test_a_price_in_the_file_goes_before_the_snapshots(table: Any) -> None:
    def change(document: Document) -> None:
        own = document["backends"]["teacher"]["price"]
        document["prices"]["models"] = {"our-model": own}
        snapshot("our-model")(document)

    declared = per_1000(table(lambda d: None), "llm", "list")
    assert per_1000(table(change), "llm", "list") == pytest.approx(declared)


def test_rows_that_stand_in_the_test_set_are_reported(small_task: Any, table: Any) -> None:
    train = small_task.folder / "train.jsonl"
    (copied,) = (small_task.folder / "test.jsonl").read_text(encoding="utf-8").splitlines()[:1]
    lines = train.read_text(encoding="utf-8").splitlines()
    train.write_text("\n".join([copied, *lines]) + "\n", encoding="utf-8")

    def all_gold(document: Document) -> None:
        document["systems"] = {
            "llm": document["systems"]["llm"],
            "gold": {"student": "linear.v1", "train_on": [{"gold": "train"}]},
        }
        document["candidate"] = "gold"

    notes = [n for n in table(all_gold).assumptions if "stand in the test set" in n]
    assert len(notes) == 1 and "exact" in notes[0]
