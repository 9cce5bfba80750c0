import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.pipeline import find_neighbours, nearest_rows


def unit(rows):
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_nearest_comes_first_and_of_equals_the_earlier():
    pool = unit([[1, 0], [0, 1], [1, 1], [0, 1]])
    rows, cosines = nearest_rows(unit([[0, 1]]), pool, 3)
    assert rows.tolist() == [[1, 3, 2]]
    assert np.allclose(cosines, [[1, 1, np.sqrt(0.5)]])


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 9))
def test_the_search_equals_a_stable_sort_of_all_cosines(seed, size, count):
    draw = np.random.default_rng(seed)
    # Few directions: ties are common.
    pool = unit(draw.integers(1, 3, (size, 2)))
    queries = unit(draw.integers(1, 3, (4, 2)))
    rows, _ = nearest_rows(queries, pool, count)
    full = np.argsort(-(queries @ pool.T), axis=1, kind="stable")[:, :count]
    assert rows.tolist() == full.tolist()


def test_an_example_never_sees_itself_nor_its_group(make_example):
    pool = [make_example(id="a"), make_example(id="b", group="g"), make_example(id="c")]
    features = unit([[1, 0], [1, 0.1], [0, 1]])
    queries = [make_example(id="a"), make_example(id="x", group="g")]
    found = find_neighbours(queries, features[:2], pool, features, 2)
    assert [n.example.id for n in found["a"]] == ["b", "c"]
    assert [n.example.id for n in found["x"]] == ["a", "c"]


def test_a_pool_smaller_than_the_count_gives_what_it_has(make_example):
    pool = [make_example(id="a")]
    found = find_neighbours([make_example(id="q")], unit([[1, 0]]), pool, unit([[1, 1]]), 4)
    assert [n.example.id for n in found["q"]] == ["a"]
    alone = find_neighbours([make_example(id="a")], unit([[1, 0]]), pool, unit([[1, 1]]), 4)
    assert alone == {"a": ()}
