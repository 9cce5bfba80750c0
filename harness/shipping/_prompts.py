"""A direct system's first requests, written out for people."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from harness.pipeline import Extract
from harness.relations import Example, Mention, Schema
from harness.shipping._direct_system import INPUTS, agent_of_part
from harness.shipping._system import DirectPart

__all__ = ["write_prompts"]

PROMPTS = "prompts.json"
_TEXT = "HEAD is related to TAIL."


def write_prompts(part: DirectPart, folder: Path, schema: Schema) -> None:
    """Writes the requests of the first round about an example sentence.

    They are for reading: what is asked is rendered anew from the extractor, its version, options,
    schema and shown examples. An extractor that searches neighbours shows the first ones of its
    pool here.
    """
    typed = next((r for r in schema.relations if r.head_types and r.tail_types), None)
    head_type, tail_type = (
        (None, None) if typed is None else (typed.head_types[0], typed.tail_types[0])
    )
    example = Example(
        id="0",
        text=_TEXT,
        head=Mention.of(_TEXT, 0, 4, head_type),
        tail=Mention.of(_TEXT, 19, 23, tail_type),
    )
    inputs = {name: folder / name for name in INPUTS if (folder / name).is_dir()}
    stage = Extract(agent=agent_of_part(part, folder), schema=schema)
    near = stage.neighbours([example], inputs)
    ((_, dialogue),) = stage.dialogues([example], inputs, near)
    requests = [asdict(request) for request in next(dialogue)]
    dialogue.close()
    text = json.dumps({"sentence": _TEXT, "first_round": requests}, indent=1, ensure_ascii=False)
    (folder / PROMPTS).write_text(text + "\n", encoding="utf-8")
