"""What tests of agents share: the demo's and SemEval's examples, by split and id."""

import json
import re
from importlib import resources

import pytest

from harness.relations import Example, Markers, Mention, parse_marked


@pytest.fixture(scope="session")
def demo_examples():
    """The demo's examples by split and id, in file order."""

    def mention(text, span):
        return Mention.of(text, span["start"], span["end"], span["type"])

    def read(split):
        file = resources.files("benchmarks") / "demo" / f"{split}.jsonl"
        rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        return {
            row["id"]: Example(
                id=row["id"],
                text=row["text"],
                head=mention(row["text"], row["head"]),
                tail=mention(row["text"], row["tail"]),
                relation=row["relation"],
            )
            for row in rows
        }

    return {split: read(split) for split in ("test", "dev", "few_shot")}


@pytest.fixture(scope="session")
def semeval_examples(data_home):
    """SemEval's labelled examples by id. Read plainly here: agents know no data set."""
    examples = {}
    for name in ("TRAIN_FILE.TXT", "TEST_FILE_FULL.TXT"):
        text = (data_home / "semeval2010_task8" / name).read_text(encoding="utf-8")
        for id, marked, label in re.findall(r'(?m)^(\d+)\s+"(.*)"\s*\n(\S+)\s*$', text):
            read = parse_marked(marked, Markers())
            examples[id] = Example(
                id=id, text=read.text, head=read.head, tail=read.tail, relation=label
            )
    assert len(examples) == 10_717
    return examples


@pytest.fixture(scope="session")
def semeval_few_shot(data_home, semeval_examples):
    """The k = 8 few-shot set of seed 1, in file order, as the recordings were made with."""
    file = data_home / "semeval2010_task8" / "few_shot_ids.json"
    ids = json.loads(file.read_text(encoding="utf-8"))["k8-seed1"]
    return tuple(semeval_examples[str(id)] for id in ids)
