"""Experiments by name: those that installed packages bring, or a file."""

from __future__ import annotations

from pathlib import Path

from harness.errors import ConfigError, Problem
from harness.registry import Registry

__all__ = ["experiment_file", "experiments"]

experiments: Registry[Path] = Registry("experiment", group="calldistil.experiments")


def experiment_file(name: str) -> Path:
    """The file of an experiment, from its path or its name.

    Raises:
        ConfigError: When there is neither a file nor an experiment of that name.
    """
    file = Path(name)
    if file.exists():
        return file
    if file.suffix in (".yaml", ".yml") or len(file.parts) > 1:
        raise ConfigError([Problem("the experiment file does not exist", "check the path", file)])
    return experiments.get(name)
