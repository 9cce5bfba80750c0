"""What a stage needs of a machine, so that a cluster can place it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from harness.documents import FileModel
from harness.errors import ConfigError, Problem

__all__ = ["ResourcesByStage", "ResourcesEntry", "in_words", "read_resources", "resources_of"]


class ResourcesEntry(FileModel):
    """What one stage of a kind takes of a machine while it runs.

    Attributes:
        cpus: Processor cores; a stage that waits for a server can do with a part of one.
        gpus: Graphics cards, or a part of one that several stages share.
        memory_gb: Memory in GiB that is set aside, by which few enough run beside each other.
        custom: Resources of your own names, as machines of the cluster declare them.
    """

    cpus: float | None = Field(default=None, ge=0)
    gpus: float | None = Field(default=None, ge=0)
    memory_gb: float | None = Field(default=None, ge=0)
    custom: dict[str, float] | None = None

    def over(self, base: ResourcesEntry) -> ResourcesEntry:
        """These, and those of ``base`` where these say nothing."""
        said = {n: v for n in type(self).model_fields if (v := getattr(self, n)) is not None}
        return base.model_copy(update=said)


def _known_stages(entries: dict[str, ResourcesEntry]) -> dict[str, ResourcesEntry]:
    from harness.pipeline.stages import stages

    unknown = [name for name in entries if name not in stages]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not a stage, must be one of: {', '.join(stages)}")
    return entries


ResourcesByStage = Annotated[dict[str, ResourcesEntry], AfterValidator(_known_stages)]
"""Resources by the name of a stage, ``train``."""
_BY_STAGE: TypeAdapter[dict[str, ResourcesEntry]] = TypeAdapter(ResourcesByStage)

_ANY = ResourcesEntry(cpus=1, gpus=0, memory_gb=0.5, custom={})
# Measured: a default encoder takes 0.9 GiB to train and 0.6 GiB to answer; an LLM takes its own.
_DEFAULTS = {
    "encode": ResourcesEntry(memory_gb=1),
    "train": ResourcesEntry(memory_gb=1.5),
    "predict": ResourcesEntry(memory_gb=1),
    "tune": ResourcesEntry(memory_gb=4),
}


def resources_of(stage: str, *declared: Mapping[str, ResourcesEntry]) -> ResourcesEntry:
    """What a stage takes: as declared, the last declaration first, else the default."""
    found = _DEFAULTS.get(stage, ResourcesEntry()).over(_ANY)
    for entries in declared:
        if stage in entries:
            found = entries[stage].over(found)
    return found


def read_resources(words: Mapping[str, Any]) -> dict[str, ResourcesEntry]:
    """Reads ``{"train.gpus": 1}`` as an experiment file's ``{"train": {"gpus": 1}}``.

    A name that is none of the known ones is a resource of the cluster's own.

    Raises:
        ConfigError: With every word that is not right.
    """
    found: dict[str, dict[str, Any]] = {}
    problems = []
    for word, value in words.items():
        stage, dot, what = word.partition(".")
        if not dot or not what:
            problems.append(Problem(f"--resource {word!r} names no resource", "STAGE.WHAT=N"))
        elif what in ResourcesEntry.model_fields and what != "custom":
            found.setdefault(stage, {})[what] = value
        else:
            found.setdefault(stage, {}).setdefault("custom", {})[what] = value
    try:
        read = _BY_STAGE.validate_python(found)
    except ValidationError as error:
        problems += [
            Problem(f"--resource {'.'.join(map(str, e['loc'])) or words}: {e['msg']}")
            for e in error.errors()
        ]
    if problems:
        raise ConfigError(problems)
    return read


def in_words(resources: ResourcesEntry) -> str:
    """Resources in words."""
    parts: list[Any] = [
        f"{resources.cpus or 0:g} CPUs" if resources.cpus else "",
        f"{resources.gpus or 0:g} GPUs" if resources.gpus else "",
        f"{resources.memory_gb or 0:g} GiB of memory" if resources.memory_gb else "",
        *(f"{count:g} {name}" for name, count in (resources.custom or {}).items()),
    ]
    return ", ".join(part for part in parts if part) or "nothing"
