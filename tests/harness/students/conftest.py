"""Rows and a tiny backbone for the students' tests: nothing is downloaded."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.relations import Example, Mention, Schema

_NOUNS = "cup pump storm fire glass virus wheel letter author jar barrel engine".split()  # noqa: SIM905
_CAUSES = ("caused", "brought about", "led to", "produced")
_FILLERS = ("yesterday", "in the old town", "without a word", "for the first time")

Rows = Callable[..., list[Example]]


@pytest.fixture(scope="session")
def cause_rows(semeval_schema: Schema) -> Rows:
    """Makes rows of three labels that only the words between and the direction tell apart."""

    def make(count: int, *, seed: int = 0) -> list[Example]:
        rng = random.Random(seed)
        rows = []
        for i in range(count):
            first, second = rng.sample(_NOUNS, 2)
            kind = i % 3
            verb = "stood beside" if kind == 2 else rng.choice(_CAUSES)
            text = f"The {first} {verb} the {second} {rng.choice(_FILLERS)} ."
            start = text.index(second, 4 + len(first))
            spans = [Mention.of(text, 4, 4 + len(first))]
            spans.append(Mention.of(text, start, start + len(second)))
            label = ("Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Other")[kind]
            if kind == 1:  # the same words; only the markers say which is the head
                spans.reverse()
            rows.append(Example(f"r{i}", text, spans[0], spans[1], relation=label))
        return rows

    return make


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT with two layers of 32 and random weights, and a word-piece vocabulary."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("tiny-bert")
    words = " ".join((*_NOUNS, *_CAUSES, *_FILLERS, "the stood beside person place un war")).split()
    pieces = [*"abcdefghijklmnopqrstuvwxyz0123456789.,@#*^-'"]
    pieces += [f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz0123456789"]
    vocabulary = list(
        dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces, *words])
    )
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = transformers.BertTokenizerFast(
        vocab={word: i for i, word in enumerate(vocabulary)}, do_lower_case=True
    )
    tokenizer.save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.BertModel(config).save_pretrained(folder)
    return folder
