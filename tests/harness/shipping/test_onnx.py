"""The same predictions from a student, its weights, its graph, a fresh process and a server."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from harness.errors import ArtefactError
from harness.protocols import Exportable
from harness.shipping import StudentSystem, load_system
from harness.students import (
    load_exported,
    load_student,
    make_student,
    quantise_graph,
    students,
)

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def tiny_backbone(folder, kind):
    """A random encoder of a few hundred weights with a word-level tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

    words = "[PAD] [UNK] [CLS] [SEP] [MASK] @ # * ^ . Ada works for Acme the tea cup held hot a"
    words = words.split()
    core = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, "[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]",
    ).save_pretrained(folder)  # fmt: skip
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
             "intermediate_size": 32}  # fmt: skip
    if kind == "distilbert":
        sizes = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
    config = AutoConfig.for_model(
        kind, vocab_size=len(words), max_position_embeddings=64, pad_token_id=0, **sizes
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        AutoModel.from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def rows(make_example):
    texts = [
        ("Ada works for Acme .", "Ada", "Acme", "works_for"),
        ("the tea held the cup .", "tea", "cup", "none"),
        ("Acme works for the hot hot hot hot tea and Ada .", "Acme", "Ada", "lives_in"),
    ]
    return [make_example(*texts[n % 3][:3], texts[n % 3][3], id=str(n)) for n in range(12)]


def trained(rows, folder, backbone, name="entity_marker", **options):
    from harness.relations import Relation, Schema

    schema = Schema(
        name="ties", na_label="none", relations=(Relation("works_for"), Relation("lives_in"))
    )
    student = make_student(
        name,
        schema=schema,
        options={"backbone": str(backbone), "epochs": 2, "min_steps": 4, "precision": "fp32"}
        | options,
    )
    student.fit(examples=rows, seed=1)
    folder.mkdir(parents=True)
    student.save(folder=folder)
    return student


@pytest.fixture(scope="module")
def exported(rows, tmp_path_factory):
    """A tiny student with both of its graphs."""
    base = tmp_path_factory.mktemp("tiny")
    student = trained(rows, base / "student", tiny_backbone(base / "backbone", "bert"))
    student.export_onnx(file=base / "student" / "model.onnx")
    quantise_graph(base / "student" / "model.onnx", base / "student" / "model.int8.onnx")
    return base / "student", student


def test_the_graph_gives_the_students_probabilities(exported, rows):
    folder, student = exported
    wanted = student.predict_proba(examples=rows)
    assert load_exported(folder, "onnx").predict_proba(examples=rows) == pytest.approx(
        wanted, abs=1e-5
    )
    assert load_student(folder).predict_proba(examples=rows) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("count", [1, 2, 12])
def test_any_number_of_sentences_goes_through_the_graph(exported, rows, count):
    folder, student = exported
    found = load_exported(folder, "onnx").predict_proba(examples=rows[:count])
    assert found == pytest.approx(student.predict_proba(examples=rows[:count]), abs=1e-5)
    assert found.shape == (count, 3)


def test_int8_stays_near(exported, rows):
    folder, student = exported
    found = load_exported(folder, "int8").predict_proba(examples=rows)
    assert found == pytest.approx(student.predict_proba(examples=rows), abs=0.05)
    assert found.sum(axis=1) == pytest.approx(np.ones(len(rows)))


def test_openvino_runs_the_same_graph(exported, rows):
    pytest.importorskip("openvino")
    folder, student = exported
    found = load_exported(folder, "openvino").predict_proba(examples=rows)
    assert found == pytest.approx(student.predict_proba(examples=rows), abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["start_markers", "cls", "mean_span"])
@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert"])
def test_every_pooling_and_architecture_can_be_exported(rows, tmp_path, kind, pooling):
    backbone = tiny_backbone(tmp_path / "backbone", kind)
    student = trained(rows, tmp_path / "student", backbone, pooling=pooling)
    student.export_onnx(file=tmp_path / "student" / "model.onnx")
    found = load_exported(tmp_path / "student", "onnx").predict_proba(examples=rows)
    assert found == pytest.approx(student.predict_proba(examples=rows), abs=1e-5)


@pytest.mark.slow
def test_knowprompt_has_a_graph_and_retrieval_re_has_none(rows, tmp_path):
    backbone = tiny_backbone(tmp_path / "backbone", "bert")
    student = trained(rows, tmp_path / "student", backbone, "knowprompt")
    student.export_onnx(file=tmp_path / "student" / "model.onnx")
    found = load_exported(tmp_path / "student", "onnx").predict_proba(examples=rows)
    assert found == pytest.approx(student.predict_proba(examples=rows), abs=1e-5)
    assert not isinstance(students.get("retrieval_re"), Exportable)


def test_a_graph_that_is_missing_or_broken_is_named(exported, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(exported[0], folder)
    (folder / "model.int8.onnx").unlink()
    with pytest.raises(ArtefactError, match=r"model\.int8\.onnx.*\n?") as error:
        load_exported(folder, "int8")
    assert "--int8" in error.value.hint
    (folder / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ArtefactError, match="cannot be read"):
        load_exported(folder, "onnx")


def test_predict_and_serve_in_fresh_processes_agree_with_the_student(
    exported, rows, tmp_path, calldistil
):
    pytest.importorskip("uvicorn")
    from test_serve import ask, serving

    from harness.datasets import write_examples

    folder, student = exported
    write_examples(rows, tmp_path / "rows.jsonl", format="jsonl")
    wanted = student.predict_proba(examples=rows)
    bodies = [
        {"id": e.id, "text": e.text,
         "head": {"start": e.head.start, "end": e.head.end},
         "tail": {"start": e.tail.start, "end": e.tail.end}}
        for e in rows
    ]  # fmt: skip
    for runtime in ("torch", "onnx"):
        said = calldistil(
            "predict", folder, tmp_path / "rows.jsonl", "--probabilities", "--runtime", runtime,
            OMP_NUM_THREADS="1",
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        answers = [json.loads(line)["probabilities"] for line in said.stdout.splitlines()]
        assert np.array([list(a.values()) for a in answers]) == pytest.approx(wanted, abs=1e-5)
    with serving(folder, "--runtime", "onnx") as url:
        status, _, said = ask(url, body={"examples": bodies, "probabilities": True})
        assert status == 200
        found = np.array([list(a["probabilities"].values()) for a in said["answers"]])
        assert found == pytest.approx(wanted, abs=1e-5)


def test_the_graph_is_run_without_torch(exported, rows, tmp_path, calldistil):
    """Where transformers alone is there, as on a small server."""
    from harness.datasets import write_examples

    write_examples(rows, tmp_path / "rows.jsonl", format="jsonl")
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from harness.datasets import read_examples\n"
        "from harness.shipping import load_system\n"
        f"system = load_system(Path({str(exported[0])!r}), runtime='onnx')\n"
        f"print(system.answer(read_examples(Path({str(tmp_path / 'rows.jsonl')!r})))[0].label)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    best = exported[1].labels[int(exported[1].predict_proba(examples=rows[:1]).argmax())]
    assert done.stdout.strip() == best


def test_plain_transformers_reads_the_encoder(exported):
    from transformers import AutoModel, AutoTokenizer

    folder, student = exported
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False)
    weights = student._fitted.model.encoder.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    assert AutoTokenizer.from_pretrained(folder)("Ada")["input_ids"] == [2, 10, 3]


def test_a_system_answers_with_the_most_probable_label(exported, rows):
    folder, student = exported
    answers = StudentSystem(student).answer(rows)
    best = student.predict_proba(examples=rows).argmax(axis=1)
    assert [answer.label for answer in answers] == [student.labels[i] for i in best]
    assert [a.label for a in load_system(folder).answer(rows)] == [a.label for a in answers]
