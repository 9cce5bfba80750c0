"""Extractors that need neighbours, carried out whole: encoded once, found again, budgeted."""

import json

import pytest
import yaml

from harness.pipeline import resume_run, run_experiment
from harness.report import report_run

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.slow  # loads torch in several processes


@pytest.fixture(scope="module")
def tiny_encoder(tmp_path_factory):
    """A BERT of one layer with random weights that reads single letters."""
    folder = tmp_path_factory.mktemp("tiny-encoder")
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    tokenizer = transformers.BertTokenizerFast(
        vocab={piece: i for i, piece in enumerate([*pieces, *'.@#<>/:"'])}, do_lower_case=True
    )
    tokenizer.save_pretrained(folder)
    transformers.set_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=300,
    )  # fmt: skip
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def run(task_files, tiny_encoder, tmp_path_factory):
    """The small task, asked by three extractors that need neighbours."""
    folder = tmp_path_factory.mktemp("task")
    for name, text in task_files.items():
        (folder / name).write_text(text, encoding="utf-8")
    document = yaml.safe_load(task_files["experiment.yaml"])
    document["backends"]["near"] = {"use": "scripted", "options": {"replies": ["works_for"] * 200}}
    encoder = {"encoder": str(tiny_encoder)}
    near = {"extractor": "retrieval.v1", "backend": "near"}
    options = {"count": 2, "representation": "text", **encoder}
    document["systems"] = {
        "llm": document["systems"]["llm"],
        "near": {**near, "options": options},
        "of few-shot": {**near, "options": {**options, "pool": "few_shot"}},
        "rag4re": {"extractor": "rag4re.v1", "backend": "near", "options": encoder},
    }
    document.pop("candidate")
    file = folder / "near.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return run_experiment(file, folder=folder / "run")


def test_each_set_of_sentences_is_encoded_once_whoever_asks(run):
    encoded = [artefact for artefact in run.artefacts if artefact.stage == "encode"]
    # Test and training sentences for three systems, and the few-shot set for one of them.
    assert len(encoded) == 3
    assert all((artefact.content / "features.safetensors").is_file() for artefact in encoded)


def test_the_gold_budget_counts_the_labels_that_were_shown(run):
    rows = {row.system: row for row in report_run(run.folder).rows}
    shown = {
        name: set(json.loads((artefact.content / "demonstrations.json").read_text("utf-8")))
        for artefact in run.artefacts
        if artefact.stage == "extract" and (artefact.content / "demonstrations.json").is_file()
        for name in [artefact.about.notes["title"].partition(":")[0]]
    }
    assert 0 < len(shown["near"]) <= 36
    assert all(example.startswith("train-") for example in shown["near"])
    assert rows["near"].gold_budget == len(shown["near"])
    assert rows["of few-shot"].gold_budget == len(shown["of few-shot"]) <= 6
    assert rows["rag4re"].gold_budget == 0  # the sentence is shown without its label


def test_a_run_again_encodes_and_asks_nothing(run):
    before = {artefact.key for artefact in run.artefacts}
    assert {artefact.key for artefact in resume_run(run.folder).artefacts} == before
