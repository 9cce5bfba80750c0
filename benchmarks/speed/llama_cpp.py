"""Speed of the backend ``llama_cpp`` beside llama-cpp-python and LangChain as users call them.

Run ``python -m benchmarks.speed.llama_cpp``. A GGUF model with random weights (31M parameters,
Q8_0, a byte-level BPE of the corpus) labels 200 sentences: the full schema, 8 demonstrations, the
same grammar of the labels in JSON, the same ``max_tokens``, greedy. All sides run in this process,
in turns, with the same threads; each figure is the median of its turns, each ratio the median of
the turns' ratios. The last line is one JSON object.

- ``value``: sentences/s of the backend, which begins each turn with an empty cache.
- ``peer_value``: a loop over ``Llama.create_chat_completion``, which reuses by itself what a
  prompt shares with the one before it (a).
- ``reset_ratio``: over the same loop with ``reset()`` between calls (b), on every tenth sentence.
- ``langchain_ratio``: over a loop over LangChain's ``ChatLlamaCpp`` (c), on every tenth
  sentence, where it is installed.
- ``evaluated_ratio``: prompt tokens that were computed per sentence, over those in which prompts
  differ from one another, which is what follows the beginning that all share. That beginning,
  ``shared_once`` tokens for the whole turn, is left out of both.
- ``scoring_ratio``: processor seconds for scoring all labels over those for one constrained
  answer, both by the backend.
- ``cpu_ratio``: processor seconds of (a) over those of the backend, which other work on the
  machine disturbs less.

The data is SemEval-2010 Task 8 from ``CALLDISTIL_DATA``, or else the newsroom demo.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from agents.backends import LlamaCppBackend, LlamaCppOptions
from agents.extractors import FewShotExtractor, FewShotOptions
from benchmarks.speed.random_gguf import GgufShape, write_random_gguf
from harness.datasets import read_examples
from harness.protocols import AgentContext, Completion, Constraint, Request, Sampling
from harness.relations import Example, load_schema

__all__ = ["main"]

DEMO = Path(__file__).resolve().parents[1] / "demo"
SHAPES = {
    "31m": GgufShape(layers=12, width=384, heads=6, kv_heads=2, hidden=1024, quantized=True),
    "135m": GgufShape(layers=30, width=576, heads=9, kv_heads=3, hidden=1536, quantized=True),
    "tiny": GgufShape(quantized=True),
}
VOCABULARY = {"31m": 16_000, "135m": 49_000, "tiny": 600}
DEMONSTRATIONS = 8
MAX_TOKENS = 32
CONTEXT = 4096
QWEN2_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Qwen2 and Qwen2.5 cut a text into words (their tokenizer.json)."""
AIMS = {"ratio": 1.5, "reset_ratio": 5.0, "langchain_ratio": 2.0}
MOST = {"evaluated_ratio": 1.1, "scoring_ratio": 3.0}


@dataclass(frozen=True, slots=True)
class Turn:
    """One pass over some sentences.

    Attributes:
        sentences: How many.
        seconds: Wall-clock time.
        cpu_s: Processor time.
    """

    sentences: int
    seconds: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Sentences per second."""
        return self.sentences / self.seconds


def corpus(count: int) -> tuple[str, list[Request], list[Request], list[str]]:
    """The data's name, requests with a grammar, requests with labels, and text for a tokenizer."""
    home = os.environ.get("CALLDISTIL_DATA")
    folder = Path(home) / "semeval2010_task8" if home else None
    if folder is not None and folder.is_dir():
        name, schema = "SemEval-2010 Task 8", load_schema("semeval-2010-task-8")
        found = list(read_examples(folder / "TRAIN_FILE.TXT", format="semeval", schema=schema))
        shown, asked = found[:DEMONSTRATIONS], found[100 : 100 + count]
    else:
        name, schema = "newsroom demo", load_schema("newsroom-demo")
        shown = list(read_examples(DEMO / "few_shot.jsonl", schema=schema))[:DEMONSTRATIONS]
        asked = found = list(read_examples(DEMO / "test.jsonl", schema=schema))[:count]
    labels = schema.label_names
    answers = [json.dumps({"relation": label}, ensure_ascii=False) for label in labels]
    rules = " | ".join(json.dumps(answer, ensure_ascii=False) for answer in answers)
    grammar = Constraint("grammar", f"root ::= {rules}")
    sampling = Sampling(temperature=0.0, max_tokens=MAX_TOKENS)
    context = AgentContext(schema=schema, few_shot=tuple(shown), sampling=sampling)
    writing = FewShotExtractor(context=context, options=FewShotOptions())
    scoring = FewShotExtractor(context=context, options=FewShotOptions(form="scores"))
    requests = [replace(_first_request(writing, example), constraint=grammar) for example in asked]
    scored = [_first_request(scoring, example) for example in asked]
    text = [message.content for request in requests[:20] for message in request.messages]
    return name, requests, scored, [*text, *(example.text for example in found)]


