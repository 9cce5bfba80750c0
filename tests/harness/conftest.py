"""A whole small task that tests of the pipeline, the report and the command line carry out."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.extractors import ZeroShotExtractor, ZeroShotOptions
from agents.generators import AllAtOnce, AllAtOnceOptions
from harness.datasets import FewShotPlan, draw_few_shot, write_examples
from harness.protocols import AgentContext, Request
from harness.relations import Example, Mention, Schema, load_schema, render_marked

SCHEMA = """\
name: ties
na_label: none
markers: {head: h, tail: t}
relations:
  works_for: {description: the head person works for the tail firm}
  lives_in: {description: the head person lives in the tail town}
prompt:
  noun: entities
  marker_note: The head is marked with <h></h> and the tail with <t></t>.
"""
PEOPLE = ("Ada", "Bo", "Cy", "Dot", "Eli", "Fay", "Gus", "Hal", "Ida", "Jo", "Kit", "Lou")
PATTERNS = {
    "works_for": ("{h} works for {t} .", "{h} was hired by {t} ."),
    "lives_in": ("{h} lives in {t} .", "{h} moved home to {t} ."),
    "none": ("{h} wrote about {t} .", "{h} never saw {t} ."),
}
MORE = {"works_for": "earns wages at", "lives_in": "has a house in", "none": "read of"}
ROWS = 4  # samples asked of the generator per label
SHOWN = 2  # few-shot examples per label


def _example(id: str, pattern: str, head: str, tail: str, relation: str) -> Example:
    text = pattern.format(h=head, t=tail)
    first, last = text.index(head), text.rindex(tail)
    return Example(
        id=id,
        text=text,
        head=Mention.of(text, first, first + len(head)),
        tail=Mention.of(text, last, last + len(tail)),
        relation=relation,
    )


def _examples(part: str, tails: Sequence[str], people: Sequence[str]) -> list[Example]:
    return [
        _example(
            f"{part}-{relation}-{who}-{number}", pattern, who, tails[at % len(tails)], relation
        )
        for relation, patterns in PATTERNS.items()
        for number, pattern in enumerate(patterns)
        for at, who in enumerate(people)
    ]


def _line(request: Request, response: str) -> str:
    messages = [{"role": m.role, "content": m.content} for m in request.messages]
    return json.dumps({"messages": messages, "response": response, "repeat": request.repeat})


@dataclass(frozen=True)
class SmallTask:
    """A task of 36 test sentences whose LLM is a recording, with linear students.

    Attributes:
        folder: Holds its schema, data, recording and experiment.
        document: The experiment file as values.
    """

    folder: Path
    document: dict[str, Any]

    @property
    def experiment(self) -> Path:
        """The experiment file as it was made."""
        return self.folder / "experiment.yaml"

    def changed(self, change: Callable[[dict[str, Any]], object], name: str = "other.yaml") -> Path:
        """Writes the experiment with a change into a file beside it."""
        document = copy.deepcopy(self.document)
        change(document)
        file = self.folder / name
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return file


def _recording(schema: Schema, test: list[Example], train: list[Example]) -> Iterator[str]:
    """Answers to every sentence (one in nine wrong) and rows for both seeds of each kind."""
    extractor = ZeroShotExtractor(context=AgentContext(schema=schema), options=ZeroShotOptions())
    for at, example in enumerate([*test, *train]):
        (request,) = next(extractor.extract(example=example.labelled(None)))
        label = "none" if at % 9 == 4 else example.relation
        yield _line(request, json.dumps({"relation": label}))
    for split in (1, 2):
        plan = FewShotPlan(k=SHOWN, seed=split)
        few_shot = draw_few_shot(train, schema=schema, plan=plan).train
        for repeat in (0, 1):
            context = AgentContext(schema=schema, few_shot=few_shot, repeat=repeat)
            generator = AllAtOnce(context=context, options=AllAtOnceOptions(n=ROWS))
            for item in generator.items():
                (request,) = next(generator.generate(item=item))
                samples = [
                    _example("", f"{{h}} {MORE[item.label]} {{t}} .", who, f"Place{repeat}", "none")
                    for who in PEOPLE[:ROWS]
                ]
                yield _line(request, "\n".join(render_marked(s, schema.markers) for s in samples))


def _document() -> dict[str, Any]:
    generated = {
        "generator": "all_at_once.v1",
        "backend": "teacher",
        "options": {"n": ROWS, "demonstrations": SHOWN},
    }
    return {
        "calldistil": 1,
        "name": "ties",
        "schema": "ties.yaml",
        "data": {"test": {"file": "test.jsonl"}, "train": {"file": "train.jsonl"}},
        "few_shot": {"source": "train", "k": SHOWN},
        "seeds": {"training": [1, 2]},
        "backends": {
            "teacher": {
                "use": "recorded",
                "options": {"model": "some-llm", "recordings": ["teacher.jsonl"]},
                "tokenizer": "o200k_base",
                "price": {"input": 2, "output": 8, "date": "2026-01-01", "source": "a list"},
            }
        },
        "prices": {"date": "2026-01-01", "source": "a list", "machine_per_hour": 0.1},
        "systems": {
            "llm": {"extractor": "zero_shot.v1", "backend": "teacher"},
            "gold": {"student": "linear.v1", "train_on": [{"gold": "few_shot"}]},
            "distilled": {"student": "linear.v1", "train_on": [{"generated": generated}]},
            "mixed": {
                "student": "linear.v1",
                "train_on": [
                    {"labelled": {"extractor": "zero_shot.v1", "backend": "teacher", "limit": 12}},
                    {"generated": generated},
                    {"gold": "few_shot"},
                ],
            },
        },
        "reference": "llm",
        "candidate": "mixed",
        "statistics": {"resamples": 200},
    }


@pytest.fixture(scope="session")
def task_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The small task's files by name."""
    folder = tmp_path_factory.mktemp("ties")
    (folder / "ties.yaml").write_text(SCHEMA, encoding="utf-8")
    schema = load_schema(folder / "ties.yaml")
    test = _examples("test", ("Acme", "Basel", "Corto"), PEOPLE[:6])
    train = _examples("train", ("Dunn", "Essen", "Faro"), PEOPLE[6:])
    write_examples(test, folder / "test.jsonl", format="jsonl")
    write_examples(train, folder / "train.jsonl", format="jsonl")
    lines = "\n".join(_recording(schema, test, train)) + "\n"
    (folder / "teacher.jsonl").write_text(lines, encoding="utf-8")
    text = yaml.safe_dump(_document(), sort_keys=False)
    (folder / "experiment.yaml").write_text(text, encoding="utf-8")
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


@pytest.fixture
def small_task(task_files: dict[str, str], tmp_path: Path) -> SmallTask:
    """A fresh copy of the small task."""
    folder = tmp_path / "task"
    folder.mkdir()
    for name, text in task_files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return SmallTask(folder, _document())


Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def calldistil() -> Command:
    """Runs the real command in a process of its own, as a user does."""

    def run(
        *words: str | Path, stdin: str | None = None, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from harness.cli import main; main()", *map(str, words)],
            input=stdin,
            cwd=cwd,
            env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"} | env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@dataclass(frozen=True)
class Said:
    """What the command did, called in this process."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Calls the command in this process, which is quicker than a new one."""
    from harness.cli import main

    def call(*words: str | Path) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as done:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Said(int(done.value.code or 0), out, err)

    return call
