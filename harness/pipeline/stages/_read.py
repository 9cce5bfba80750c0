"""The stage ``read``: a data file in any format, as examples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from harness.datasets import read_examples
from harness.documents import fingerprint
from harness.errors import DataError, Problem
from harness.pipeline._experiment import DataEntry
from harness.pipeline.stages._files import save_examples
from harness.pipeline.stages._stage import Measures, StageContext, schema_hash
from harness.relations import Example, Schema

__all__ = ["Read", "keep_ids", "read_ids"]


@dataclass(frozen=True)
class Read:
    """Reads a data file.

    Attributes:
        entry: The file, as the experiment names it.
        options: Options of its format, checked and with paths resolved.
        schema: Every label must be one of its labels.
    """

    name: ClassVar[str] = "read"
    version: ClassVar[int] = 1
    entry: DataEntry
    options: BaseModel
    schema: Schema

    def examples(self) -> tuple[Example, ...]:
        """The examples themselves."""
        found = read_examples(
            self.entry.file,
            format=self.entry.format,
            schema=self.schema,
            options=self.options,
        )
        return keep_ids(found, self.entry.ids) if self.entry.ids is not None else found

    def identity(self) -> Mapping[str, Any]:
        return {
            **fingerprint(self.entry),
            "options": fingerprint(self.options),
            "schema": schema_hash(self.schema),
        }

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        examples = self.examples()
        save_examples(content, examples)
        return Measures(units=len(examples))


def read_ids(file: Path) -> tuple[str, ...]:
    """Reads a JSON list of example ids.

    Raises:
        DataError: When it is not one.
    """
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise DataError(
            [Problem(f"cannot be read as JSON: {what}", "name a JSON list of example ids", file)]
        ) from None
    if not isinstance(value, list) or not all(isinstance(v, str | int) for v in value):
        raise DataError([Problem("must hold a list of example ids", "write a JSON list", file)])
    return tuple(str(v) for v in value)


def keep_ids(examples: Sequence[Example], file: Path) -> tuple[Example, ...]:
    """The examples whose ids stand in ``file``, in its order.

    Raises:
        DataError: Where an id is not among the examples.
    """
    by_id = {example.id: example for example in examples}
    ids = read_ids(file)
    unknown = [i for i in ids if i not in by_id]
    if unknown:
        raise DataError(
            [
                Problem(f"the id {i!r} is not in the data", "remove it or name other data", file)
                for i in unknown[:20]
            ],
            more=max(0, len(unknown) - 20),
        )
    return tuple(by_id[i] for i in dict.fromkeys(ids))
