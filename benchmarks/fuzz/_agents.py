"""Targets that read what an LLM answered: every registered agent, and the parsers below them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from benchmarks.fuzz._target import Target
from benchmarks.fuzz._world import World
from harness.datasets import read_examples, read_predictions, write_examples, write_predictions
from harness.protocols import Completion, Dialogue, FinishReason, Request
from harness.registry import explainers, extractors, gates, generators
from harness.relations import MarkedTextError, parse_marked, render_marked

__all__ = ["agent_targets"]

T = TypeVar("T")
_MOST_ROUNDS = 60
_SEEDS = (
    b'{"relation": "works_for"}',
    b'Sure!\n```json\n{"relation": "none"}\n```',
    b"The relation is lives_in.",
    b"A",
    b"Yes.\x1eno\x1eShe works there.\x1e{\"relation\": \"works_for\"}",
    b"<h>Ada</h> works for <t>Acme</t> .\n<h>Bo</h> was hired by <t>Faro</t> .",
    b"1. **<h>Ada</h> lives in <t>Basel</t>**\x1e- Ada | Basel",
    b"Context: Ada works for Acme.\nHead Entity: Ada\nHead Type: PER\nTail Entity: Acme\nTail"
    b" Type: ORG\nRelation: works_for",
    b'{"topics": ["a"], "registers": ["b"]}\x1e<h>Ada</h> works for <t>Acme</t> .',
    b'{"samples": [{"text": "Ada works for Acme.", "head": "Ada", "tail": "Acme"}]}',
    b'["Ada", "Acme"]\x1e{"head": "Ada", "tail": "Acme"}',
)  # fmt: skip


def agent_targets(world: World) -> Iterator[Target]:
    """One target per registered agent, and one per parser that stands alone."""
    context = world.context
    example = world.examples[0].labelled(None)

    def made_once(registry: Any, name: str) -> Callable[[], Any]:
        """Makes the agent when it is first asked: some load an encoder."""

        @functools.cache
        def make() -> Any:
            kind = registry.get(name)
            return kind(context=context, options=kind.Options())

        return make

    def extractor(name: str) -> Callable[[bytes], None]:
        made = made_once(extractors, name)

        def read(data: bytes) -> None:
            prediction = _answered(made().extract(example=example), data)
            assert prediction.label is None or prediction.label in world.schema
            assert all(map(math.isfinite, prediction.probabilities.values()))
            file = world.folder / "predicted.jsonl"
            write_predictions([prediction], file)
            (back,) = read_predictions(file, schema=world.schema)
            assert (back.example_id, back.label, back.outcome) == (
                prediction.example_id, prediction.label, prediction.outcome,
            ), "what was read is not what was written"  # fmt: skip

        return read

    def generator(name: str) -> Callable[[bytes], None]:
        made = made_once(generators, name)

        def read(data: bytes) -> None:
            items = made().items()
            item = items[len(data) % len(items)]
            found = _answered(made().generate(item=item), data)
            assert all(row.example.relation == item.label for row in found.rows)
            if found.rows:
                file = world.folder / "generated.jsonl"
                write_examples([row.example for row in found.rows], file)
                back = read_examples(file)
                assert [e.text for e in back] == [row.example.text for row in found.rows]
            for reject in found.rejects:
                reject.text.encode("utf-8")

        return read

    def explainer(name: str) -> Callable[[bytes], None]:
        made = made_once(explainers, name)
        return lambda data: _ignore(_answered(made().explain(example=world.examples[0]), data))

    def gate(name: str) -> Callable[[bytes], None]:
        made = made_once(gates, name)
        return lambda data: _ignore(_answered(made().review(row=world.examples[0]), data))

    for name in extractors.names():
        yield Target(f"extractor {name}", extractor(name), _SEEDS, refuses=False)
    for name in generators.names():
        yield Target(f"generator {name}", generator(name), _SEEDS, refuses=False)
    for name in explainers.names():
        yield Target(f"explainer {name}", explainer(name), _SEEDS, refuses=False)
    for name in gates.names():
        if hasattr(gates.get(name), "review"):  # it asks an LLM
            yield Target(f"gate {name}", gate(name), _SEEDS, refuses=False)

    def marked(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        try:
            read = parse_marked(text, world.schema.markers)
        except MarkedTextError:
            return
        example = world.examples[0].__class__("x", read.text, read.head, read.tail)
        again = parse_marked(render_marked(example, world.schema.markers), world.schema.markers)
        assert (again.text, again.head, again.tail) == (read.text, read.head, read.tail)

    yield Target("marked text", marked, _SEEDS)
    yield _openai(world)


def _answered(dialogue: Dialogue[T], data: bytes) -> T:
    """Carries out a dialogue whose answers stand in ``data``, split at the character 0x1e."""
    finish = list(FinishReason)[data[0] % len(FinishReason)] if data[:1] > b"\xe0" else None
    # As the driver gives them.
    texts = data.decode("utf-8", "replace").replace("\x00", "\ufffd").split("\x1e")
    given = 0
    try:
        requests = next(dialogue)
        for _ in range(_MOST_ROUNDS):
            completions = []
            for request in requests:
                text = texts[given % len(texts)]
                completions.append(Completion(request, text, finish or FinishReason.STOP))
                given += 1
            requests = dialogue.send(completions)
        raise AssertionError(f"the dialogue does not end after {_MOST_ROUNDS} rounds")
    except StopIteration as stop:
        value: T = stop.value
        return value


def _ignore(value: object) -> None:
    assert value is not None


def _openai(world: World) -> Target:
    """The body of an OpenAI-compatible server's answer."""
    import importlib.util
    import json

    from benchmarks.speed.loopback import completion_body
    from harness.protocols import Message

    there = all(importlib.util.find_spec(name) for name in ("openai", "aiohttp"))
    backend: Any = None
    if there:
        from agents.backends import OpenAIBackend, OpenAIOptions

        options = OpenAIOptions(model="some-llm", base_url="http://127.0.0.1:9/v1")
        backend = OpenAIBackend(options=options)
    request = Request((Message("user", "q"),))

    def read(data: bytes) -> None:
        try:
            body = json.loads(data.decode("utf-8"))
        except (ValueError, RecursionError):
            return
        if isinstance(body, dict):
            completion = backend.batch_answer(request, body)
            assert isinstance(completion.text, str)

    seed = json.dumps(completion_body("some-llm", "none")).encode()
    return Target("openai response", read, (seed,), missing=None if there else "openai")
