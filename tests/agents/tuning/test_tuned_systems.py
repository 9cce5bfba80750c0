"""Adapters in experiment files and on the command line."""

import json
import shutil

import numpy as np
import pytest
import yaml

pytest.importorskip("trl")
pytest.importorskip("peft")

from click.testing import CliRunner

from benchmarks.tiny_gguf import write_gguf
from benchmarks.tiny_models import make_causal
from harness.cli._extract import command as extract
from harness.cli._tune import command as tune
from harness.errors import ConfigError
from harness.pipeline import (
    build_plan,
    load_examples,
    load_predictions,
    load_setup,
    run_experiment,
)
from harness.relations import load_schema, save_schema
from harness.report import report_run
from harness.shipping import export_system

MARKED = {
    "works_for": ("Ada works for Acme .", "Bo has worked for Hooli ."),
    "none": ("Cy never saw Acme .", "Di walked past Hooli ."),
}
FAST = {"device": "cpu", "max_steps": 2, "batch_size": 2, "rank": 2}


@pytest.fixture
def folder(tmp_path):
    """A folder with a schema, data and a tiny model."""
    schema = {
        "name": "ties",
        "na_label": "none",
        "relations": {"works_for": {"description": "the head works for the tail"}},
    }
    (tmp_path / "ties.yaml").write_text(yaml.safe_dump(schema), encoding="utf-8")
    save_schema(load_schema(tmp_path / "ties.yaml"), tmp_path / "ties.yaml")
    rows = []
    for label, texts in MARKED.items():
        for text in texts:
            words = text.split()
            spans = [(0, len(words[0])), (text.index(words[-2]), len(text) - 2)]
            head, tail = ({"start": start, "end": end} for start, end in spans)
            rows.append({"id": f"r{len(rows)}", "text": text, "head": head, "tail": tail,
                         "relation": label})  # fmt: skip
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "train.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "test.jsonl").write_text(text.replace('"id": "r', '"id": "t'), encoding="utf-8")
    return tmp_path


def experiment(folder, **changes):
    model = {"model": "tiny", "device": "cpu"}
    document = {
        "calldistil": 1,
        "name": "tuned",
        "schema": "ties.yaml",
        "data": {"test": {"file": "test.jsonl"}, "train": {"file": "train.jsonl"}},
        "few_shot": {"k": 2},
        "backends": {
            "base": {"use": "hf", "options": model, "price": "machine"},
            "tuned": {
                "use": "hf",
                "options": model | {"adapter": {"tuned": "sft"}},
                "price": "machine",
            },
            "writer": {
                "use": "hf",
                "options": model | {"adapter": {"tuned": "dpo", "part": "first"}},
                "sampling": {"max_tokens": 8},
            },
        },
        "tuned": {
            "sft": {"tuner": "sft", "options": model | FAST},
            "dpo": {"tuner": "dpo", "options": model | FAST, "train_on": "few_shot"},
        },
        "prices": {"date": "2026-11-01", "source": "made up", "machine_per_hour": 1.0,
                   "human_label": 0.5},
        "seeds": {"training": [1]},
        "systems": {
            "llm": {"extractor": "zero_shot", "backend": "base", "options": {"form": "scores"}},
            "sft": {"extractor": "zero_shot", "backend": "tuned", "options": {"form": "scores"}},
            "student": {
                "student": "linear",
                "options": {"types": False},
                "train_on": [
                    {"gold": "few_shot"},
                    {"generated": {"generator": "all_at_once", "backend": "writer",
                                   "options": {"n": 2}}},
                ],
            },
        },
        "reference": "llm",
    }  # fmt: skip
    document |= changes
    file = folder / "experiment.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


def test_an_adapter_that_is_not_declared_is_told_with_its_line(folder):
    with pytest.raises(ConfigError) as raised:
        load_setup(experiment(folder, tuned={}))
    told = str(raised.value)
    assert "the adapter 'sft' is not declared" in told and "experiment.yaml:" in told


def test_an_unknown_option_of_a_tuner_is_told(folder):
    wrong = {"sft": {"tuner": "sft", "options": {"model": "tiny", "ranks": 3}}}
    with pytest.raises(ConfigError, match="ranks"):
        load_setup(experiment(folder, tuned=wrong))


