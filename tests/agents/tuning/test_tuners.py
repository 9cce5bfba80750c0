"""Tuners on tiny models: losses fall, margins rise, interrupted training goes on."""

import json
from pathlib import Path

import pytest

pytest.importorskip("trl")
pytest.importorskip("peft")
pytest.importorskip("torch")

import torch
from safetensors.torch import load_file

from agents.backends import HuggingFaceBackend, HuggingFaceOptions
from agents.tuning import (
    DpoOptions,
    DpoTuner,
    PairKind,
    SftOptions,
    SftTuner,
    halves_of,
    preference_pairs,
)
from benchmarks.tiny_models import make_causal, make_seq2seq
from harness.errors import CalldistilError
from harness.protocols import Message, Request, Sampling, read_scores
from harness.relations import Example, Markers, Relation, Schema, parse_marked

SCHEMA = Schema(
    name="ties",
    na_label="none",
    relations=(Relation("works_for"), Relation("born_in"), Relation("wrote")),
)
WORDS = {
    "works_for": "works for {} now",
    "born_in": "was born near {} then",
    "wrote": "wrote {} once",
    "none": "never saw {} at all",
}
NAMES = ("Ada", "Bo", "Cy", "Di")
PLACES = ("Acme", "Oslo", "Rome", "Hooli")


def example(number, label, who, what):
    marked = f"<e1>{who}</e1> " + WORDS[label].format(f"<e2>{what}</e2>") + " ."
    found = parse_marked(marked, Markers())
    return Example(str(number), found.text, found.head, found.tail, label)


EXAMPLES = [
    example(f"{label}-{n}", label, NAMES[n], PLACES[(n + shift) % 4])
    for shift, label in enumerate(WORDS)
    for n in range(4)
]
TEXTS = [row.text for row in EXAMPLES] + [*WORDS, '{"relation": "', "<e1> </e1> <e2> </e2>"]
FAST = {"device": "cpu", "batch_size": 8, "learning_rate": 5e-3, "dropout": 0.0}


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    folder = tmp_path_factory.mktemp("causal") / "m"
    return make_causal(folder, texts=TEXTS * 4, context=1024, width=48)


@pytest.fixture(scope="module")
def seq2seq(tmp_path_factory):
    return make_seq2seq(tmp_path_factory.mktemp("seq2seq") / "m", texts=TEXTS * 4, width=48)


