"""Speed of the student ``entity_marker`` against plain transformers, same backbone and data.

Run ``python -m benchmarks.speed.students training`` or ``... inference``. Both sides run in this
process, in turns, and the better turn of each counts. The last line is one JSON object.

- ``training``: samples per second of ``fit`` against the transformers ``Trainer`` with its
  default padding and precision (needs accelerate). Same rows, epochs, batch size and learning
  rate; both are then scored on the same unseen rows, so that speed is not bought with F1.
  ``--peer-epochs`` trains the peer longer, until both have the same F1: the ratio is then that of
  the seconds that each training took.
  ``--peer setfit`` puts a sentence-transformers loop in the Trainer's place, as SetFit has it
  (Tunstall et al. 2022): contrastive pairs, then logistic regression (needs sentence-transformers).
- ``inference``: sentences per second of ``predict_proba`` against a loop over
  ``pipeline("text-classification")`` with the weights that the ``Trainer``'s class loads.

The data is SemEval-2010 Task 8 from ``CALLDISTIL_DATA``, or else the newsroom demo.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from harness.datasets import read_examples
from harness.metrics import join_labels, score
from harness.relations import Example, Schema, load_schema
from harness.students import DEFAULT_BACKBONE, backbone_folder, make_student

__all__ = ["Corpus", "Side", "corpus", "main", "micro_f1", "options_of"]

DEMO = Path(__file__).resolve().parents[1] / "demo"
BATCH = 16
RATE = 2e-4
AIM = 2.0


@dataclass(frozen=True, slots=True)
class Corpus:
    """Rows to train on and unseen rows to score."""

    name: str
    schema: Schema
    train: list[Example]
    test: list[Example]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes:
        speed: Rows per second; in training a row counts once per epoch.
        f1: Micro-F1 on the unseen rows, where it was scored.
        seconds: Of the whole training.
    """

    speed: float
    f1: float | None = None
    seconds: float = 0.0


def corpus(rows: int) -> Corpus:
    """``rows`` training rows and up to 500 unseen ones."""
    home = os.environ.get("CALLDISTIL_DATA")
    file = Path(home) / "semeval2010_task8" / "TRAIN_FILE.TXT" if home else None
    if file is not None and file.is_file():
        schema = load_schema("semeval-2010-task-8")
        found = list(read_examples(file, format="semeval", schema=schema))
        return Corpus("SemEval-2010 Task 8", schema, found[:rows], found[-500:])
    schema = load_schema("newsroom-demo")
    found = list(read_examples(DEMO / "test.jsonl", schema=schema))
    return Corpus(
        "newsroom demo",
        schema,
        found[:rows],
        list(read_examples(DEMO / "dev.jsonl", schema=schema)),
    )


def options_of(words: Sequence[str]) -> dict[str, Any]:
    """Options of a student from ``KEY=VALUE`` words; values are YAML."""
    pairs = (word.partition("=") for word in words)
    return {key: yaml.safe_load(value) for key, _, value in pairs}


def marked(example: Example) -> str:
    """The text with ``@`` around the head and ``#`` around the tail."""
    text = example.text
    for mention, sign in sorted(
        ((example.head, "@"), (example.tail, "#")), key=lambda pair: -pair[0].start
    ):
        text = f"{text[: mention.start]}{sign} {mention.surface} {sign}{text[mention.end :]}"
    return text


def micro_f1(data: Corpus, predicted: Sequence[str]) -> float:
    """Micro-F1 of labels on the unseen rows."""
    gold = {row.id: str(row.relation) for row in data.test}
    said = {row.id: label for row, label in zip(data.test, predicted, strict=True)}
    return float(score(join_labels(gold, said, data.schema), "micro_f1")[0])


def student_training(data: Corpus, epochs: int) -> Side:
    """Trains and scores our student."""
    student = make_student(
        "entity_marker",
        schema=data.schema,
        options={
            "epochs": epochs,
            "min_steps": 0,
            "batch_size": BATCH,
            "learning_rate": RATE,
            "marker": "punct",
        },
    )
    start = time.perf_counter()
    student.fit(examples=data.train, seed=1)
    seconds = time.perf_counter() - start
    best = student.predict_proba(examples=data.test).argmax(axis=1)
    f1 = micro_f1(data, [student.labels[i] for i in best])
    return Side(len(data.train) * epochs / seconds, f1, seconds)