def test_what_an_adapter_is_trained_on_stands_before_the_answers_in_the_plan(folder):
    make_causal(folder / "tiny")
    plan = build_plan(load_setup(experiment(folder)))
    systems = {system.name: system.repetitions[0].answers for system in plan.systems}
    behind = {name: {n.stage.name for n in end.ancestors()} for name, end in systems.items()}
    assert "tune" not in behind["llm"]
    assert {"tune", "read"} <= behind["sft"]
    assert {"tune", "split", "generate"} <= behind["student"]
    keys = [node.key for node in plan.nodes if node.stage.name == "tune"]
    other = {"sft": {"tuner": "sft", "options": {"model": "tiny", "rank": 3}}}
    dpo = {"dpo": {"tuner": "dpo", "options": {"model": "tiny"}, "train_on": "few_shot"}}
    changed = build_plan(load_setup(experiment(folder, tuned=other | dpo)))
    assert set(keys).isdisjoint(n.key for n in changed.nodes if n.stage.name == "tune")


def test_what_is_known_of_an_adapter_goes_with_its_gguf_file_that_lies_beside_it(folder):
    for name in ("tiny.gguf", "out/adapter.gguf", "foreign/adapter.gguf"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"GGUF")
    (folder / "out" / "tuned.json").write_text(json.dumps({"trained_on": ["r0", "r1"]}))
    (folder / "out" / "seconds.json").write_text(json.dumps({"seconds": 7.5}))
    loras = {
        "bare": {},
        "own": {"lora": "out/adapter.gguf"},
        "foreign": {"lora": "foreign/adapter.gguf"},
    }
    backends = {
        name: {"use": "llama_cpp", "options": {"model": "tiny.gguf", **lora}, "price": "machine"}
        for name, lora in loras.items()
    }
    systems = {name: {"extractor": "zero_shot", "backend": name} for name in backends}
    file = experiment(folder, backends=backends, systems=systems, tuned={}, reference="bare")
    plan = build_plan(load_setup(file))
    known = {
        system.name: [
            dict(node.stage.identity()["known"])
            for node in system.repetitions[0].answers.ancestors()
            if node.stage.name == "adopt"
        ]
        for system in plan.systems
    }
    assert known == {
        "bare": [],
        "own": [{"trained_on": ["r0", "r1"], "seconds": 7.5}],
        "foreign": [{}],
    }


@pytest.mark.slow
def test_a_tuned_system_pays_for_its_training_once_and_for_the_labels_it_saw(folder):
    make_causal(folder / "tiny", context=4096)
    file = experiment(folder)
    run = run_experiment(file, folder=folder / "run", jobs=1)
    report = report_run(run.folder)
    rows = {row.system: row for row in report.rows}
    assert rows["sft"].gold_budget == 4 and rows["llm"].gold_budget == 0
    assert rows["sft"].costs.one_off_seconds > 0 and rows["llm"].costs.one_off_seconds == 0
    artefacts = {p.name.partition("-")[0]: p for p in run.folder.rglob("generate-*")}
    for example in load_examples(artefacts["generate"] / "content"):
        assert (
            example.relation
            in json.loads(
                next(run.folder.rglob("tune-*/content/second/../tuned.json")).read_text()
            )["parts"]["second"]
        )
    assert not list(run.folder.rglob(".checkpoints/*"))
    again = run_experiment(file, folder=folder / "run", jobs=1)
    assert again.folder == run.folder


