"""Targets that read files: data sets, labels, schemas, experiments, recordings, what runs write."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.fuzz._target import Target
from benchmarks.fuzz._world import World
from benchmarks.papers import FOLDER
from harness.datasets import (
    apply_retacred_labels,
    apply_tacrev_patch,
    dataset_formats,
    few_shot_from_ids,
    parse_examples,
    read_examples,
    read_label_file,
    read_predictions,
    write_examples,
    write_predictions,
)
from harness.errors import CalldistilError
from harness.pipeline import (
    Manifest,
    build_plan,
    bundle_run,
    export_batch,
    import_batch,
    load_setup,
    unbundle,
)
from harness.relations import Outcome, Prediction, load_schema, save_schema
from harness.report import load_price_list, load_results, render, report_run
from harness.report.leaderboard import load_leaderboard, load_published
from harness.store import ArtefactStore, open_call_store

__all__ = ["file_targets"]

_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def file_targets(world: World) -> Iterator[Target]:
    """All targets that read files."""
    for name in dataset_formats.names():
        yield _hub(world) if name == "hub" else _reader(world, name)
    yield from _labels(world)
    yield from _declared(world)
    yield from _written_by_runs(world)


def _reader(world: World, format: str) -> Target:
    seeds = []
    seed = world.folder / f"seed.{format}"
    for examples in (world.examples, world.examples[:1]):
        try:
            write_examples(examples, seed, format=format, schema=world.schema)
        except CalldistilError:  # the format has no room for something of the task
            continue
        seeds.append(seed.read_bytes())

    def read(data: bytes) -> None:
        file = world.file(f"data.{format}", data)
        schema = world.schema if data[:1] > b"a" else None
        examples = read_examples(file, format=format, schema=schema)
        again = world.folder / f"again.{format}"
        try:
            write_examples(examples, again, format=format, schema=schema)
        except CalldistilError:  # what cannot stand in the format is refused
            return
        back = read_examples(again, format=format, schema=schema)
        assert [(e.text, e.head.start, e.head.end, e.tail.start, e.tail.end, e.relation)
                for e in back] == [
            (e.text, e.head.start, e.head.end, e.tail.start, e.tail.end, e.relation)
            for e in examples
        ], "what was read is not what was written"  # fmt: skip

    return Target(f"reader {format}", read, tuple(seeds), suffix=f".{format}")


def _hub(world: World) -> Target:
    rows = "\n".join(
        json.dumps({"id": e.id, "text": e.text, "head": e.head.surface, "tail": e.tail.surface,
                    "relation": e.relation})
        for e in world.examples
    )  # fmt: skip

    def read(data: bytes) -> None:
        os.environ.setdefault("HF_DATASETS_CACHE", str(world.folder / "cache"))
        folder = world.folder / "hub"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "train.jsonl").write_bytes(data)
        read_examples(folder, format="hub", schema=None)

    there = importlib.util.find_spec("datasets") is not None
    return Target("reader hub", read, (rows.encode(),), missing=None if there else "datasets")


def _labels(world: World) -> Iterator[Target]:
    predictions = [Prediction(e.id, "none", Outcome.PARSED) for e in world.examples]
    seed = world.folder / "predictions.jsonl"
    write_predictions(predictions, seed)
    text = world.folder / "predictions.txt"
    text.write_text("".join(f"{e.id}\t{e.relation}\n" for e in world.examples), encoding="utf-8")

    def read(data: bytes) -> None:
        for name in ("p.jsonl", "p.txt", "p.csv"):
            file = world.file(name, data)
            _within(lambda file=file: read_predictions(file, schema=world.schema))  # type: ignore[misc]

    yield Target("predictions", read, (seed.read_bytes(), text.read_bytes()))

    listed = [{"id": e.id, "relation": e.relation} for e in world.examples]
    labels = (
        json.dumps(listed),
        json.dumps({e.id: e.relation for e in world.examples}),
        "\n".join(json.dumps({"id": e.id, "label_true": e.relation}) for e in world.examples),
    )

    def label_file(data: bytes) -> None:
        file = world.file("labels.json", data)
        _within(lambda: read_label_file(file))
        _within(lambda: apply_tacrev_patch(world.examples, file))
        _within(lambda: apply_retacred_labels(world.examples, file))

    yield Target("label files", label_file, tuple(map(str.encode, labels)))

    ids = {"k1-seed1": [e.id for e in world.examples], "k2-seed1": [1, 2]}

    def few_shot(data: bytes) -> None:
        few_shot_from_ids(world.examples, file=world.file("ids.json", data), key="k1-seed1", k=1)

    yield Target("few-shot ids", few_shot, (json.dumps(ids).encode(),))

    lines = (world.folder / "test.jsonl").read_bytes()

    def streamed(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        parse_examples(enumerate(text.split("\n"), 1), file=Path("-"), schema=world.schema)

    yield Target("streamed examples", streamed, (lines,))


def _within(read: Callable[[], object]) -> None:
    """Several readings of one input: the errors that are foreseen are each one's own affair."""
    try:
        read()
    except CalldistilError:
        return


