"""What an export reads of a run."""

from __future__ import annotations

from pathlib import Path

from harness.errors import ArtefactError, ConfigError, Problem
from harness.pipeline import RunFolder, SystemEntry, SystemRecord, read_experiment

__all__ = ["RunParts"]


class RunParts:
    """A run's manifest, experiment, schema and artefacts.

    Args:
        folder: The run's folder.

    Raises:
        ArtefactError: When it is not a run.
    """

    def __init__(self, folder: Path) -> None:
        self.run = RunFolder.open(folder)
        self.manifest = self.run.manifest()
        self.experiment = read_experiment(self.run.experiment_file, base=Path(self.manifest.base))
        self.schema = self.run.schema()

    def record(self, system: str) -> SystemRecord:
        """A system of the run.

        Raises:
            ConfigError: When there is none of that name.
        """
        for record in self.manifest.systems:
            if record.name == system:
                return record
        known = ", ".join(record.name for record in self.manifest.systems)
        curve = self.experiment.systems.get(system)
        if curve is not None and curve.cascade is not None:
            raise ConfigError(
                [Problem(f"the cascade {system!r} has no threshold", "declare one, or choose: dev")]
            )
        raise ConfigError([Problem(f"the run has no system {system!r}", f"one of: {known}")])

    def entry(self, record: SystemRecord) -> SystemEntry:
        """What the experiment says of a system."""
        return self.experiment.systems[record.name]

    def content(self, key: str) -> Path:
        """The content folder of a stage.

        Raises:
            ArtefactError: When it is not done.
        """
        node = self.manifest.node(key)
        found = self.run.artefacts.find(node.stage, key)
        if found is None:
            raise ArtefactError(
                f"The stage '{node.title}' of the run in {self.run.folder} is not done.",
                hint=f"Go on with: calldistil resume {self.run.folder}",
            )
        return found.content
