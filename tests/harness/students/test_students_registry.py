"""The registry of students, and what a saved folder must hold."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.documents import fingerprint
from harness.errors import ArtefactError, ConfigError
from harness.protocols import Student
from harness.students import load_student, make_student, students

ALL = (
    "entity_marker.v1",
    "frozen_encoder.v1",
    "knowprompt.v1",
    "linear.v1",
    "retrieval_re.v1",
)


def test_students_are_known_by_versioned_names():
    assert set(ALL) <= set(students.names())
    assert students.resolve("linear") == "linear.v1"


@pytest.mark.parametrize("name", ALL)
def test_every_student_describes_itself_and_fits_the_protocol(name, semeval_schema):
    cls = students.get(name)
    assert cls.name == name
    assert cls.summary
    assert cls.source
    if name != "linear.v1":
        pytest.importorskip("torch")
        pytest.importorskip("transformers")
    student = make_student(name, schema=semeval_schema, options={})
    assert isinstance(student, Student)
    assert student.labels == semeval_schema.label_names


@pytest.mark.parametrize("name", ALL)
def test_listing_students_loads_nothing_heavy(name):
    code = (
        "import sys; from harness.students import students; students.names();"
        f" students.get({name!r}).summary;"
        "heavy = {'torch', 'sklearn', 'transformers', 'scipy', 'safetensors'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_options_that_came_later_do_not_move_the_key_of_what_was_trained_before():
    options = students.get("entity_marker.v1").Options
    assert fingerprint(options()) == {}
    assert fingerprint(options(r_drop=0.5)) == {"r_drop": 0.5}


def test_wrong_options_are_told_all_at_once(semeval_schema):
    with pytest.raises(ConfigError) as caught:
        make_student(
            "linear.v1", schema=semeval_schema, options={"inverse_penalty": -1, "colour": "red"}
        )
    assert len(caught.value.problems) == 2
    assert "colour" in str(caught.value)


def test_a_misspelt_student_is_told_the_near_name(semeval_schema):
    with pytest.raises(ConfigError, match=r"did you mean 'linear\.v1'"):
        make_student("linaer.v1", schema=semeval_schema, options={})


@pytest.fixture(scope="module")
def saved(semeval_schema, cause_rows, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("linear")
    student = make_student("linear", schema=semeval_schema, options={})
    student.fit(examples=cause_rows(12), seed=1)
    student.save(folder=folder)
    return folder


@pytest.fixture
def copied(saved, tmp_path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def test_a_folder_without_a_student_is_refused(tmp_path):
    with pytest.raises(ArtefactError, match=r"no student\.json"):
        load_student(tmp_path)
    with pytest.raises(ArtefactError, match="no saved student"):
        load_student(tmp_path / "absent")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"student": "oracle.v1"}, "oracle"),
        ({"labels": ["a", "b"]}, "labels"),
        ({"options": {"colour": "red"}}, "colour"),
        ({"surprise": 1}, "surprise"),
        ({"fitted": {}}, "cannot be read"),
    ],
)
def test_a_broken_description_is_refused_with_a_hint(copied, change, message):
    file = copied / "student.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ArtefactError, match=message) as caught:
        load_student(copied)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["student.json", "schema.yaml", "cues.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"[1, 2", b"\xff\xfe\x00"])
def test_an_absent_or_cut_file_is_refused_with_a_hint(copied, name, content):
    (copied / name).unlink()
    if content is not None:
        (copied / name).write_bytes(content)
    with pytest.raises(ArtefactError) as caught:
        load_student(copied)
    assert caught.value.hint


def test_weights_of_another_shape_are_refused(copied):
    from safetensors.numpy import load_file, save_file

    arrays = load_file(copied / "model.safetensors")
    arrays["weights"] = np.ascontiguousarray(arrays["weights"][:, 1:])
    save_file(arrays, copied / "model.safetensors")
    with pytest.raises(ArtefactError, match="do not fit"):
        load_student(copied)