def _declared(world: World) -> Iterator[Target]:
    """What users declare: schemas, experiments, prices, recordings, lists of ids."""

    def schema(data: bytes) -> None:
        found = load_schema(world.file("schema.yaml", data))
        again = world.folder / "again.yaml"
        save_schema(found, again)
        assert load_schema(again) == found, "what was read is not what was written"

    yield Target("schema", schema, ((world.folder / "ties.yaml").read_bytes(),))

    def experiment(data: bytes) -> None:
        build_plan(load_setup(world.file("fuzzed.yaml", data)))

    yield Target("experiment", experiment, (world.experiment.read_bytes(),))

    prices = (
        b"backends:\n  teacher: {input: 2, output: [7, 8, 9], date: 2026-01-01, source: a list}\n"
        b"prices: {machine_per_hour: 0.1, date: 2026-01-01, source: a list}\n"
    )

    def price_list(data: bytes) -> None:
        load_price_list(world.file("prices.yaml", data))

    yield Target("price list", price_list, (prices,))

    from agents.backends import RecordedBackend, RecordedOptions

    message = [{"role": "user", "content": "q"}]
    lines = (
        json.dumps({"messages": message, "response": "a", "repeat": 1, "finish": "stop"}),
        json.dumps({"key": "0" * 64, "response": "b"}),
    )

    def recordings(data: bytes) -> None:
        file = world.file("recorded.jsonl", data)
        RecordedBackend(options=RecordedOptions(model="m", recordings=(file,)))

    yield Target("recordings", recordings, ("\n".join(lines).encode(),))


def _written_by_runs(world: World) -> Iterator[Target]:
    """What runs write, and others may have changed: bundles, batch answers, manifests, stores."""
    yield _bundle(world)
    yield _batch(world)

    def manifest(data: bytes) -> None:
        Manifest.read(world.file("manifest.json", data))

    plan = build_plan(load_setup(world.experiment))
    made = Manifest.of(plan, run="r", store=None, calls=None, started_at=_MOMENT)
    yield Target("manifest", manifest, (made.model_dump_json().encode(),))

    def results(data: bytes) -> None:
        load_results(world.file("results.json", data))

    def tables() -> tuple[bytes, ...]:
        run = world.finished_run()
        return (render(report_run(run), "json").encode(),)

    yield Target("results", results, (b'{"format": "calldistil.head_to_head"}',), more_seeds=tables)

    def board(data: bytes) -> None:
        load_leaderboard(world.file("leaderboard.json", data))

    yield Target("leaderboard", board, (b'{"format": "calldistil.leaderboard"}',))

    def figures(data: bytes) -> None:
        load_published([world.file("published.json", data)])

    published = FOLDER / "rag4re-2024.json"
    yield Target("published figures", figures, (published.read_bytes(),))

    folder = world.folder / "artefacts"
    store = ArtefactStore(folder)
    with store.writing("probe", "0" * 64, config={}) as draft:
        (draft.content / "file").write_text("x", encoding="utf-8")
    artefact = store.find("probe", "0" * 64)
    assert artefact is not None
    about = artefact.folder / "about.json"
    seed = about.read_bytes()

    def described(data: bytes) -> None:
        about.write_bytes(data)
        store.find("probe", "0" * 64)
        list(store)

    yield Target("artefact", described, (seed,))

    def calls(data: bytes) -> None:
        file = world.file("fuzzed.sqlite", data)
        for left in ("-wal", "-shm"):
            file.with_name(file.name + left).unlink(missing_ok=True)
        with open_call_store(file) as opened:
            opened.get_many(["0" * 64])
            list(opened)

    with open_call_store(world.folder / "seed.sqlite") as opened:
        opened.record_failure("0" * 64, "no")
    yield Target("call store", calls, ((world.folder / "seed.sqlite").read_bytes(),), most=1 << 17)


def _bundle(world: World) -> Target:
    slip = io.BytesIO()
    with zipfile.ZipFile(slip, "w") as archive:
        archive.writestr("../calls.jsonl", b"")

    def seeds() -> tuple[bytes, ...]:
        packed = world.folder / "packed.zip"
        bundle_run(world.finished_run(), packed)
        plain = io.BytesIO()  # what a mutation of the compressed one seldom reaches
        with zipfile.ZipFile(packed) as archive, zipfile.ZipFile(plain, "w") as stored:
            for name in archive.namelist():
                stored.writestr(name, archive.read(name))
        return packed.read_bytes(), plain.getvalue()

    def unpack(data: bytes) -> None:
        folder = world.folder / "unpacked"
        shutil.rmtree(folder, ignore_errors=True)
        before = {file.name for file in world.folder.iterdir()}
        try:
            unbundle(world.file("bundle.zip", data), folder)
        finally:
            after = {file.name for file in world.folder.iterdir()} - before
            assert after <= {"bundle.zip", "unpacked"}, f"{after} lie outside of the folder"

    return Target("bundle", unpack, (slip.getvalue(),), suffix=".zip", more_seeds=seeds)


def _batch(world: World) -> Target:
    setup = load_setup(world.experiment)
    run, asked = world.folder / "batch", world.folder / "asked.jsonl"
    there = all(importlib.util.find_spec(name) for name in ("openai", "aiohttp"))
    seeds: tuple[bytes, ...] = (b'{"custom_id": "x"}',)
    if there:
        os.environ.setdefault("OPENAI_API_KEY", "none")
        export_batch(setup, asked, folder=run)
        keys = [json.loads(line)["custom_id"] for line in asked.read_text("utf-8").splitlines()]
        from benchmarks.speed.loopback import completion_body

        body = completion_body("some-llm", '{"relation": "none"}')
        lines = [
            json.dumps({"custom_id": key, "response": {"status_code": 200, "body": body}})
            for key in keys
        ]
        seeds = ("\n".join(lines).encode(), lines[0].encode())

    def bring(data: bytes) -> None:
        for file in run.glob("calls.sqlite*"):
            file.unlink()
        import_batch(
            setup, world.file("answers.jsonl", data), folder=run, partial=data[-1:] == b" "
        )

    return Target("batch answers", bring, seeds, missing=None if there else "openai")
