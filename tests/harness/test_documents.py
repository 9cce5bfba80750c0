"""YAML documents: lines, and broken, hostile or absent files that give one clear error."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.documents import FileModel, fingerprint, line_of, load_document, read_yaml
from harness.errors import ConfigError


class _Row(FileModel):
    name: str
    size: int = 0


class _Table(FileModel):
    title: str
    rows: tuple[_Row, ...] = ()
    notes: dict[str, str] | None = None


def _file(folder: Path, content: str | bytes) -> Path:
    file = folder / "table.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def _problems(file: Path) -> list[tuple[int | None, str]]:
    with pytest.raises(ConfigError) as caught:
        load_document(file, _Table)
    assert {problem.file for problem in caught.value.problems} == {file}
    return [(problem.line, problem.what) for problem in caught.value.problems]


def test_a_valid_document_becomes_its_model(tmp_path: Path) -> None:
    file = _file(tmp_path, "title: Süd\nrows:\n- {name: a, size: 2}\n- name: b\n")
    assert load_document(file, _Table) == _Table(
        title="Süd", rows=(_Row(name="a", size=2), _Row(name="b"))
    )


def test_every_problem_has_the_line_of_its_key_or_item(tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        "# a comment\ntitle: x\nrows:\n  - name: a\n    size: many\n  - size: 1\n"
        "  - {name: c, colour: red}\nnotes:\n  first: [1]\nextra: 1\n",
    )
    assert sorted((line, what.split(":")[0]) for line, what in _problems(file)) == [
        (5, "rows.0.size"),
        (6, "rows.1.name"),
        (7, "rows.2.colour"),
        (9, "notes.first"),
        (10, "extra"),
    ]


def test_a_location_that_is_not_in_the_file_has_the_line_of_its_nearest_parent(
    tmp_path: Path,
) -> None:
    document = read_yaml(_file(tmp_path, "title: x\nrows:\n  - name: a\n"))
    assert line_of(document, ("rows", 0, "name")) == 3
    assert line_of(document, ("rows", 0, "size", "deep")) == 3
    assert line_of(document, ("absent",)) == 1


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ("title: x\ntitle: y\n", 2, "the key 'title' stands twice"),
        ("title: x\nrows:\n- name: a\n  name: b\n", 4, "the key 'name' stands twice"),
        ("title: [1, 2\nrows: 3\n", 2, "not valid YAML"),
        ("title: x\n\trows: []\n", 2, "not valid YAML"),
        ("title: *nowhere\n", 1, "undefined alias"),
        ("title: !!python/object/apply:os.system ['true']\n", 1, "could not determine"),
        ("title: x\n---\ntitle: y\n", 2, "not valid YAML"),
        ("? [1, 2]\n: 3\n", 1, "unhashable"),
        ("title: 2020-13-45\n", None, "not valid YAML"),
        ("title: x\n# \x01\n", 2, "special characters are not allowed"),
        ("- a\n- b\n", 1, "must hold a mapping"),
        ("just text\n", 1, "must hold a mapping"),
        ("", 1, "must hold a mapping"),
        (b"title: \xff\xfe\n", None, "not UTF-8 text"),
        ("title: x\n".encode("utf-16"), None, "not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_gives_one_problem(
    content: str | bytes, line: int | None, what: str, tmp_path: Path
) -> None:
    [(found_line, found)] = _problems(_file(tmp_path, content))
    assert what in found
    assert found_line == line


def test_an_absent_file_a_folder_and_an_unreadable_path_each_say_what_they_are(
    tmp_path: Path,
) -> None:
    assert _problems(tmp_path / "absent.yaml") == [(None, "the file does not exist")]
    assert _problems(tmp_path) == [(None, "this is a folder, not a file")]
    below = _file(tmp_path, "title: x\n") / "below.yaml"
    assert _problems(below) == [(None, "cannot be read: Not a directory")]


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert load_document(_file(tmp_path, "\ufefftitle: x\n"), _Table).title == "x"


def test_windows_line_ends_do_not_shift_line_numbers(tmp_path: Path) -> None:
    assert _problems(_file(tmp_path, "title: x\r\nrows: []\r\nextra: 1\r\n"))[0][0] == 3


def test_an_alias_is_read_and_has_the_line_of_its_place_or_its_parent(tmp_path: Path) -> None:
    file = _file(tmp_path, "title: x\nrows:\n- &a {name: a}\n- *a\n")
    assert load_document(file, _Table).rows == (_Row(name="a"), _Row(name="a"))


def test_a_merge_key_may_repeat_a_key_that_it_overrides(tmp_path: Path) -> None:
    file = _file(tmp_path, "title: x\nrows:\n- &a {name: a, size: 3}\n- {<<: *a, name: b}\n")
    assert load_document(file, _Table).rows[1] == _Row(name="b", size=3)


def test_merged_keys_may_be_overridden_at_any_depth(tmp_path: Path) -> None:
    text = "x: {y: {z: &b {<<: &a {k: 1}, k: 2}}}\nw: {<<: *b, k: 3}\n"
    assert read_yaml(_file(tmp_path, text)).value == {"x": {"y": {"z": {"k": 2}}}, "w": {"k": 3}}


HOSTILE = {
    "a list that holds itself": "title: x\nrows: &a [*a]\n",
    "a mapping that holds itself": "title: x\nnotes: &a {b: *a}\n",
    "a document that holds itself": "&a\ntitle: *a\n",
    "a billion laughs": "a0: &a0 [x, x]\n"
    + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    + "title: *a11\n",
    "deep nesting": "title: " + "[" * 100_000 + "]" * 100_000 + "\n",
    "deep mappings": "title: " + "{a: " * 100_000 + "1" + "}" * 100_000 + "\n",
    "deep lists by dashes": "- " * 20_000 + "\n",
    "deep keys": "? " * 20_000 + "\n",
    "an endless number": "title: " + "9" * 10_000 + "\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_document_is_refused_within_two_seconds_of_computing(
    kind: str, tmp_path: Path
) -> None:
    file = _file(tmp_path, HOSTILE[kind])
    before = time.process_time()
    problems = _problems(file)
    assert time.process_time() - before < 2
    assert problems
    assert all(len(what) < 500 for _, what in problems)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(
        alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@`?,.~<= \n\t01\u00e9\x85\u2028"), max_size=30
    )
)
def test_any_text_is_read_or_gives_a_configuration_error(tmp_path: Path, text: str) -> None:
    file = _file(tmp_path, text)
    try:
        read_yaml(file)
    except ConfigError as error:
        assert error.problems[0].file == file


def test_an_option_that_is_at_its_default_is_not_in_the_fingerprint() -> None:
    assert fingerprint(_Row(name="a")) == fingerprint(_Row(name="a", size=0)) == {"name": "a"}
    assert fingerprint(_Row(name="a", size=1)) == {"name": "a", "size": 1}
    assert fingerprint(_Table(title="t", rows=(_Row(name="a"),))) == {
        "title": "t",
        "rows": [{"name": "a"}],
    }
