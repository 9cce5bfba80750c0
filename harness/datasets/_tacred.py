"""The JSON format of TACRED, and its relabellings TACREV and Re-TACRED."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from harness.datasets._collector import Collector, Span, check_labels, note_invalid, text_group
from harness.datasets._files import parse_json, read_json, write_text
from harness.datasets._problems import PROBLEM_LIMIT, Place, ProblemLog
from harness.datasets._relabel import apply_retacred_labels, apply_tacrev_patch
from harness.datasets._tokens import TokenError, TokenRange, join_tokens, split_text, token_range
from harness.documents import FileModel, ResolvedPath
from harness.relations import Example, Mention, Schema

__all__ = ["TacredFormat", "TacredOptions"]

_BRACKETS = {
    "-LRB-": "(",
    "-RRB-": ")",
    "-LSB-": "[",
    "-RSB-": "]",
    "-LCB-": "{",
    "-RCB-": "}",
}
_FORMS = {bracket: form for form, bracket in _BRACKETS.items()}


class TacredOptions(FileModel):
    """Options of the format ``tacred``.

    Attributes:
        dataset: What the labels shall be: ``tacrev`` needs ``tacrev_patch``, ``retacred`` needs
            ``retacred_labels``; without it the files that are given decide.
        tacrev_patch: ``dev_patch.json`` or ``test_patch.json`` of TACREV.
        retacred_labels: ``*_id2label.json`` of Re-TACRED for this split.
        group_by: What examples of one group share: the identical ``text``, the document
            (``docid``), or ``none``.
        keep_annotations: Whether the ``stanford_*`` columns are kept, as JSON in ``meta``.
    """

    dataset: Literal["tacred", "tacrev", "retacred"] | None = None
    tacrev_patch: ResolvedPath | None = None
    retacred_labels: ResolvedPath | None = None
    group_by: Literal["text", "docid", "none"] = "text"
    keep_annotations: bool = False

    @model_validator(mode="after")
    def _one_relabelling(self) -> Self:
        if self.tacrev_patch is not None and self.retacred_labels is not None:
            raise ValueError("tacrev_patch and retacred_labels exclude each other; name one")
        given = {"tacrev": self.tacrev_patch, "retacred": self.retacred_labels}
        for name, path in given.items():
            if self.dataset == name and path is None:
                key = "tacrev_patch" if name == "tacrev" else "retacred_labels"
                raise ValueError(f"the dataset {name} needs {key}: the file with its labels")
            if self.dataset not in (None, name) and path is not None:
                raise ValueError(f"dataset says {self.dataset}, but a file of {name} is given")
        return self


class _Row(BaseModel):
    """One item of the list; further keys (``stanford_pos`` ...) are allowed."""

    model_config = ConfigDict(extra="allow", strict=True)

    id: str
    token: list[str]
    subj_start: int
    subj_end: int
    obj_start: int
    obj_end: int
    subj_type: str | None = None
    obj_type: str | None = None
    docid: str | None = None
    relation: str | None = None


class TacredFormat:
    """A JSON list of objects with tokens and inclusive token ranges of subject and object.

    The text is the tokens joined by single spaces, with ``-LRB-`` and its kin turned into
    brackets. The subject is the head, the object the tail.
    """

    summary: ClassVar[str] = "JSON of TACRED, with TACREV's or Re-TACRED's labels if wished"
    source: ClassVar[str] = (
        "Zhang et al. 2017, https://aclanthology.org/D17-1004; TACREV: Alt et al. 2020,"
        " arXiv:2004.14855; Re-TACRED: Stoica et al. 2021, arXiv:2104.08398"
    )
    Options: ClassVar[type[TacredOptions]] = TacredOptions

    @classmethod
    def read(
        cls,
        file: Path,
        *,
        schema: Schema | None = None,
        options: TacredOptions = TacredOptions(),  # noqa: B008 (frozen)
        limit: int = PROBLEM_LIMIT,
    ) -> tuple[Example, ...]:
        """Reads a file; see ``DatasetFormat``."""
        relabelled = options.tacrev_patch or options.retacred_labels
        collector = Collector(file, None if relabelled else schema, limit)
        items = read_json(file)
        if not isinstance(items, list):
            collector.log.add("the file is not a JSON list", "write it as [{...}, ...]")
            items = []
        for index, item in enumerate(items):
            _collect(index, item, collector, options)
        collector.refuse_mixed_labels()
        examples = collector.finish()
        if options.tacrev_patch is not None:
            examples = apply_tacrev_patch(examples, options.tacrev_patch)
        if options.retacred_labels is not None:
            examples = apply_retacred_labels(examples, options.retacred_labels)
        if relabelled and schema is not None:
            check_labels(examples, schema=schema, file=relabelled, limit=limit)
        return examples

    @classmethod
    def write(
        cls,
        examples: Sequence[Example],
        file: Path,
        *,
        schema: Schema | None = None,
        options: TacredOptions = TacredOptions(),  # noqa: B008 (frozen)
    ) -> None:
        """Writes a file; a mention must begin and end with tokens. See ``DatasetFormat``."""
        log = ProblemLog(file)
        rows = []
        for example in examples:
            place = Place(words=f"id {example.id!r}")
            row: dict[str, Any] = {"id": example.id}
            if "docid" in example.meta:
                row["docid"] = example.meta["docid"]
            if example.relation is not None:
                row["relation"] = example.relation
            row["token"] = [_FORMS.get(token, token) for token in split_text(example.text)]
            if join_tokens([_BRACKETS.get(t, t) for t in row["token"]]).text != example.text:
                log.add("the text holds a form such as -LRB-", "write a bracket", place=place)
            for name, mention in (("subj", example.head), ("obj", example.tail)):
                row.update(_fields(name, example.text, mention, log, place))
            for key in example.meta:
                if key.startswith("stanford_"):
                    row[key] = parse_json(example.meta[key])
            rows.append(row)
        log.raise_if_any()
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        write_text(file, f"[\n{lines}\n]\n")


def _collect(index: int, item: object, collector: Collector, options: TacredOptions) -> None:
    name = item.get("id") if isinstance(item, dict) else None
    place = Place(words=f"item {index + 1}" + (f" (id {name!r})" if name is not None else ""))
    try:
        row = _Row.model_validate(item)
    except ValidationError as error:
        note_invalid(collector.log, error, place)
        return
    joined = join_tokens([_BRACKETS.get(token, token) for token in row.token])
    spans = []
    for role, first, last, kind in (
        ("subj", row.subj_start, row.subj_end, row.subj_type),
        ("obj", row.obj_start, row.obj_end, row.obj_type),
    ):
        try:
            start, end = joined.characters(TokenRange(first, last))
            spans.append(Span(start, end, kind))
        except TokenError as error:
            fix = "ends are inclusive and count from 0; mend them"
            collector.log.add(f"{role}: {error}", fix, place=place)
    if len(spans) < 2:
        return
    meta = {} if row.docid is None else {"docid": row.docid}
    if options.keep_annotations:
        for key, value in (row.model_extra or {}).items():
            if key.startswith("stanford_"):
                meta[key] = json.dumps(value, ensure_ascii=False)
    group = text_group(joined.text) if options.group_by == "text" else None
    if options.group_by == "docid":
        if row.docid is None:
            fix = "add it, or set group_by: text"
            collector.log.add("there is no docid to group by", fix, place=place)
        group = row.docid
    collector.add(
        place,
        id=row.id,
        text=joined.text,
        head=spans[0],
        tail=spans[1],
        relation=row.relation,
        group=group,
        meta=meta,
    )


def _fields(
    name: str, text: str, mention: Mention, log: ProblemLog, place: Place
) -> dict[str, int | str]:
    try:
        tokens = token_range(text, mention)
    except TokenError as error:
        log.add(f"{name}: {error}", "write it as jsonl", place=place)
        return {}
    fields: dict[str, int | str] = {f"{name}_start": tokens.first, f"{name}_end": tokens.last}
    if mention.type is not None:
        fields[f"{name}_type"] = mention.type
    return fields
