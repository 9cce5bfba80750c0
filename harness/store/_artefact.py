"""What an artefact is: a folder with hashed content, and what is known about its making."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from harness.documents import FileModel

__all__ = ["About", "Artefact", "Draft", "HostFacts", "content_digest", "folder_digest"]


class HostFacts(FileModel):
    """The machine that made an artefact."""

    system: str
    machine: str
    cpus: int | None
    python: str

    @classmethod
    def here(cls) -> HostFacts:
        """The facts of this machine."""
        return cls(
            system=f"{platform.system()} {platform.release()}",
            machine=platform.machine(),
            cpus=os.cpu_count(),
            python=platform.python_version(),
        )


class About(FileModel):
    """What ``about.json`` holds. None of it is part of the content or its hash.

    Attributes:
        format: Version of this file's form.
        stage: Name of the stage, e.g. ``train``.
        key: The artefact's full key.
        inputs: The inputs' full keys, by the name under which the stage takes them.
        config: The stage's configuration.
        components: Versioned names of the components that the stage used.
        timings: Seconds by what they were spent on.
        notes: Anything else a reader should know, as JSON.
        files: Bytes of each content file by its POSIX path, to see that none was lost or cut.
        digest: ``content_digest`` when it was written.
        calldistil: Version that wrote it.
        host: The machine that made it.
        created_at: When it was finished, in UTC.
    """

    format: Literal[1] = 1
    stage: str
    key: str
    inputs: dict[str, str] = Field(default_factory=dict)
    config: dict[str, Any] = Field(default_factory=dict)
    components: dict[str, str] = Field(default_factory=dict)
    timings: dict[str, float] = Field(default_factory=dict)
    notes: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, int] = Field(default_factory=dict)
    digest: str
    calldistil: str
    host: HostFacts
    created_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class Artefact:
    """A finished artefact.

    Attributes:
        folder: Its folder in the store.
        stage: Name of the stage that wrote it.
        key: Its full key.
        about: What is known about its making.
    """

    folder: Path
    stage: str
    key: str
    about: About

    @property
    def content(self) -> Path:
        """The folder with the stage's files."""
        return self.folder / "content"


@dataclass(frozen=True, slots=True)
class Draft:
    """An artefact that is being written.

    Attributes:
        folder: The temporary folder; renamed into place at the end.
        stage: Name of the stage.
        key: Full key.
        inputs: The inputs' keys by name.
        config: The stage's configuration.
        components: Versioned names of the components used.
        timings: Fill in seconds here while working.
        notes: Fill in other facts here while working.
    """

    folder: Path
    stage: str
    key: str
    inputs: Mapping[str, str]
    config: Mapping[str, Any]
    components: Mapping[str, str]
    timings: dict[str, float]
    notes: dict[str, Any]

    @property
    def content(self) -> Path:
        """The empty folder to write the stage's files into."""
        return self.folder / "content"

    def about(self) -> About:
        """Describes the draft as it stands now."""
        from harness import __version__

        return About(
            stage=self.stage,
            key=self.key,
            inputs=dict(self.inputs),
            config=dict(self.config),
            components=dict(self.components),
            timings=dict(self.timings),
            notes=dict(self.notes),
            files={
                path.relative_to(self.content).as_posix(): path.stat().st_size
                for path in files_of(self.content)
            },
            digest=folder_digest(self.content),
            calldistil=__version__,
            host=HostFacts.here(),
            created_at=datetime.now(UTC),
        )


def files_of(folder: Path) -> list[Path]:
    """All files below ``folder``, by their POSIX path."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def folder_digest(folder: Path) -> str:
    """SHA-256, in hexadecimal, over the paths and the bytes of all files below ``folder``.

    Times, modes and empty folders do not count.
    """
    whole = hashlib.sha256()
    for path in files_of(folder):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        # JSON, so that no file name can pass for the end of one entry and the start of the next.
        whole.update(json.dumps([name, digest]).encode("ascii"))
    return whole.hexdigest()


def content_digest(artefact: Artefact) -> str:
    """The hash of an artefact's content as it lies on disk now.

    Equal for two runs that made equal files; unlike ``artefact.about.digest`` when someone has
    changed the content since.
    """
    return folder_digest(artefact.content)