def tuned(tuner, folder, **rest):
    for name in ("adapters", "checkpoints"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return tuner.tune(
        examples=EXAMPLES, seed=1, folder=folder / "adapters", checkpoints=folder / "checkpoints",
        **rest,
    )  # fmt: skip


def test_examples_without_labels_and_labels_without_samples_are_told(tmp_path, causal):
    tuner = SftTuner(schema=SCHEMA, options=SftOptions(model=str(causal)))
    with pytest.raises(CalldistilError, match="no example is labelled"):
        tuner.tune(
            examples=[EXAMPLES[0].labelled(None)], seed=1, folder=tmp_path, checkpoints=tmp_path
        )
    dpo = DpoTuner(schema=SCHEMA, options=DpoOptions(model=str(causal)))
    with pytest.raises(CalldistilError, match="no preference pairs"):
        dpo.tune(examples=EXAMPLES[:1], seed=1, folder=tmp_path, checkpoints=tmp_path)


def test_an_extractor_that_asks_in_rounds_is_refused(tmp_path, causal):
    options = SftOptions(model=str(causal), extractor="summarize_ask")
    with pytest.raises(CalldistilError, match="asks once"):
        tuned(SftTuner(schema=SCHEMA, options=options), tmp_path)


def test_the_identity_of_tuning_is_that_of_the_weights_and_not_of_the_place(causal):
    def of(**options):
        return SftTuner.fingerprint(options=SftOptions(model=str(causal), **options))

    assert of() == of(device="cpu", name="other", checkpoint_steps=7)
    assert of() != of(rank=4)
    assert str(causal) not in json.dumps(dict(of()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_a_fine_tuned_models_loss_falls_and_its_adapter_finds_the_labels(request, tmp_path, kind):
    model = request.getfixturevalue(kind)
    extractor = {"extractor": "rag4re", "extractor_options": {"retrieval": False}}
    options = SftOptions(model=str(model), epochs=30, **FAST, rank=32, **extractor)
    report = tuned(SftTuner(schema=SCHEMA, options=options), tmp_path)
    losses = report.figures["loss"]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    assert report.parts == {"adapter": SCHEMA.label_names}
    adapter = tmp_path / "adapters" / "adapter"
    assert {file.suffix for file in adapter.iterdir()} == {".json", ".safetensors"}

    def mean_score(**rest):
        backend = HuggingFaceBackend(
            options=HuggingFaceOptions(model=str(model), device="cpu", **rest)
        )
        tuner = SftTuner(schema=SCHEMA, options=options)
        asked = {
            Request(messages=row.messages, labels=SCHEMA.label_names): row.answer
            for row in tuner._answered(EXAMPLES)
        }
        scored = [(o, read_scores(o)) for o in backend.score_labels(list(asked))]
        return sum(s[asked[o.request]].log_probability for o, s in scored) / len(scored)

    assert mean_score(adapter=adapter) > mean_score() + 3
    with_adapter = HuggingFaceOptions(model=str(model), adapter=adapter)
    plain = HuggingFaceOptions(model=str(model))
    identities = [HuggingFaceBackend(options=o).model.weights for o in (with_adapter, plain)]
    assert identities[0] != identities[1]


@pytest.mark.slow
def test_interrupted_training_goes_on_and_ends_as_if_it_had_not_been(tmp_path, causal):
    options = SftOptions(model=str(causal), max_steps=8, checkpoint_steps=3, **FAST)
    whole = tuned(SftTuner(schema=SCHEMA, options=options), tmp_path / "whole")

    def stop(done, total):
        if done == 5:
            raise KeyboardInterrupt

    seen = []
    with pytest.raises(KeyboardInterrupt):
        tuned(SftTuner(schema=SCHEMA, options=options), tmp_path / "cut", progress=stop)
    resumed = tuned(
        SftTuner(schema=SCHEMA, options=options), tmp_path / "cut",
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(step, 8) for step in range(4, 9)]
    assert resumed.steps == whole.steps == 8
    assert resumed.figures["loss"] == pytest.approx(whole.figures["loss"])
    here, there = (
        load_file(tmp_path / name / "adapters" / "adapter" / "adapter_model.safetensors")
        for name in ("whole", "cut")
    )
    assert all(torch.allclose(here[name], there[name], atol=1e-6) for name in here)


@pytest.fixture(scope="module")
def copier(tmp_path_factory):
    """A model that answers a request for a sample with a copy of a demonstration."""
    from memorised import memorise

    pairs = preference_pairs(EXAMPLES, schema=SCHEMA, labels=SCHEMA.label_names, seed=1)
    copies = {}
    for pair in pairs:
        if pair.kind is PairKind.COPY:
            copies[pair.messages[0].content] = pair.dispreferred
    folder: Path = tmp_path_factory.mktemp("copier") / "m"
    return memorise(folder, copies, texts=TEXTS, context=1024, steps=150)


@pytest.mark.slow
def test_preferences_raise_the_margin_and_move_the_generator_from_copies(tmp_path, copier):
    options = DpoOptions(model=str(copier), epochs=8, **FAST, rank=16, beta=0.3)
    report = tuned(DpoTuner(schema=SCHEMA, options=options), tmp_path)
    first, second = halves_of(SCHEMA, seed=1)
    assert report.parts == {"first": first, "second": second}
    for part in ("first", "second"):
        losses, margins = report.figures[f"{part}.loss"], report.figures[f"{part}.margins"]
        assert sum(losses[-3:]) < 0.8 * sum(losses[:3])
        assert sum(margins[-3:]) > sum(margins[:3]) + 1
        adapter = tmp_path / "adapters" / part
        assert copied(copier, report.parts[part]) == 1.0
        assert copied(copier, report.parts[part], adapter=adapter) < 0.5


def copied(model, labels, **rest):
    """The share of greedy answers that are a copy of a demonstration."""
    pairs = preference_pairs(EXAMPLES, schema=SCHEMA, labels=labels, seed=1)
    backend = HuggingFaceBackend(options=HuggingFaceOptions(model=str(model), device="cpu", **rest))
    sampling = Sampling(max_tokens=40, temperature=0.0)
    prompts = dict.fromkeys(pair.messages[0].content for pair in pairs)
    requests = [Request((Message("user", prompt),), sampling) for prompt in prompts]
    answers = list(backend.complete(requests))
    found = [a.text and a.text in a.request.messages[0].content for a in answers]
    return sum(map(bool, found)) / len(found)
