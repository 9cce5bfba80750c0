"""Few-shot splits: drawn, or from a file of ids."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.datasets import FewShotPlan, Shortfall, draw_few_shot, few_shot_from_ids
from harness.errors import ConfigError, DataError
from harness.relations import Example, Mention, Relation, Schema

SCHEMA = Schema(name="t", na_label="none", relations=(Relation("a"), Relation("b")))


def _example(id: str, relation: str | None, group: str | None = None) -> Example:
    text = "x y"
    return Example(id, text, Mention.of(text, 0, 1), Mention.of(text, 2, 3), relation, group)


def _pool(**counts: int) -> list[Example]:
    return [
        _example(f"{relation}{index}", relation)
        for index in range(max(counts.values()))
        for relation, count in counts.items()
        if index < count
    ]


def _ids(examples: tuple[Example, ...]) -> list[str]:
    return [example.id for example in examples]


def test_k_examples_of_each_label_are_drawn_in_the_order_of_schema_and_data() -> None:
    pool = _pool(none=30, b=30, a=30)
    split = draw_few_shot(pool, schema=SCHEMA, plan=FewShotPlan(k=4, seed=1))
    assert [e.relation for e in split.train] == ["a"] * 4 + ["b"] * 4 + ["none"] * 4
    numbers = [int(e.id[1:]) for e in split.train[:4]]
    assert numbers == sorted(numbers)
    assert (split.dev, split.shortfalls) == ((), ())


def test_the_na_label_is_drawn_only_where_it_counts() -> None:
    plan = FewShotPlan(k=4, seed=1, count_na=False, dev="k_shot")
    split = draw_few_shot(_pool(none=30, b=30, a=30), schema=SCHEMA, plan=plan)
    assert Counter(e.relation for e in split.train) == {"a": 4, "b": 4}
    assert Counter(e.relation for e in split.dev) == {"a": 4, "b": 4}


@given(seed=st.integers(0, 10**6), k=st.integers(1, 12))
def test_a_label_is_drawn_the_same_whatever_else_is_in_the_pool(seed: int, k: int) -> None:
    plan = FewShotPlan(k=k, seed=seed)
    both = draw_few_shot(_pool(a=20, b=15), schema=SCHEMA, plan=plan).train
    alone = draw_few_shot(_pool(a=20), schema=SCHEMA, plan=plan).train
    shuffled = draw_few_shot(_pool(a=20, b=15)[::-1], schema=SCHEMA, plan=plan).train
    assert [e.id for e in both if e.relation == "a"] == _ids(alone)
    assert set(_ids(shuffled)) == set(_ids(both))


def test_seeds_draw_differently_and_evenly() -> None:
    pool = _pool(a=10)
    times = Counter(
        id
        for seed in range(2000)
        for id in _ids(draw_few_shot(pool, schema=SCHEMA, plan=FewShotPlan(k=1, seed=seed)).train)
    )
    assert len(times) == 10
    assert all(150 < count < 250 for count in times.values())  # 200 expected, sd 13.4


def test_a_smaller_k_is_part_of_a_larger_one() -> None:
    pool = _pool(a=50, b=50)
    small, large = (
        set(_ids(draw_few_shot(pool, schema=SCHEMA, plan=FewShotPlan(k=k, seed=3)).train))
        for k in (8, 16)
    )
    assert small < large


def test_the_draw_of_a_seed_is_pinned() -> None:
    split = draw_few_shot(_pool(a=20, b=20), schema=SCHEMA, plan=FewShotPlan(k=3, seed=1))
    assert _ids(split.train) == ["a1", "a7", "a15", "b4", "b5", "b16"]


def test_a_label_with_too_few_gives_what_there_is_and_says_so() -> None:
    plan = FewShotPlan(k=3, seed=1, dev="k_shot")
    split = draw_few_shot(_pool(a=9, b=1), schema=SCHEMA, plan=plan)
    assert Counter(e.relation for e in split.train) == {"a": 3, "b": 1}
    assert split.shortfalls == (
        Shortfall("b", 3, 1),
        Shortfall("none", 3, 0),
        Shortfall("b", 3, 0, "dev"),
        Shortfall("none", 3, 0, "dev"),
    )
    assert str(split.shortfalls[0]) == "b: 1 of 3 wanted train examples"


@given(
    labels=st.lists(st.sampled_from(["a", "b", "none"]), min_size=1, max_size=40),
    groups=st.lists(st.sampled_from(["g1", "g2", "g3", "g4", None]), min_size=40, max_size=40),
    k=st.integers(1, 5),
    dev=st.sampled_from(["k_shot", "full"]),
)
def test_a_group_never_stands_on_both_sides(
    labels: list[str], groups: list[str | None], k: int, dev: str
) -> None:
    pool = [
        _example(str(i), label, group)
        for i, (label, group) in enumerate(zip(labels, groups, strict=False))
    ]
    plan = FewShotPlan(k=k, seed=1, dev=dev)  # type: ignore[arg-type]
    split = draw_few_shot(pool, schema=SCHEMA, plan=plan)
    assert not {e.group_key for e in split.train} & {e.group_key for e in split.dev}
    assert not set(_ids(split.train)) & set(_ids(split.dev))
    if dev == "full":
        seen = {e.group_key for e in split.train}
        assert _ids(split.dev) == [e.id for e in pool if e.group_key not in seen]


def test_a_pool_with_unlabelled_or_unknown_labels_is_refused() -> None:
    pool = [_example("1", "a"), _example("2", None), _example("3", "aa")]
    with pytest.raises(DataError) as raised:
        draw_few_shot(pool, schema=SCHEMA, plan=FewShotPlan(k=1, seed=1))
    assert [problem.what for problem in raised.value.problems] == [
        "id '2': there is no label",
        "id '3': the label 'aa' is not in the schema",
    ]


def test_a_plan_that_draws_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="k is 0"):
        FewShotPlan(k=0, seed=1)


# -- files of ids --------------------------------------------------------------------------


def _file(tmp_path: Path, value: object) -> Path:
    file = tmp_path / "ids.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    return file


def test_ids_give_their_examples_in_the_order_of_the_file(tmp_path: Path) -> None:
    pool = [_example(str(n), "b" if n % 2 else "a") for n in range(10)]
    file = _file(tmp_path, {"k2-seed1": [7, 2, "5"]})
    split = few_shot_from_ids(pool, file=file, key="k2-seed1", k=2)
    assert _ids(split.train) == ["7", "2", "5"]
    assert split.shortfalls == (Shortfall("a", 2, 1),)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([1, 2], "not an object from key to ids"),
        ({"k2-seed2": [1]}, "there is no key 'k2-seed1' .did you mean 'k2-seed2'?"),
        ({"k2-seed1": [1, 12]}, "item 2: no example has the id '12' .*the nearest is 9"),
        ({"k2-seed1": [1, 1]}, "the id '1' stands twice"),
        ({"k2-seed1": [1.5]}, "1.5 is not an id"),
        ({"k2-seed1": []}, "not a list of ids"),
    ],
)
def test_a_file_of_ids_that_does_not_fit_is_refused(
    value: object, told: str, tmp_path: Path
) -> None:
    pool = [_example(str(n), "a") for n in range(10)]
    with pytest.raises(DataError, match=told):
        few_shot_from_ids(pool, file=_file(tmp_path, value), key="k2-seed1")
