"""Schemas are YAML files; what is wrong with one is told all at once, with its lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.relations import (
    Markers,
    PromptWords,
    Relation,
    Schema,
    builtin_schemas,
    load_schema,
    save_schema,
)


def _problems(folder: Path, text: str) -> list[tuple[int | None, str]]:
    file = folder / "schema.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_schema(file)
    assert all(problem.file == file for problem in caught.value.problems)
    assert str(file) in str(caught.value)
    return [(problem.line, problem.what) for problem in caught.value.problems]


@pytest.mark.parametrize("name", builtin_schemas())
def test_a_builtin_schema_saved_and_loaded_again_is_equal(name: str, tmp_path: Path) -> None:
    schema = load_schema(name)
    assert schema.name == name
    save_schema(schema, tmp_path / "schema.yaml")
    assert load_schema(tmp_path / "schema.yaml") == schema


words = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
names = words.map(str.strip).filter(bool)
pairs = st.none() | st.tuples(names, names)
relations = st.builds(
    Relation,
    name=names,
    description=words,
    arguments=pairs,
    head_types=st.lists(names, max_size=2).map(tuple),
    tail_types=st.lists(names, max_size=2).map(tuple),
    example_pair=pairs,
)
schemas = st.builds(
    Schema,
    name=names,
    na_label=names.map(lambda name: f"{name} (NA)"),
    relations=st.lists(relations, min_size=1, max_size=3, unique_by=lambda r: r.name).map(tuple),
    directed=st.just(False),
    title=words,
    na_description=words,
    markers=st.just(Markers("subject", "object")),
    prompt=st.builds(
        PromptWords,
        noun=words,
        marker_note=words,
        direction_note=words,
        sample_format=words,
        na_request=words,
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schemas)
def test_any_schema_saved_and_loaded_again_is_equal(tmp_path: Path, schema: Schema) -> None:
    save_schema(schema, tmp_path / "schema.yaml")
    assert load_schema(tmp_path / "schema.yaml") == schema


def test_labels_that_look_like_yaml_booleans_or_numbers_stay_text_when_saved(
    tmp_path: Path,
) -> None:
    schema = Schema(name="1", na_label="no", relations=(Relation("yes"), Relation("2.0")))
    save_schema(schema, tmp_path / "schema.yaml")
    assert load_schema(tmp_path / "schema.yaml").label_names == ("yes", "2.0", "no")


def test_a_schema_without_a_declared_na_label_is_refused_though_a_name_suggests_one(
    tmp_path: Path,
) -> None:
    text = "name: s\nrelations:\n  no_relation: {}\n  founded_by: {}\n"
    assert _problems(tmp_path, text) == [(1, "na_label: is missing")]


def test_an_unquoted_no_as_na_label_is_an_error_and_not_a_guess(tmp_path: Path) -> None:
    text = "name: s\nna_label: no\nrelations:\n  founded_by: {}\n"
    assert _problems(tmp_path, text) == [(2, "na_label: Input should be a valid string")]


def test_all_problems_of_a_schema_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    text = (
        "name: ''\n"
        "na_lable: Other\n"
        "directed: perhaps\n"
        "relations:\n"
        "  founded_by:\n"
        "    head_type: [ORG]\n"
        "  born_in:\n"
        "    arguments: [one]\n"
    )
    found = _problems(tmp_path, text)
    assert {(line, what.split(":")[0]) for line, what in found} == {
        (1, "name"),
        (1, "na_label"),
        (2, "na_lable"),
        (3, "directed"),
        (6, "relations.founded_by.head_type"),
        (8, "relations.born_in.arguments.1"),
    }


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("name: s\nna_label: a\nrelations:\n  a: {}\n", 1, "stands among the relations as well"),
        ("name: s\nna_label: a\nrelations:\n  b: {}\n  b: {}\n", 5, "the key 'b' stands twice"),
        ("name: s\nname: t\nna_label: a\nrelations:\n  b: {}\n", 2, "the key 'name' stands twice"),
        ("name: s\nna_label: a\nrelations: {}\n", 3, "at least 1 item"),
        ("name: s\nna_label: a\nrelations:\n  ' b': {}\n", 1, "outer white space"),
        (
            "name: s\nna_label: a\ndirected: true\nrelations:\n  b: {}\n",
            1,
            "a directed schema names both arguments of each relation; missing for: b",
        ),
        (
            "name: s\nna_label: a\nmarkers: {head: x, tail: x}\nrelations:\n  b: {}\n",
            3,
            "head and tail need different markers",
        ),
        (
            "name: s\nna_label: a\nmarkers: {head: '<x>'}\nrelations:\n  b: {}\n",
            3,
            "String should match pattern",
        ),
    ],
)
def test_a_broken_schema_says_where_and_what(
    text: str, line: int, what: str, tmp_path: Path
) -> None:
    [(found_line, found)] = _problems(tmp_path, text)
    assert found_line == line
    assert what in found


def test_a_schema_that_is_neither_builtin_nor_a_file_names_the_builtin_ones() -> None:
    with pytest.raises(ConfigError, match="semeval-2010-task-8"):
        load_schema("semeval")


def test_a_schema_file_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: the file does not exist"):
        load_schema(tmp_path / "absent.yaml")


def test_a_file_named_like_a_builtin_schema_loads_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "newsroom-demo"
    file.write_text("name: mine\nna_label: NA\nrelations:\n  a: {}\n", encoding="utf-8")
    assert load_schema(file).name == "mine"
