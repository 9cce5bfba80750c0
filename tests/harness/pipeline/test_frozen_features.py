"""A student that reads features, carried out whole: its rows are encoded once for all seeds."""

import numpy as np
import pytest
import yaml

from harness.pipeline import build_plan, load_setup, run_experiment
from harness.pipeline.stages import load_examples, load_features
from harness.report import report_run
from harness.students import load_student

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def experiment(task_files, tmp_path_factory):
    """The small task with two heads on one frozen encoder, a BERT that reads single letters."""
    folder = tmp_path_factory.mktemp("task")
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    tokenizer = transformers.BertTokenizerFast(
        vocab={piece: i for i, piece in enumerate([*pieces, *'.@#<>/:"'])}, do_lower_case=True
    )
    tokenizer.save_pretrained(folder / "encoder")
    transformers.set_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=300,
    )  # fmt: skip
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder / "encoder")
    for name, text in task_files.items():
        (folder / name).write_text(text, encoding="utf-8")
    document = yaml.safe_load(task_files["experiment.yaml"])
    document["seeds"] = {"training": [1, 2]}
    frozen = {"student": "frozen_encoder.v1", "train_on": [{"gold": "few_shot"}]}
    options = {
        "backbone": str(folder / "encoder"),
        "representations": ["mentions", "pair"],
    }
    document["systems"] = {
        "llm": document["systems"]["llm"],
        "mlp": {**frozen, "options": options},
        "knn": {**frozen, "options": {**options, "head": "knn"}},
        "more": {
            **frozen,
            "train_on": [{"gold": "few_shot"}, {"gold": "train"}],
            "options": options,
        },
    }
    document.pop("candidate")
    file = folder / "frozen.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


def test_rows_are_encoded_once_for_every_head_and_seed(experiment):
    nodes = build_plan(load_setup(experiment)).nodes
    # Two representations each of the few-shot set and of the training set.
    assert sum(node.stage.name == "encode" for node in nodes) == 4
    assert sum(node.stage.name == "train" for node in nodes) == 6


@pytest.mark.slow  # loads torch in several processes
def test_a_run_trains_on_the_vectors_and_predicts_as_the_student_alone_does(experiment):
    run = run_experiment(experiment, folder=experiment.parent / "run")
    rows = {row.system: row for row in report_run(run.folder).rows}
    assert set(rows) >= {"mlp", "knn", "more"}
    trained = {a.about.notes["title"]: a for a in run.artefacts if a.stage == "train"}
    assert len(trained) == 6
    student = load_student(
        next(
            a for title, a in trained.items() if title.startswith("mlp") and "train1" in title
        ).content
        / "model"
    )
    split = next(a for a in run.artefacts if a.stage == "split")
    examples = load_examples(split.content)
    again = type(student)(schema=student.schema, options=student._options)
    again.fit(examples=examples, seed=1)
    np.testing.assert_allclose(
        again.predict_proba(examples=examples),
        student.predict_proba(examples=examples),
        atol=1e-5,
    )
    encoded = [a for a in run.artefacts if a.stage == "encode"]
    assert {load_features(a.content).shape[1] for a in encoded} == {16, 32}
