"""What every neural student must do, on a tiny random encoder."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ArtefactError, ConfigError, DataError
from harness.relations import Example, Mention
from harness.students import load_student, make_student

pytest.importorskip("torch")

FINE_TUNED = ("entity_marker.v1", "knowprompt.v1", "retrieval_re.v1")
NEURAL = (*FINE_TUNED, "frozen_encoder.v1")
ALL = (*NEURAL, "linear.v1")


@pytest.fixture
def make(semeval_schema, tiny_backbone):
    def build(name, **options):
        settings = {"backbone": str(tiny_backbone)} if name in NEURAL else {}
        if name in FINE_TUNED:
            settings |= {"epochs": 1, "min_steps": 3, "precision": "fp32"}
        return make_student(name, schema=semeval_schema, options=settings | options)

    return build


@pytest.fixture(scope="module")
def fitted(semeval_schema, tiny_backbone, cause_rows):
    """Each student once, trained until it knows the rows' three labels."""
    trained = {}
    for name in NEURAL:
        options = {"backbone": str(tiny_backbone)}
        if name in FINE_TUNED:
            options |= {"min_steps": 300, "learning_rate": 3e-3, "precision": "fp32"}
        trained[name] = make_student(name, schema=semeval_schema, options=options)
        trained[name].fit(examples=cause_rows(90), seed=1)
    return trained


@pytest.fixture
def saved(fitted, tmp_path):
    def save(name) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        fitted[name].save(folder=folder)
        return folder

    return save


@pytest.mark.parametrize("name", NEURAL)
def test_a_student_learns_direction_and_loads_as_it_was_saved(fitted, saved, cause_rows, name):
    rows = cause_rows(60, seed=9)
    shares = fitted[name].predict_proba(examples=rows)
    right = sum(
        fitted[name].labels[i] == row.relation
        for i, row in zip(shares.argmax(axis=1), rows, strict=True)
    )
    assert right >= (48 if name == "frozen_encoder.v1" else 54)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    folder = saved(name)
    np.testing.assert_array_equal(load_student(folder).predict_proba(examples=rows), shares)
    assert {file.suffix for file in folder.iterdir()} <= {".json", ".safetensors", ".yaml"}
    said = json.loads((folder / "student.json").read_text())["fitted"]["probabilities"]
    assert said["calibrated"] is False


@pytest.mark.parametrize("name", NEURAL)
def test_the_same_seed_gives_the_same_student(make, cause_rows, tmp_path, name):
    contents = []
    for part in ("a", "b"):
        student = make(name)
        student.fit(examples=cause_rows(20), seed=1)
        (tmp_path / part).mkdir()
        student.save(folder=tmp_path / part)
        contents.append({f.name: f.read_bytes() for f in (tmp_path / part).iterdir()})
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", NEURAL)
def test_odd_rows_get_probabilities_whatever_they_come_with(fitted, name):
    odd = [
        ("cup" + " far" * 400 + " tea", (0, 3), (1604, 1607)),
        ("a" * 500, (0, 200), (200, 500)),
        ("   ", (0, 1), (1, 3)),
        ("unwar", (0, 3), (2, 5)),
        ("[SEP] [MASK] [CLS]", (0, 5), (6, 12)),
    ]
    rows = [
        Example(str(i), text, Mention.of(text, *head), Mention.of(text, *tail))
        for i, (text, head, tail) in enumerate(odd)
    ]
    together = fitted[name].predict_proba(examples=rows)
    alone = np.concatenate([fitted[name].predict_proba(examples=[row]) for row in rows])
    assert np.isfinite(together).all()
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert fitted[name].predict_proba(examples=[]).shape == (0, len(fitted[name].labels))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("knowprompt.v1", "classifier.safetensors"),
        ("retrieval_re.v1", "datastore.safetensors"),
        ("frozen_encoder.v1", "head.safetensors"),
    ],
)
@pytest.mark.parametrize("content", [None, b"{}"])
def test_a_broken_part_is_refused_with_a_hint(saved, name, file, content):
    folder = saved(name)
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(ArtefactError) as caught:
        load_student(folder)
    assert caught.value.hint


def test_a_datastore_of_another_student_is_refused(saved):
    from safetensors.numpy import load_file, save_file

    folder = saved("retrieval_re.v1")
    arrays = load_file(folder / "datastore.safetensors")
    save_file({**arrays, "labels": arrays["labels"] + 99}, folder / "datastore.safetensors")
    with pytest.raises(ArtefactError, match="does not fit"):
        load_student(folder)


