"""What labelling very many sentences takes: measured here on a few, and multiplied.

Run ``python -m benchmarks.at_scale``. It asks ``zero_shot.v1`` about sentences of the embedded demo
through a backend that answers at once, as ``calldistil extract`` does, and a linear student the
same; then it prints a table for ``--sentences``. What is measured is marked so, and what is not is
an option whose default is an assumption. The last line is one JSON object with every figure.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

import benchmarks.experiments
from harness.costs import cached_prefix_tokens, count_prompt, token_counter
from harness.datasets import read_examples
from harness.pipeline import Extract, agent_of, run_single
from harness.protocols import AgentContext, Sampling
from harness.registry import extractors
from harness.relations import Example, Schema, load_schema
from harness.students import students

__all__ = ["main"]

DEMO = benchmarks.experiments.NEWSROOM_DEMO.parent.parent / "demo"
ANSWER = '{"relation": "no_relation"}'
_PER = 1_000_000
_HOUR = 3600.0
_LEAST_CACHED = 1024  # tokens; providers cache no shorter prefix


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """What a few sentences took.

    Attributes:
        sentences: How many.
        asked_per_s: Sentences that one process asks about per second, with every answer stored.
        store_bytes: Of the call store, per call.
        answer_bytes: Of the written answers and their calls, per sentence.
        text_bytes: Of the sentences as JSON Lines, per sentence.
        prompt_tokens: Per call.
        prefix_tokens: Of them, those that all calls share.
        answer_tokens: Per call.
        linear_per_s: Sentences that a linear student answers per second, on one core.
    """

    sentences: int
    asked_per_s: float
    store_bytes: float
    answer_bytes: float
    text_bytes: float
    prompt_tokens: float
    prefix_tokens: int
    answer_tokens: int
    linear_per_s: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the table and the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.at_scale")
    parser.add_argument("--sentences", type=int, default=100_000_000)
    parser.add_argument("--measured", type=int, default=5000, help="sentences tried here [5000]")
    parser.add_argument("--shard", type=int, default=10_000, help="sentences of a shard")
    parser.add_argument("--servers", type=int, default=8, help="LLM servers, one GPU each")
    parser.add_argument(
        "--prompt-rate", type=float, default=20_000, help="assumed: fresh prompt tokens/s of one"
    )
    parser.add_argument("--gpu-hour", type=float, default=2.0, help="assumed: USD for one")
    parser.add_argument(
        "--prices", type=float, nargs=3, default=(2.0, 0.5, 8.0), metavar=("IN", "CACHED", "OUT"),
        help="assumed: USD per million tokens of a provider [2 0.5 8]",
    )  # fmt: skip
    parser.add_argument(
        "--student-rate", type=float, default=270.0,
        help="sentences/s of a fine-tuned encoder on one core [270, from `calldistil quickstart`]",
    )  # fmt: skip
    parser.add_argument(
        "--asking-rate", type=float, default=590.0,
        help="calls/s of one process over HTTP [590, from `python -m benchmarks.speed.remote`]",
    )  # fmt: skip
    parser.add_argument("--core-hour", type=float, default=0.05, help="assumed: USD for one core")
    chosen = parser.parse_args(arguments)
    found = _measure(chosen.measured)
    figures = _figures(found, chosen)
    print(tabulate(_rows(found, figures, chosen), headers=("what", "figure", "from"),
                   tablefmt="github", disable_numparse=True))  # fmt: skip
    print(json.dumps({**dataclasses.asdict(found), **figures}))
    return 0


def _measure(count: int) -> Measured:
    schema = load_schema("newsroom-demo")
    examples = _examples(schema, count)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out"
        agent = agent_of(
            extractors,
            "zero_shot.v1",
            options={},
            backend="scripted",
            backend_options={"replies": [ANSWER] * count},
            sampling=Sampling(max_tokens=32),
            tokenizer="o200k_base",
        )
        started = time.perf_counter()
        run_single(
            Extract(agent=agent, schema=schema),
            inputs={"examples": examples},
            output=output,
            agent=agent,
        )
        seconds = time.perf_counter() - started
        stored = sum(file.stat().st_size for file in output.glob("calls.sqlite*"))
        written = sum(file.stat().st_size for file in output.glob("*.jsonl"))
    extractor = extractors.get("zero_shot.v1")(
        context=AgentContext(schema=schema), options=agent.options
    )
    requests = [next(extractor.extract(example=example))[0] for example in examples[:400]]
    counter = token_counter("o200k_base")
    return Measured(
        sentences=count,
        asked_per_s=count / seconds,
        store_bytes=stored / count,
        answer_bytes=written / count,
        text_bytes=(DEMO / "test.jsonl").stat().st_size / len(_demo(schema)),
        prompt_tokens=sum(count_prompt(r.messages, counter) for r in requests) / len(requests),
        prefix_tokens=cached_prefix_tokens(requests, counter),
        answer_tokens=counter.count(ANSWER),
        linear_per_s=_linear(schema, examples),
    )


def _demo(schema: Schema) -> tuple[Example, ...]:
    return tuple(read_examples(DEMO / "test.jsonl", schema=schema))


def _examples(schema: Schema, count: int) -> list[Example]:
    """The demo's test sentences over and over, each with a number that makes it one of its own."""
    demo = _demo(schema)
    return [
        dataclasses.replace(
            (found := demo[n % len(demo)]), id=str(n), text=f"{found.text} ({n})"
        ).labelled(None)
        for n in range(count)
    ]


