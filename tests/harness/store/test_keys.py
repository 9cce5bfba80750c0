"""Keys of calls and artefacts: one form per value, and everything that was asked counts."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.costs import ModelPrice
from harness.protocols import Constraint, Message, ModelIdentity, Request, Sampling
from harness.store import canonical_json, content_hash, file_hash, request_json, request_key

MODEL = ModelIdentity("some-model")
REQUEST = Request((Message("system", "Be brief."), Message("user", "Häagen?")))

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Lone surrogates too: models write them as JSON escapes.
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values)
def test_canonical_json_is_ascii_and_reads_back_as_an_equal_value(value: object) -> None:
    text = canonical_json(value)
    assert text.isascii()
    assert json.loads(text) == value


@given(json_values)
def test_canonical_json_of_what_it_wrote_is_the_same_text(value: object) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_change_a_hash(value: dict[str, int]) -> None:
    assert content_hash(value) == content_hash(dict(reversed(value.items())))


def test_whole_floats_read_as_integers_and_other_floats_keep_their_digits() -> None:
    assert canonical_json([1.0, -0.0, 0.1, 1e300]) == "[1,0,0.1,1e+300]"


def test_true_is_not_one() -> None:
    assert content_hash(True) != content_hash(1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_without_a_json_form_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="no JSON form"):
        content_hash([value])


@pytest.mark.parametrize("value", [object(), b"bytes", {1: "a"}, {"a": {None: 1}}, int])
def test_values_without_one_json_form_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        content_hash(value)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    names: frozenset[str]


def test_dataclasses_enumerations_sets_paths_models_and_numpy_numbers_have_a_form() -> None:
    price = ModelPrice(input=1, output=2.5, date=date(2026, 1, 2), source="x")
    assert canonical_json(Point(2.0, frozenset({"b", "a"}))) == '{"names":["a","b"],"x":2}'
    assert canonical_json([Colour.RED, PurePosixPath("a/b"), np.float64(0.5), np.int64(3)]) == (
        '["red","a/b",0.5,3]'
    )
    assert json.loads(canonical_json(price))["date"] == "2026-01-02"


def test_the_key_of_a_request_does_not_change_between_versions() -> None:
    assert request_key(MODEL, REQUEST) == GOLDEN_KEY


GOLDEN_KEY = "f2ad9c08d86cafa119abf650158c92734879c41a74682bb008d7a0c746725803"


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, repeat=1),
        replace(REQUEST, messages=REQUEST.messages[::-1]),
        replace(REQUEST, messages=REQUEST.messages[1:]),
        replace(REQUEST, messages=(*REQUEST.messages[:1], Message("user", "Häagen? "))),
        replace(REQUEST, messages=(Message("user", "Be brief."), REQUEST.messages[1])),
        replace(REQUEST, sampling=Sampling(temperature=0.0)),
        replace(REQUEST, sampling=Sampling(top_k=0)),
        replace(REQUEST, sampling=Sampling(stop=("\n",))),
        replace(REQUEST, sampling=Sampling(log_probabilities=True)),
        replace(REQUEST, labels=("a", "b")),
        replace(REQUEST, constraint=Constraint("grammar", "root ::= x")),
        replace(REQUEST, constraint=Constraint("json_schema", "root ::= x")),
    ],
)
def test_everything_that_is_asked_changes_the_key(request_: Request) -> None:
    assert request_key(MODEL, request_) != request_key(MODEL, REQUEST)


def test_the_models_name_and_weights_change_the_key() -> None:
    keys = {
        request_key(model, REQUEST)
        for model in (MODEL, ModelIdentity("other"), ModelIdentity("some-model", "abc"))
    }
    assert len(keys) == 3


def test_a_temperature_of_zero_is_the_same_as_integer_and_as_float() -> None:
    whole, broken = (replace(REQUEST, sampling=Sampling(temperature=t)) for t in (0, 0.0))
    assert request_key(MODEL, whole) == request_key(MODEL, broken)


def test_parameters_left_to_the_backend_do_not_stand_in_the_stored_request() -> None:
    stored = json.loads(request_json(replace(REQUEST, sampling=Sampling(max_tokens=64))))
    assert stored == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Häagen?"},
        ],
        "sampling": {"max_tokens": 64},
        "constraint": None,
        "repeat": 0,
    }


def test_a_files_hash_is_that_of_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    # The example of FIPS 180-2, appendix B.1.
    assert file_hash(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