@pytest.mark.parametrize("name", ALL)
def test_switches_on_probabilities_are_declared_and_noted(make, cause_rows, tmp_path, name):
    rows, dev = cause_rows(21), cause_rows(12, seed=5)
    student = make(name, class_weights="balanced", label_prior="equal", temperature_scaling=True)
    report = student.fit(examples=rows, seed=1, dev=dev)
    assert any("from 12 dev rows" in note for note in report.notes)
    assert any("label frequencies" in note for note in report.notes)
    student.save(folder=tmp_path)
    said = json.loads((tmp_path / "student.json").read_text())["fitted"]["probabilities"]
    assert said["calibrated"] is True
    np.testing.assert_array_equal(
        load_student(tmp_path).predict_proba(examples=dev), student.predict_proba(examples=dev)
    )
    plain = make(name).fit(examples=rows, seed=1)
    assert "probabilities are not calibrated" in plain.notes


@pytest.mark.parametrize("name", ALL)
def test_a_prior_for_an_unknown_label_is_refused(make, name):
    with pytest.raises(ConfigError, match="'Wrong' is not a label"):
        make(name, label_prior={"Wrong": 1.0})
    with pytest.raises(ConfigError, match="not all 0"):
        make(name, label_prior={"Other": 0.0})


@pytest.mark.parametrize("pooling", ["start_markers", "joined", "mean_span"])
@pytest.mark.parametrize("marker", ["mask", "typed_mask"])
def test_entity_masks_hide_the_mentions(make, cause_rows, tmp_path, pooling, marker):
    rows = [
        replace(row, head=replace(row.head, type="PER"), tail=replace(row.tail, type="ORG"))
        for row in cause_rows(9)
    ]
    student = make("entity_marker.v1", marker=marker, pooling=pooling, hidden_layer=True)
    student.fit(examples=rows, seed=1)
    text = rows[0].text
    head, tail = rows[0].head, rows[0].tail
    other = text[: head.start] + "x" * (head.end - head.start) + text[head.end :]
    hidden = replace(rows[0], text=other, head=Mention.of(other, head.start, head.end, type="PER"))
    hidden = replace(hidden, tail=Mention.of(other, tail.start, tail.end, type="ORG"))
    shares = student.predict_proba(examples=[rows[0], hidden])
    np.testing.assert_allclose(shares[0], shares[1], atol=1e-6)
    student.save(folder=tmp_path)
    np.testing.assert_array_equal(
        load_student(tmp_path).predict_proba(examples=rows), student.predict_proba(examples=rows)
    )


def test_training_switches_keep_a_student_reproducible(make, cause_rows):
    rows = cause_rows(20)
    shares = []
    for _ in range(2):
        student = make("entity_marker.v1", r_drop=1.0, average=0.9, label_smoothing=0.1)
        student.fit(examples=rows, seed=1)
        shares.append(student.predict_proba(examples=rows))
    np.testing.assert_array_equal(*shares)
    plain = make("entity_marker.v1")
    plain.fit(examples=rows, seed=1)
    assert not np.allclose(plain.predict_proba(examples=rows), shares[0], atol=1e-6)


@pytest.mark.parametrize("name", FINE_TUNED)
def test_every_fine_tuned_student_takes_the_pretraining(make, cause_rows, name):
    report = make(name, pretrain={"templates": True, "epochs": 1}).fit(
        examples=cause_rows(9), seed=1
    )
    assert "TKRE stage 1: 9 explanations, 9 of them by template, 1 steps" in report.notes
    assert "TKRE stage 2: 9 rows, 1 steps, begun from stage 1" in report.notes


def test_pretraining_reads_recorded_explanations_and_says_what_it_did(make, cause_rows, tmp_path):
    rows = cause_rows(6)
    file = tmp_path / "explanations.jsonl"
    lines = [
        {"example_id": "r0", "explanation": f"{rows[0].head.surface} made {rows[0].tail.surface}."},
        {"example_id": "r1", "response": "An answer as recorded.", "messages": []},
        {"example_id": "elsewhere", "explanation": "Of a row that is not trained on."},
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n")
    pretrain = {"explanations": str(file), "epochs": 1, "restart": True}
    student = make("entity_marker.v1", pretrain=pretrain)
    report = student.fit(examples=rows, seed=1)
    (tmp_path / "saved").mkdir()
    student.save(folder=tmp_path / "saved")
    assert str(tmp_path) not in (tmp_path / "saved" / "student.json").read_text()
    file.unlink()  # a saved student needs it no more
    assert load_student(tmp_path / "saved").labels == student.labels
    assert "TKRE stage 1: 2 explanations, 1 steps" in report.notes
    assert "TKRE stage 2: 6 rows, 1 steps, begun from the backbone" in report.notes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"example_id": "zz", "explanation": "x"}\n', "explains none of the 3 training rows"),
        ('{"example_id": "r0"}\n', "this is no explanation"),
        ("[1\n", "this is no explanation"),
    ],
)
def test_explanations_that_do_not_fit_are_refused(make, cause_rows, tmp_path, content, message):
    file = tmp_path / "explanations.jsonl"
    file.write_text(content)
    student = make("entity_marker.v1", pretrain={"explanations": str(file)})
    with pytest.raises(DataError, match=message):
        student.fit(examples=cause_rows(3), seed=1)