def _linear(schema: Schema, examples: Sequence[Example]) -> float:
    kind = students.get("linear.v1")
    student = kind(schema=schema, options=kind.Options())
    student.fit(examples=read_examples(DEMO / "few_shot.jsonl", schema=schema), seed=1)
    started = time.perf_counter()
    student.predict_proba(examples=examples)
    return len(examples) / (time.perf_counter() - started)


def _figures(found: Measured, chosen: argparse.Namespace) -> dict[str, float]:
    n: int = chosen.sentences
    fresh = found.prompt_tokens - found.prefix_tokens
    into, cached, out = chosen.prices
    listed = n * (found.prompt_tokens * into + found.answer_tokens * out) / _PER
    read = cached if found.prefix_tokens >= _LEAST_CACHED else into
    prefixed = n * (fresh * into + found.prefix_tokens * read + found.answer_tokens * out) / _PER
    gpu_hours = n * (fresh + found.answer_tokens) / chosen.prompt_rate / _HOUR
    return {
        "shards": -(-n // chosen.shard),
        "asking_core_hours": n / chosen.asking_rate / _HOUR,
        "gpu_hours": gpu_hours,
        "days": gpu_hours / chosen.servers / 24,
        "own_servers_usd": gpu_hours * chosen.gpu_hour,
        "list_usd": listed,
        "cached_usd": prefixed,
        "batch_usd": listed / 2,
        "calls_gb": n * found.store_bytes / 1e9,
        "answers_gb": n * found.answer_bytes / 1e9,
        "text_gb": n * found.text_bytes / 1e9,
        "shard_minutes": chosen.shard / chosen.asking_rate / 60,
        "encoder_core_hours": n / chosen.student_rate / _HOUR,
        "encoder_usd": n / chosen.student_rate / _HOUR * chosen.core_hour,
        "linear_core_hours": n / found.linear_per_s / _HOUR,
        "linear_usd": n / found.linear_per_s / _HOUR * chosen.core_hour,
    }


def _rows(
    found: Measured, figures: dict[str, float], chosen: argparse.Namespace
) -> list[tuple[str, str, str]]:
    f, n = figures, chosen.sentences
    into, cached, out = chosen.prices
    prompt = f"{found.prompt_tokens:.0f} + {found.answer_tokens} tokens a call"
    return [
        ("shards", f"{f['shards']:,.0f}", f"{n:,} sentences, {chosen.shard:,} each"),
        ("sentences as text", f"{f['text_gb']:,.0f} GB", f"{found.text_bytes:.0f} bytes each"),
        ("asking: cores", f"{f['asking_core_hours']:,.0f} core hours",
         f"{chosen.asking_rate:g} calls/s of one process over HTTP, each stored"
         f" ({found.asked_per_s:,.0f} without HTTP)"),
        ("LLM on own servers", f"{f['gpu_hours']:,.0f} GPU hours",
         f"{prompt}, {found.prefix_tokens} of them a shared prefix;"
         f" assumed {chosen.prompt_rate:,.0f} fresh tokens/s"),
        (f"... on {chosen.servers} of them", f"{f['days']:,.1f} days", ""),
        ("... money", f"${f['own_servers_usd']:,.0f}", f"assumed ${chosen.gpu_hour:g} an hour"),
        ("LLM of a provider, list", f"${f['list_usd']:,.0f}",
         f"assumed ${into:g} in, ${out:g} out per million"),
        ("... cached prefix", f"${f['cached_usd']:,.0f}",
         f"assumed ${cached:g} per million read, of prefixes from {_LEAST_CACHED:,} tokens on"),
        ("... batch files", f"${f['batch_usd']:,.0f}", "assumed half the list price"),
        ("stored calls", f"{f['calls_gb']:,.0f} GB",
         f"{found.store_bytes:,.0f} bytes each in SQLite, prompt included"),
        ("answers", f"{f['answers_gb']:,.1f} GB", f"{found.answer_bytes:.0f} bytes each"),
        ("student instead: encoder", f"{f['encoder_core_hours']:,.0f} core hours,"
         f" ${f['encoder_usd']:,.0f}", f"{chosen.student_rate:g} sentences/s on one core"),
        ("student instead: linear", f"{f['linear_core_hours']:,.0f} core hours,"
         f" ${f['linear_usd']:,.0f}", f"{found.linear_per_s:,.0f} sentences/s on one core"),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
