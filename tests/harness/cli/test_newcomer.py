"""The README's path: own CSV, own schema, own OpenAI-compatible server, to a verdict."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed.loopback import LoopbackServer

pytest.importorskip("openai")

README = Path(__file__).resolve().parents[3] / "README.md"
PATTERNS = {
    "works_for": "{h} works for {t} .",
    "lives_in": "{h} lives in {t} .",
    "no_relation": "{h} wrote about {t} .",
}
PEOPLE = ("Ada", "Bo", "Cy", "Dot", "Eli", "Fay", "Gus", "Hal", "Ida", "Jo", "Kit", "Lou")


def write_csv(file: Path, people: tuple[str, ...], places: tuple[str, ...]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(("text", "head", "tail", "relation"))
        for relation, pattern in PATTERNS.items():
            for at, who in enumerate(people):
                place = places[at % len(places)]
                rows.writerow((pattern.format(h=who, t=place), who, place, relation))


def answer(body: Mapping[str, Any]) -> str:
    """Labels a marked sentence by its verb, or writes eight marked samples."""
    asked = str(body["messages"][-1]["content"])
    verbs = {"works for": "works_for", "lives in": "lives_in", "wrote about": "no_relation"}
    if "<e1>" in asked and "\n" not in asked.strip():
        return json.dumps({"relation": next(r for verb, r in verbs.items() if verb in asked)})
    wanted = next((verb for verb, r in verbs.items() if r in asked), "wrote about")
    return "\n".join(
        f"<e1>{who}</e1> {wanted} <e2>Town{at}</e2> ." for at, who in enumerate(PEOPLE)
    )


def commands() -> list[list[str]]:
    """The commands that the README's section shows, in its order."""
    section = README.read_text(encoding="utf-8").split("## Your own data and LLM")[1]
    block = re.search(r"```console\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [shlex.split(line[2:], comments=True)[1:] for line in block[1].splitlines()]


@pytest.mark.slow
def test_the_readme_leads_from_a_csv_and_a_server_to_a_verdict(
    calldistil: Any, tmp_path: Path
) -> None:
    write_csv(tmp_path / "sentences.csv", PEOPLE[:8], ("Acme", "Basel", "Corto"))
    write_csv(tmp_path / "held_out.csv", PEOPLE, ("Dunn", "Essen", "Faro"))
    write_csv(tmp_path / "rows.csv", PEOPLE[:8], ("Acme", "Basel", "Corto"))
    (tmp_path / "new.jsonl").write_text(
        '{"id": "1", "text": "Ada works for Zorg .", "head": {"start": 0, "end": 3},'
        ' "tail": {"start": 14, "end": 18}}\n',
        encoding="utf-8",
    )
    init, plan, run, page, board, train, predict, export, serve = commands()
    assert [words[0] for words in (init, plan, run, page, board, train, predict, export)] == [
        "init", "plan", "run", "report", "leaderboard", "train", "predict", "export",
    ]  # fmt: skip
    assert serve == ["serve", "shipped"]  # tests/harness/shipping has it
    report = [*(word for word in page if word != "--html"), "--format", "markdown"]
    said = []
    with LoopbackServer(answer) as server:
        own = ["--model", "my/llm", "--base-url", server.base_url, "--student", "linear"]
        env = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
        said.append(calldistil(*init, *own, cwd=tmp_path, **env))
        schema = tmp_path / "sentences.schema.yaml"
        text = schema.read_text(encoding="utf-8")
        described = text.replace("works_for: {}", "works_for: {description: the head is employed}")
        assert described != text
        schema.write_text(described, encoding="utf-8")
        experiment = tmp_path / "sentences.experiment.yaml"
        text = experiment.read_text(encoding="utf-8")
        priced = re.sub(
            r"# price: \{.*", "price: {input: 2.0, output: 8.0, date: 2026-01-01, source: us}", text
        )
        priced = priced.replace("# human_label: 0.10", "human_label: 0.01")
        assert priced.count("price: {input") == 1 and "\n  human_label: 0.01" in priced
        experiment.write_text(priced, encoding="utf-8")
        said += [calldistil(*words, cwd=tmp_path, **env) for words in (plan, run)]
    said += [calldistil(*words, cwd=tmp_path) for words in (report, board)]
    said.append(calldistil(*train, "--student", "linear", cwd=tmp_path))
    said.append(calldistil(*predict, cwd=tmp_path))
    for done in said:
        assert done.returncode == 0, f"{done.args}: {done.stdout}{done.stderr}"
    planned, table = said[1].stdout, said[3].stdout
    assert "the head is employed" in planned and said[1].stderr == ""
    assert re.search(r"\*\*Verdict: (Distil|Do not distil|Not separable)", table), table
    assert (tmp_path / "site" / "index.html").is_file()
    assert "works_for" in said[-1].stdout


def test_a_server_of_ones_own_is_not_priced_as_a_provider(calldistil: Any, tmp_path: Path) -> None:
    write_csv(tmp_path / "sentences.csv", PEOPLE[:3], ("Acme",))
    own = ("--na", "no_relation", "--model", "mine", "--base-url", "http://127.0.0.1:9/v1")
    calldistil("init", "sentences.csv", *own, "--student", "linear", cwd=tmp_path)
    planned = calldistil("plan", "sentences.experiment.yaml", cwd=tmp_path)
    assert planned.returncode == 0 and "unknown" in planned.stdout
    experiment = tmp_path / "sentences.experiment.yaml"
    text = experiment.read_text(encoding="utf-8")
    borrowed = re.sub(r"# price: machine.*", "price: snapshot\n    price_model: gpt-4.1-mini", text)
    experiment.write_text(borrowed, encoding="utf-8")
    warned = calldistil("plan", "sentences.experiment.yaml", cwd=tmp_path).stderr
    assert "priced as the provider's 'gpt-4.1-mini'" in warned