def test_a_pretraining_without_anything_to_read_is_refused(make):
    with pytest.raises(ConfigError, match="templates"):
        make("entity_marker.v1", pretrain={"contrast": False})
    with pytest.raises(ConfigError, match="restart"):
        make("entity_marker.v1", pretrain={"templates": True, "contrast": False, "restart": True})


def test_a_checkpoints_own_masked_lm_head_is_used(
    tiny_backbone, tmp_path, semeval_schema, cause_rows
):
    import torch
    import transformers

    folder = Path(shutil.copytree(tiny_backbone, tmp_path / "masked-lm"))
    config = transformers.BertConfig.from_pretrained(folder)
    torch.manual_seed(0)
    whole = transformers.BertForMaskedLM(config).eval()
    whole.save_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    from harness.students._loaded import load_backbone

    backbone = load_backbone(str(folder))
    head = backbone.masked_lm()
    assert not head.new
    assert not backbone.notes
    inputs = tokenizer("the cup [MASK]", return_tensors="pt")
    with torch.inference_mode():
        states = backbone.encoder(**inputs).last_hidden_state
        table = backbone.encoder.get_input_embeddings().weight
        torch.testing.assert_close(head(states, table), whole(**inputs).logits)

    student = make_student(
        "knowprompt", schema=semeval_schema, options={"backbone": str(folder), "min_steps": 2}
    )
    report = student.fit(examples=cause_rows(6), seed=1)
    assert not any("masked-LM head" in note for note in report.notes)
    (tmp_path / "saved").mkdir()
    student.save(folder=tmp_path / "saved")
    np.testing.assert_array_equal(
        load_student(tmp_path / "saved").predict_proba(examples=cause_rows(6)),
        student.predict_proba(examples=cause_rows(6)),
    )


def test_a_backbone_without_a_masked_lm_head_says_so(make, cause_rows):
    report = make("knowprompt.v1").fit(examples=cause_rows(3), seed=1)
    assert any("the checkpoint has none" in note for note in report.notes)


def test_knowprompt_begins_from_label_words_and_moves_only_what_is_new(make, cause_rows):
    student = make("knowprompt.v1", init_answers=False, init_types=False, constraint_weight=0.0)
    assert student.fit(examples=cause_rows(6), seed=1).steps == 3


@pytest.mark.parametrize("head", ["linear", "mlp", "knn"])
@pytest.mark.parametrize("labels", [1, 2, 3])
def test_every_frozen_head_gives_probabilities_of_all_labels(
    make, cause_rows, tmp_path, head, labels
):
    rows = [row for i, row in enumerate(cause_rows(30)) if i % 3 < labels]
    student = make("frozen_encoder.v1", head=head)
    student.fit(examples=rows, seed=1)
    shares = student.predict_proba(examples=rows)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (shares > 0).any(axis=0).sum() <= labels
    best = [student.labels[i] for i in shares.argmax(axis=1)]
    assert sum(b == r.relation for b, r in zip(best, rows, strict=True)) > len(rows) * 0.6
    student.save(folder=tmp_path)
    np.testing.assert_array_equal(load_student(tmp_path).predict_proba(examples=rows), shares)


def test_retrieval_re_on_a_trained_knowprompt_is_the_one_that_trains_itself(
    make, cause_rows, tmp_path
):
    rows, other = cause_rows(20), cause_rows(10, seed=4)
    alone = make("retrieval_re.v1", neighbours=3, label_prior="equal")
    alone.fit(examples=rows, seed=2)
    name, options = type(alone).base(options=alone._options)
    base = make_student(name, schema=alone.schema, options=options.model_dump(exclude_unset=True))
    base.fit(examples=rows, seed=2)
    base.save(folder=tmp_path)
    standing = make("retrieval_re.v1", neighbours=3, label_prior="equal")
    report = standing.fit_on(base=tmp_path, examples=rows)
    assert report.examples == 20
    assert any("stands on a trained knowprompt.v1" in note for note in report.notes)
    np.testing.assert_allclose(
        standing.predict_proba(examples=other), alone.predict_proba(examples=other), atol=1e-6
    )


def test_retrieval_re_stands_on_no_other_student(make, cause_rows, tmp_path):
    marker = make("entity_marker.v1")
    marker.fit(examples=cause_rows(6), seed=1)
    marker.save(folder=tmp_path)
    with pytest.raises(ArtefactError, match=r"holds a entity_marker\.v1"):
        make("retrieval_re.v1").fit_on(base=tmp_path, examples=cause_rows(6))
