"""Results that others published: what they printed, where, and under which definition."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from harness.documents import FileModel
from harness.errors import ConfigError, Problem

__all__ = ["PublishedFile", "PublishedResult", "PublishedSource", "load_published"]


class PublishedSource(FileModel):
    """Where printed figures stand.

    Attributes:
        title: Of the paper, page or repository.
        authors: As they name themselves.
        url: Where it is read.
        seen: What the figures were copied from, where that is not the source itself.
    """

    title: str
    authors: str
    url: str = Field(pattern=r"^https?://")
    seen: str = ""


class PublishedResult(FileModel):
    """One printed figure.

    Attributes:
        system: The name that the source gives the system.
        task: Name of the schema, as of the built-in ones.
        examples: Size of the test set.
        test_hash: Hash of the test set (see ``hash_of_test``) where it is known to be that; a
            result without it stands apart from ours.
        metric: Name of our metric where the source's definition is known to be the same; else
            None, and it stands apart.
        definition: What the source says of its metric.
        as_printed: The figure, digit by digit.
        trained_on: What the system was trained on or shown, in a few words.
        notes: What a reader must know.
    """

    system: str
    task: str
    examples: int = Field(ge=1)
    test_hash: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    metric: str | None = None
    definition: str = Field(min_length=1)
    as_printed: str
    trained_on: str = ""
    notes: tuple[str, ...] = ()

    @field_validator("as_printed")
    @classmethod
    def _is_a_figure(cls, value: str) -> str:
        if not 0 <= float(value) <= 100:
            raise ValueError("as_printed is a figure in percent, such as '88.92'")
        return value

    @property
    def value(self) -> float:
        """The printed figure in percent."""
        return float(self.as_printed)


class PublishedFile(FileModel):
    """A file of ``benchmarks/papers``.

    Attributes:
        calldistil_published: Version of the file's form.
        source: Where the figures stand.
        year: When they were published.
        results: The figures.
    """

    calldistil_published: Literal[1]
    source: PublishedSource
    year: int = Field(ge=1950, le=2100)
    results: tuple[PublishedResult, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _once(self) -> Self:
        seen = [(r.system, r.task, r.examples, r.definition) for r in self.results]
        if len(set(seen)) < len(seen):
            raise ValueError("a system stands twice with the same task, size and definition")
        return self


def load_published(places: Iterable[Path]) -> tuple[PublishedFile, ...]:
    """Reads files of published results, and every ``*.json`` of folders.

    Raises:
        ConfigError: With all problems of all files.
    """
    files = [
        file
        for place in places
        for file in (sorted(place.glob("*.json")) if place.is_dir() else [place])
    ]
    found, problems = [], []
    for file in files:
        try:
            found.append(PublishedFile.model_validate(json.loads(file.read_text("utf-8"))))
        except OSError as error:
            problems.append(Problem(str(error.strerror or error), "check the path", file))
        except ValidationError as error:
            problems += [
                Problem(
                    f"{'.'.join(map(str, detail['loc'])) or 'the file'}: {detail['msg']}",
                    "see docs/leaderboard.md for the form of the file",
                    file,
                )
                for detail in error.errors(include_url=False)
            ]
        except (ValueError, RecursionError) as error:
            problems.append(Problem(f"not JSON: {error}", "mend the file", file))
    if problems:
        raise ConfigError(problems)
    return tuple(found)
