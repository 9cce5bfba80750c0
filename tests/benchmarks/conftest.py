"""What tests of the shipped experiments share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.experiments import EXTRACTORS_SEMEVAL


@pytest.fixture(scope="module")
def cut_extractors(
    data_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Writes the experiment of all extractors, cut to a few sentences, with a change.

    Four test sentences (one for the method that asks per relation), and the few-shot set as
    training data.
    """

    def write(change: Callable[[dict[str, Any]], object] = lambda document: None) -> Path:
        folder = tmp_path_factory.mktemp("extractors")
        text = EXTRACTORS_SEMEVAL.read_text(encoding="utf-8")
        home = text.replace("${CALLDISTIL_DATA:-../../../shared/data}", str(data_home))
        document = yaml.safe_load(home)
        recordings = EXTRACTORS_SEMEVAL.parents[1] / "recordings" / "semeval-2010-task-8"
        ids = json.loads((recordings / "per_relation_test_ids.json").read_text(encoding="utf-8"))
        few_shot = json.loads((recordings / "few_shot_ids.json").read_text(encoding="utf-8"))
        parts = {"test": ids[:4], "one": ids[:1], "train": few_shot["k8-seed1"]}
        for name, chosen in parts.items():
            (folder / f"{name}.json").write_text(json.dumps(chosen), encoding="utf-8")
        document["data"]["test"]["ids"] = "test.json"
        document["data"]["train"]["ids"] = "train.json"
        document["few_shot"]["ids"]["file"] = str(recordings / "few_shot_ids.json")
        document["systems"]["summarise and ask"]["ids"] = "one.json"
        document["statistics"] = {"resamples": 100}
        change(document)
        file = folder / "extractors.yaml"
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return file

    return write
