"""What fuzz targets need around the bytes that they are given: a small task and its files."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import yaml

from harness.datasets import write_examples
from harness.protocols import AgentContext, Neighbour
from harness.relations import Example, Mention, Schema, load_schema

__all__ = ["World"]

_SENTENCES = (
    ("Ada Orme works for Acme in Basel .", "Ada Orme", "Acme", "works_for"),
    ("Bo lives in Corto .", "Bo", "Corto", "lives_in"),
    ("Cy wrote about Dunn & Sons .", "Cy", "Dunn & Sons", "none"),
    ("In Essen , Dot was hired by Faro Ltd .", "Dot", "Faro Ltd", "works_for"),
)
_SCHEMA = """\
name: ties
na_label: none
markers: {head: h, tail: t}
relations:
  works_for: {description: the head person works for the tail firm, head_types: [PER]}
  lives_in: {description: the head person lives in the tail town}
prompt:
  noun: entities
"""


class World:
    """A task of four sentences, in a folder.

    Args:
        folder: An empty folder; targets write there as well.

    Attributes:
        schema: Its schema.
        examples: Its labelled sentences.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "ties.yaml").write_text(_SCHEMA, encoding="utf-8")
        self.schema: Schema = load_schema(folder / "ties.yaml")
        self.examples = tuple(
            Example(
                id=f"s{number}",
                text=text,
                head=Mention.of(text, text.index(head), text.index(head) + len(head), "PER"),
                tail=Mention.of(text, text.index(tail), text.index(tail) + len(tail), "ORG"),
                relation=relation,
            )
            for number, (text, head, tail, relation) in enumerate(_SENTENCES)
        )
        for name in ("test", "train"):
            write_examples(self.examples, folder / f"{name}.jsonl")
        self.experiment = folder / "experiment.yaml"
        text = yaml.safe_dump(experiment_document(), sort_keys=False)
        self.experiment.write_text(text, encoding="utf-8")

    @property
    def context(self) -> AgentContext:
        """What an agent may know: the few-shot set and neighbours."""
        near = tuple(Neighbour(e, 0.9 - i / 10) for i, e in enumerate(self.examples[1:3]))
        return AgentContext(
            schema=self.schema,
            few_shot=self.examples,
            neighbours={example.id: near for example in self.examples},
        )

    def finished_run(self) -> Path:
        """A run of the task that is done; made when it is first asked for."""
        from harness.pipeline import run_experiment

        run = self.folder / "finished"
        if not run.exists():
            document = experiment_document()
            del document["systems"]["mixed"]
            replies = ['{"relation": "none"}'] * len(self.examples)
            document["backends"]["teacher"].update(use="scripted", options={"replies": replies})
            document["candidate"] = "gold"
            file = self.folder / "scripted.yaml"
            file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
            run_experiment(file, folder=run, jobs=1)
        return run

    def file(self, name: str, content: bytes) -> Path:
        """Writes a file in the folder."""
        file = self.folder / name
        file.write_bytes(content)
        return file


def experiment_document() -> dict[str, Any]:
    """An experiment over the task, whose LLM is a server that is never asked."""
    generated = {"generator": "all_at_once.v1", "backend": "teacher", "options": {"n": 2}}
    return {
        "calldistil": 1,
        "name": "ties",
        "schema": "ties.yaml",
        "data": {"test": {"file": "test.jsonl"}, "train": {"file": "train.jsonl"}},
        "few_shot": {"source": "train", "k": 1},
        "seeds": {"training": [1, 2]},
        "backends": {
            "teacher": {
                "use": "openai",
                "options": {"model": "some-llm", "base_url": "http://127.0.0.1:9/v1"},
                "tokenizer": "o200k_base",
                "price": {"input": 2, "output": [7, 8, 9], "date": "2026-01-01", "source": "a"},
            }
        },
        "prices": {"date": "2026-01-01", "source": "a list", "machine_per_hour": 0.1},
        "systems": {
            "llm": {"extractor": "zero_shot.v1", "backend": "teacher"},
            "gold": {"student": "linear.v1", "train_on": [{"gold": "few_shot"}]},
            "mixed": {
                "student": "linear.v1",
                "train_on": [{"generated": generated}, {"gold": "few_shot"}],
            },
        },
        "reference": "llm",
        "candidate": "mixed",
        "statistics": {"resamples": 100},
    }


def mutated(seed: bytes, chance: random.Random, tokens: tuple[bytes, ...]) -> bytes:
    """A seed after a few changes: bytes lost, doubled, replaced, or a hostile token put in."""
    made = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(made))
        until = min(len(made), at + chance.randint(0, 40))
        kind = chance.randrange(5)
        if kind == 0:
            del made[at:until]
        elif kind == 1:
            made[at:at] = made[at:until] * chance.choice((1, 2, 50))
        elif kind == 2 and made:
            made[min(at, len(made) - 1)] = chance.randrange(256)
        else:
            made[at : until if kind == 3 else at] = chance.choice(tokens)
    return bytes(made)


def with_hostile_value(seed: bytes, chance: random.Random, values: tuple[Any, ...]) -> bytes:
    """A JSON seed in which one value, or one key, is another; the seed itself if it is no JSON."""
    lines = seed.split(b"\n")
    at = chance.randrange(len(lines))
    for place, whole in ((slice(at, at + 1), lines[at]), (slice(None), seed)):
        try:
            document = json.loads(whole)
        except (ValueError, RecursionError):
            continue
        changed = json.dumps(_changed(document, chance, values)).encode("ascii")
        lines[place] = [changed]
        return b"\n".join(lines)
    return seed


def _changed(document: Any, chance: random.Random, values: tuple[Any, ...]) -> Any:
    if isinstance(document, dict) and document and chance.random() < 0.85:
        key = chance.choice(list(document))
        if chance.random() < 0.1:
            return {k: v for k, v in document.items() if k != key}
        return {**document, key: _changed(document[key], chance, values)}
    if isinstance(document, list) and document and chance.random() < 0.85:
        at = chance.randrange(len(document))
        if chance.random() < 0.1:
            return [*document, document[at]]
        return [*document[:at], _changed(document[at], chance, values), *document[at + 1 :]]
    return chance.choice(values)