@pytest.mark.slow
def test_an_adapter_from_the_command_line_answers_on_the_backend_hf(folder):
    make_causal(folder / "tiny", context=4096)
    model = str(folder / "tiny")
    options = [f"-Omodel={model}", "-Odevice=cpu", "-Omax_steps=2", "-Orank=2"]
    schema = ["-s", str(folder / "ties.yaml")]
    done = CliRunner().invoke(
        tune,
        ["sft", str(folder / "train.jsonl"), *schema, *options, "-o", str(folder / "out")],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (folder / "out").iterdir()) == [
        "adapter",
        "seconds.json",
        "tuned.json",
    ]
    done = CliRunner().invoke(
        extract,
        [str(folder / "test.jsonl"), *schema, "-b", "hf", f"-Bmodel={model}", "-Bdevice=cpu",
         f"-Badapter={folder / 'out' / 'adapter'}", "-Oform=scores", "-o", str(folder / "ans")],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert len((folder / "ans" / "predictions.jsonl").read_text().splitlines()) == 4


@pytest.mark.slow
def test_an_adapter_folder_brings_its_cost_along_and_a_foreign_one_is_unknown(folder):
    make_causal(folder / "tiny", context=4096)
    model = ["-Omodel=" + str(folder / "tiny"), "-Odevice=cpu", "-Omax_steps=2", "-Orank=2"]
    done = CliRunner().invoke(
        tune,
        ["sft", str(folder / "train.jsonl"), "-s", str(folder / "ties.yaml"), *model, "-o",
         str(folder / "out")],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    shutil.copytree(folder / "out" / "adapter", folder / "foreign" / "adapter")
    scores = {"extractor": "zero_shot", "options": {"form": "scores"}}
    carried = {"model": "tiny", "device": "cpu"}
    backends = {
        name: {"use": "hf", "options": carried | options, "price": "machine"}
        for name, options in {
            "base": {},
            "own": {"adapter": "out/adapter"},
            "foreign": {"adapter": "foreign/adapter"},
        }.items()
    }
    systems = {name: scores | {"backend": name} for name in backends}
    file = experiment(folder, backends=backends, systems=systems, tuned={}, reference="base")
    run = run_experiment(file, folder=folder / "run", jobs=1)
    rows = {row.system: row for row in report_run(run.folder).rows}
    seconds = json.loads((folder / "out" / "seconds.json").read_text())["seconds"]
    assert rows["own"].costs.one_off_seconds == pytest.approx(seconds)
    assert rows["own"].gold_budget == 4
    assert rows["foreign"].costs.one_off_seconds is None
    assert rows["base"].costs.one_off_seconds == 0


@pytest.mark.slow
def test_an_adapter_that_the_run_tunes_answers_on_llama_cpp_as_on_hf(folder):
    pytest.importorskip("llama_cpp")
    pytest.importorskip("gguf")
    make_causal(folder / "tiny", context=4096)
    write_gguf(folder / "tiny", folder / "tiny.gguf")
    scores = {"extractor": "zero_shot", "options": {"form": "scores"}}
    here = {"model": "tiny", "device": "cpu", "dtype": "float32"}
    backends = {
        name: {"use": use, "options": options, "price": "machine"}
        for name, use, options in (
            ("bare", "llama_cpp", {"model": "tiny.gguf"}),
            ("cpp", "llama_cpp", {"model": "tiny.gguf", "lora": {"tuned": "sft"}}),
            ("hf", "hf", here | {"adapter": {"tuned": "sft"}}),
        )
    }
    # A rate that a tiny model notices.
    sft = {"model": "tiny", "device": "cpu", "max_steps": 6, "learning_rate": 0.05}
    changes = {
        "backends": backends,
        "systems": {name: scores | {"backend": name} for name in backends},
        "tuned": {"sft": {"tuner": "sft", "options": sft}},
        "reference": "bare",
    }
    file = experiment(folder, **changes)
    plan = build_plan(load_setup(file))
    assert len([node for node in plan.nodes if node.stage.name == "tune"]) == 1
    run = run_experiment(file, folder=folder / "run", jobs=1)
    rows = {row.system: row for row in report_run(run.folder).rows}
    assert rows["cpp"].gold_budget == 4 and rows["bare"].gold_budget == 0
    assert rows["cpp"].costs.one_off_seconds == rows["hf"].costs.one_off_seconds > 0
    answers = {}
    for system in plan.systems:
        node = system.repetitions[0].answers
        content = run.artefacts.folder_of(node.stage.name, node.key) / "content"
        found = load_predictions(content, load_schema(folder / "ties.yaml"))
        answers[system.name] = np.log([p.probabilities["works_for"] for p in found])
    assert np.abs(answers["cpp"] - answers["hf"]).max() < 0.1
    assert np.abs(answers["cpp"] - answers["bare"]).max() > 1
    exported = export_system(run.folder, "cpp", folder / "shipped")
    assert exported.about.direct.backend_options["lora"] == "files/adapter"
    assert (folder / "shipped" / "files" / "adapter" / "adapter_model.safetensors").is_file()