def _first_request(extractor: FewShotExtractor, example: Example) -> Request:
    (request,) = next(extractor.extract(example=example))
    return request


def merges_of(texts: Sequence[str], size: int) -> list[str]:
    """The merges of a byte-level BPE that is trained on the texts."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]


def timed(work: Callable[[], int]) -> Turn:
    """Runs it; it returns its number of sentences."""
    began, cpu = time.perf_counter(), time.process_time()
    count = work()
    return Turn(count, time.perf_counter() - began, time.process_time() - cpu)


class Sides:
    """The model in each library's hands."""

    def __init__(self, file: Path, requests: Sequence[Request], threads: int) -> None:
        self._file = file
        self._requests = requests
        self._threads = threads
        self._grammar_text = requests[0].constraint.text if requests[0].constraint else ""
        self.answers: list[Completion] = []
        self.evaluated = 0

    def ours(self, requests: Sequence[Request]) -> Turn:
        """The backend, its model loaded and its cache empty."""
        backend = self._backend()

        def work() -> int:
            ask = backend.score_labels if requests[0].labels else backend.complete
            outcomes = list(ask(requests))
            self.answers = [outcome for outcome in outcomes if isinstance(outcome, Completion)]
            return len(self.answers)

        turn = timed(work)
        backend.close()
        self.evaluated = sum(a.usage.input_tokens or 0 for a in self.answers)
        return turn

    def loop(self, *, reset: bool) -> Turn:
        """``Llama.create_chat_completion``, one call after another."""
        llama_cpp: Any = importlib.import_module("llama_cpp")  # its types are not exported
        llama = llama_cpp.Llama(str(self._file), **self._llama_options())
        grammar = llama_cpp.LlamaGrammar.from_string(self._grammar_text, verbose=False)

        def work() -> int:
            requests = self._requests[::10] if reset else self._requests
            for request in requests:
                if reset:
                    llama.reset()
                llama.create_chat_completion(
                    messages=[{"role": m.role, "content": m.content} for m in request.messages],
                    grammar=grammar,
                    temperature=0.0,
                    max_tokens=MAX_TOKENS,
                )
            return len(requests)

        turn = timed(work)
        llama.close()
        return turn

    def langchain(self) -> Turn:
        """LangChain's chat model over the same library."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from langchain_community.chat_models import ChatLlamaCpp
        llama_cpp: Any = importlib.import_module("llama_cpp")
        options = self._llama_options()
        chat = ChatLlamaCpp(
            model_path=str(self._file), temperature=0.0, max_tokens=MAX_TOKENS, **options
        )
        grammar = llama_cpp.LlamaGrammar.from_string(self._grammar_text, verbose=False)

        def work() -> int:
            requests = self._requests[::10]
            for request in requests:
                chat.invoke([(m.role, m.content) for m in request.messages], grammar=grammar)
            return len(requests)

        turn = timed(work)
        chat.client.close()
        return turn

    def shared(self) -> tuple[int, float]:
        """Tokens with which all prompts begin, and how many follow on average."""
        llama_cpp: Any = importlib.import_module("llama_cpp")  # its types are not exported
        llama = llama_cpp.Llama(str(self._file), vocab_only=True, verbose=False)
        prompts = [
            llama.tokenize(
                "".join(
                    f"<|im_start|>{m.role}\n{m.content}<|im_end|>\n" for m in request.messages
                ).encode()
                + b"<|im_start|>assistant\n",
                add_bos=False,
                special=True,
            )
            for request in self._requests
        ]
        llama.close()
        shared = min(_alike(one, other) for one, other in pairwise(prompts))
        return shared, statistics.mean(len(prompt) - shared for prompt in prompts)

    def _backend(self) -> LlamaCppBackend:
        backend = LlamaCppBackend(
            options=LlamaCppOptions(model=self._file, context=CONTEXT, threads=self._threads)
        )
        for _ in backend.complete([Request((), Sampling(max_tokens=1))]):  # loads the model
            pass
        return backend

    def _llama_options(self) -> dict[str, Any]:
        return {
            "n_ctx": CONTEXT,
            "n_batch": 512,
            "n_threads": self._threads,
            "n_threads_batch": self._threads,
            "verbose": False,
        }


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _sides(sides: Sides, scored: Sequence[Request], with_langchain: bool) -> Iterator[
    tuple[str, Turn]
]:  # fmt: skip
    yield "a", sides.loop(reset=False)
    yield "scores", sides.ours(scored)
    yield "ours", sides.ours(sides._requests)
    yield "b", sides.loop(reset=True)
    if with_langchain:
        yield "c", sides.langchain()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; exit code 0 where every aim holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="31m")
    options = parser.parse_args(arguments)
    with_langchain = importlib.util.find_spec("langchain_community") is not None
    data, requests, scored, texts = corpus(options.sentences)
    with tempfile.TemporaryDirectory() as folder:
        file = write_random_gguf(
            Path(folder) / "model.gguf",
            shape=SHAPES[options.shape],
            merges=merges_of(texts, VOCABULARY[options.shape]),
            words="qwen2",
        )
        sides = Sides(file, requests, options.threads)
        turns: dict[str, list[Turn]] = {}
        for number in range(options.turns):
            for name, turn in _sides(sides, scored, with_langchain):
                turns.setdefault(name, []).append(turn)
                print(f"turn {number} {name:7} {turn.rate:9.2f} sentences/s", file=sys.stderr)
                if name == "ours":
                    evaluated = sides.evaluated
        shared, differing = sides.shared()
        megabytes = file.stat().st_size / 2**20

    def ratio(other: str, measure: Callable[[Turn], float]) -> float:
        pairs = zip(turns["ours"], turns[other], strict=True)
        return statistics.median(measure(ours) / measure(theirs) for ours, theirs in pairs)

    found = {
        "ratio": ratio("a", lambda turn: turn.rate),
        "reset_ratio": ratio("b", lambda turn: turn.rate),
        "scoring_ratio": ratio("scores", lambda turn: turn.sentences / turn.cpu_s),
        "evaluated_ratio": (evaluated - shared) / options.sentences / differing,
        "cpu_ratio": ratio("a", lambda turn: turn.sentences / turn.cpu_s),
    }
    if with_langchain:
        found["langchain_ratio"] = ratio("c", lambda turn: turn.rate)
    holds = all(found[name] >= aim for name, aim in AIMS.items() if name in found) and all(
        found[name] <= most for name, most in MOST.items()
    )
    result = {
        "name": "llama_cpp",
        "value": round(statistics.median(turn.rate for turn in turns["ours"]), 2),
        "unit": "sentences/s",
        "peer": "Llama.create_chat_completion in a loop",
        "peer_value": round(statistics.median(turn.rate for turn in turns["a"]), 2),
        **{name: round(value, 3) for name, value in found.items()},
        "evaluated_per_sentence": round(evaluated / options.sentences, 1),
        "shared_once": shared,
        "differing_per_sentence": round(differing, 1),
        "aim": AIMS["ratio"],
        "aims": {**AIMS, **MOST},
        "holds": holds,
        "data": data,
        "sentences": options.sentences,
        "turns": options.turns,
        "threads": options.threads,
        "model_mb": round(megabytes, 1),
        "without": [] if with_langchain else ["langchain_community"],
    }
    print(json.dumps(result))
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
