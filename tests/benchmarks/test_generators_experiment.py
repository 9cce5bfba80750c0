"""The experiment in which every generator writes for SemEval-2010 Task 8."""

import hashlib
import json
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from batch_service import answer_round

from benchmarks.experiments import GENERATORS_SEMEVAL
from harness.pipeline import (
    Explain,
    Generate,
    build_plan,
    estimate_plan,
    load_setup,
    read_jsonl,
)
from harness.registry import explainers, generators

pytestmark = pytest.mark.data
DOCS = Path(__file__).parents[2] / "docs" / "generators.md"


def of_kind(plan, kind):
    return [node for node in plan.nodes if isinstance(node.stage, kind)]


@pytest.fixture(scope="module")
def setup(data_home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALLDISTIL_DATA", str(data_home))
        return load_setup(GENERATORS_SEMEVAL)


def test_every_generator_and_explainer_of_the_project_is_asked(setup, data_home):
    plan = build_plan(setup)
    ours = {name for name in generators if generators.get(name).__module__.startswith("agents.")}
    asked = {node.stage.agent.component for node in of_kind(plan, Generate)}
    assert ours - asked == {"all_at_once_diverse.v1"}  # v2 is its better wording
    assert {n.stage.agent.component for n in of_kind(plan, Explain)} == set(explainers)


def test_the_docs_say_what_it_will_call(setup, data_home):
    stages = [
        s
        for s in estimate_plan(build_plan(setup)).stages
        if isinstance(s.node.stage, Generate | Explain)
    ]
    likely = sum(s.calls + sum(r.likely for r in s.later) for s in stages)
    most = sum(s.calls + sum(r.at_most for r in s.later) for s in stages)
    said = re.search(
        r"([\d,]+) calls likely and ([\d,]+) at most", DOCS.read_text(encoding="utf-8")
    )
    assert [int(number.replace(",", "")) for number in said.groups()] == [likely, most]


def written(body):
    """A service without a model: the form that is asked for, something new each time."""
    asked = body["messages"][-1]["content"]
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    if '"topics"' in asked:
        return '{"topics": ["rain", "law"], "registers": ["a chat", "a report"]}'
    if '"head": [' in asked:
        return '{"head": ["people"], "tail": ["tools"]}'
    if "Head Entity" in asked:
        return "\n".join(
            f"Context: The rain of {digest[n:]} hit a roof. Head Entity: rain. Tail Entity: roof."
            for n in range(3)
        )
    if "NEW FIRST" in asked:
        return f"rain {digest[:6]} | roof\nno pair"
    if "paraphrases" in asked:
        head, tail = re.search(r'keep "(.*?)" and "(.*?)" word for word', asked).groups()
        return f"<e1>{head}</e1> and <e2>{tail}</e2> in {digest[:9]}.\nno sample"
    if "why" in asked:
        return "Because it says so."
    if '{"relation"' in body["messages"][0]["content"]:
        return '{"relation": "Other"}'
    lines = [f"The <e1>rain</e1> of {digest[n:]} hit a <e2>roof</e2>." for n in range(3)]
    return "\n".join(["Here they are:", *lines])


@pytest.mark.slow
def test_every_generator_finishes_by_batch_files_alone(data_home, tmp_path):
    text = GENERATORS_SEMEVAL.read_text(encoding="utf-8")
    text = text.replace("${CALLDISTIL_DATA:-../../../shared/data}", str(data_home))
    text = text.replace("../recordings", str(GENERATORS_SEMEVAL.parents[1] / "recordings"))
    document = yaml.safe_load(text)
    for system in document["systems"].values():
        for source in system.get("train_on", ()):
            if "generated" in source:
                source["generated"].setdefault("options", {})["n"] = 3
    file = tmp_path / "generators.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    setup = load_setup(file)
    folder = tmp_path / "run"
    rounds = 0
    while answer_round(setup, folder, written):
        rounds += 1
        assert rounds <= 12
    assert rounds >= 3  # one sample after the other
    for node in (*of_kind(build_plan(setup), Generate), *of_kind(build_plan(setup), Explain)):
        (content,) = (folder / "artefacts").glob(f"{node.stage.name}-{node.key[:20]}*/content")
        if isinstance(node.stage, Explain):
            assert len(list(read_jsonl(content / "explanations.jsonl"))) == 145
            continue
        kept = list(read_jsonl(content / "examples.jsonl"))
        rejected = list(read_jsonl(content / "rejects.jsonl"))
        assert kept, node.title
        places = Counter((row["meta"]["request"], row["meta"]["position"]) for row in kept)
        places.update((reject["request"], str(reject["position"])) for reject in rejected)
        assert set(places.values()) == {1}
