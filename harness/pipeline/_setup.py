"""Reads an experiment file whole: every problem at once, each with its line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from harness.documents import line_of, read_yaml, validate_document
from harness.errors import ConfigError, Problem
from harness.pipeline._check import experiment_problems, named_price
from harness.pipeline._experiment import Experiment
from harness.relations import Schema, builtin_schemas, load_schema

__all__ = ["Setup", "load_setup", "read_experiment", "schema_source"]


@dataclass(frozen=True)
class Setup:
    """An experiment that was checked.

    Attributes:
        experiment: The file's content.
        file: The file.
        base: What its paths are relative to.
        schema: The schema it names.
    """

    experiment: Experiment
    file: Path
    base: Path
    schema: Schema

    @property
    def metric(self) -> str:
        """The metric of the head-to-head comparison."""
        return self.experiment.metric or self.schema.official_metric


def load_setup(file: Path, *, base: Path | None = None) -> Setup:
    """Reads and checks an experiment file.

    Args:
        file: The experiment file.
        base: What its paths are relative to; the file's own folder if left out.

    Raises:
        ConfigError: With every problem of the file and its line.
    """
    document = read_yaml(file)
    folder = base or file.parent
    experiment = validate_document(document, Experiment, base=folder)
    problems: list[Problem] = []
    schema = None
    try:
        schema = load_schema(schema_source(experiment.schema_, folder))
    except ConfigError as error:
        line = line_of(document, ("schema",))
        problems += [p if p.file else replace(p, file=file, line=line) for p in error.problems]
    problems += experiment_problems(experiment, document, folder, schema)
    if problems or schema is None:
        raise ConfigError(problems)
    return Setup(experiment=_priced(experiment), file=file, base=folder, schema=schema)


def _priced(experiment: Experiment) -> Experiment:
    """The experiment with prices in place of their names, as they are today."""
    entries = {
        name: entry.model_copy(update={"price": named_price(experiment, entry.price_model or "")})
        if entry.price == "snapshot"
        else entry
        for name, entry in experiment.backends.items()
    }
    return experiment.model_copy(update={"backends": entries})


def read_experiment(file: Path, *, base: Path) -> Experiment:
    """Reads an experiment file without looking at the data and components it names."""
    return validate_document(read_yaml(file), Experiment, base=base)


def schema_source(name: str, base: Path) -> str | Path:
    """A built-in schema's name, or a path relative to the experiment."""
    return name if name in builtin_schemas() else base / name