def _plain(data: Corpus) -> tuple[Any, Any]:
    """Tokenizer and classification model as anyone would load them."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = backbone_folder(DEFAULT_BACKBONE)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(data.schema.label_names)
    )
    return AutoTokenizer.from_pretrained(folder), model


def trainer_training(data: Corpus, epochs: int) -> Side:
    """Trains and scores a sequence classifier with the transformers Trainer."""
    import torch
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    torch.manual_seed(1)
    start = time.perf_counter()
    tokenizer, model = _plain(data)
    columns = {name: i for i, name in enumerate(data.schema.label_names)}

    def encoded(rows: Sequence[Example]) -> list[dict[str, Any]]:
        return [
            {**tokenizer(marked(row), truncation=True), "labels": columns[str(row.relation)]}
            for row in rows
        ]

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=epochs,
                per_device_train_batch_size=BATCH,
                learning_rate=RATE,
                warmup_steps=round(0.1 * epochs * len(data.train) / BATCH),
                seed=1,
                use_cpu=True,
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=encoded(data.train),
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        trainer.train()
        seconds = time.perf_counter() - start
        logits = trainer.predict(encoded(data.test)).predictions  # type: ignore[arg-type]
    names = data.schema.label_names
    f1 = micro_f1(data, [names[i] for i in np.asarray(logits).argmax(axis=1)])
    return Side(len(data.train) * epochs / seconds, f1, seconds)


def setfit_training(data: Corpus, epochs: int) -> Side:
    """Trains on pairs with sentence-transformers and scores a logistic regression on the vectors.

    A row makes one pair with its label and one with another in each epoch, as SetFit with one
    iteration does; a row counts once, as on the other side.
    """
    import torch
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import CosineSimilarityLoss
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    start = time.perf_counter()
    model = SentenceTransformer(backbone_folder(DEFAULT_BACKBONE), device="cpu")
    texts = [marked(row) for row in data.train]
    labels = np.array([str(row.relation) for row in data.train])
    pairs: dict[str, list[Any]] = {"one": [], "other": [], "label": []}
    for i, text in enumerate(texts):
        for same in (True, False):
            others = np.flatnonzero((labels == labels[i]) == same)
            if len(others):
                pairs["one"].append(text)
                pairs["other"].append(texts[int(rng.choice(others))])
                pairs["label"].append(float(same))
    with tempfile.TemporaryDirectory() as folder:
        trainer = SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=folder,
                num_train_epochs=epochs,
                per_device_train_batch_size=BATCH,
                learning_rate=2e-5,  # SetFit's own
                seed=1,
                use_cpu=True,
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict(pairs),
            loss=CosineSimilarityLoss(model),
        )
        trainer.train()
    head = LogisticRegression(max_iter=300).fit(model.encode(texts), labels)
    seconds = time.perf_counter() - start
    predicted = head.predict(model.encode([marked(row) for row in data.test]))
    f1 = micro_f1(data, [str(label) for label in predicted])
    return Side(len(texts) * epochs / seconds, f1, seconds)


def in_turns(ours: Callable[[], Side], peers: Callable[[], Side], turns: int) -> tuple[Side, Side]:
    """Runs both sides in turns; the fastest turn of each counts."""
    best: dict[str, Side] = {}
    for turn in range(turns):
        for name, run in (("student", ours), ("peer", peers)):
            side = run()
            scored = "" if side.f1 is None else f", micro-F1 {side.f1:.1f}"
            print(f"turn {turn + 1}: {name} {side.speed:.1f}/s{scored}", file=sys.stderr)
            if name not in best or side.speed > best[name].speed:
                best[name] = side
    return best["student"], best["peer"]


PEERS = {"trainer": trainer_training, "setfit": setfit_training}


def inference(data: Corpus, turns: int) -> tuple[Side, Side]:
    """Sentences per second on the training rows' text, untrained heads on both sides."""
    from transformers import pipeline

    student = make_student(
        "entity_marker",
        schema=data.schema,
        options={"epochs": 1, "min_steps": 0, "marker": "punct"},
    )
    student.fit(examples=data.train[:BATCH], seed=1)
    tokenizer, model = _plain(data)
    pipe = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    texts = [marked(row) for row in data.train]

    def timed(call: Callable[[], object]) -> Side:
        start = time.perf_counter()
        call()
        return Side(len(texts) / (time.perf_counter() - start))

    return in_turns(
        lambda: timed(lambda: student.predict_proba(examples=data.train)),
        lambda: timed(lambda: [pipe(text) for text in texts]),
        turns,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one comparison and prints it as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.students")
    parser.add_argument("what", choices=["training", "inference"])
    parser.add_argument("--peer", choices=["trainer", "setfit"], default="trainer")
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--peer-epochs", type=int, help="[as many as the student]")
    parser.add_argument("--turns", type=int, default=2)
    chosen = parser.parse_args(arguments)
    if chosen.what != "training" and chosen.peer_epochs is not None:
        parser.error("--peer-epochs is for training")

    data = corpus(chosen.rows)
    if chosen.what == "training":
        ours, peers = in_turns(
            lambda: student_training(data, chosen.epochs),
            lambda: PEERS[chosen.peer](data, chosen.peer_epochs or chosen.epochs),
            chosen.turns,
        )
        unit = "samples/s"
        peer = {
            "trainer": "transformers Trainer, default padding and precision",
            "setfit": "sentence-transformers, contrastive pairs and logistic regression",
        }[chosen.peer]
    else:
        ours, peers = inference(data, chosen.turns)
        unit, peer = "sentences/s", 'loop over pipeline("text-classification")'
    name = f"entity_marker {chosen.what}, {data.name}, {len(data.train)} rows"
    value, peer_value, ratio = ours.speed, peers.speed, ours.speed / peers.speed
    if chosen.peer_epochs is not None:
        name += f", {chosen.epochs} epochs against {chosen.peer_epochs}"
        unit, value, peer_value = "seconds", ours.seconds, peers.seconds
        ratio = peers.seconds / ours.seconds
    result: dict[str, object] = {
        "name": name,
        "value": round(value, 1),
        "unit": unit,
        "peer": peer,
        "peer_value": round(peer_value, 1),
        "ratio": round(ratio, 2),
        "aim": AIM,
        "holds": round(ratio, 2) >= AIM,
    }
    if ours.f1 is not None and peers.f1 is not None:
        result |= {"f1": round(ours.f1, 1), "peer_f1": round(peers.f1, 1)}
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
