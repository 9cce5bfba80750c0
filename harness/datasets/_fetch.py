"""Gets public data sets: from their release, from the hub, or from a folder."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from harness.datasets._files import read_bytes
from harness.datasets._problems import nearest
from harness.datasets._read import read_examples, write_examples
from harness.errors import CalldistilError, ConfigError, DataError, Problem
from harness.relations import load_schema

__all__ = ["data_home", "fetch_dataset", "fetchable_datasets"]

_TIMEOUT_S = 60
_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a data set: its name, the split it holds, and how many examples."""

    name: str
    split: str
    examples: int
    first_id: int


@dataclass(frozen=True, slots=True)
class _Release:
    """Where a data set comes from and what it must hold."""

    folder: str
    schema: str
    format: str
    url: str
    hub: str
    licence: str
    files: tuple[_File, ...]


_RELEASES: Mapping[str, _Release] = MappingProxyType(
    {
        "semeval-2010-task-8": _Release(
            folder="semeval2010_task8",
            schema="semeval-2010-task-8",
            format="semeval",
            # A copy of the official archive, whose own address no longer serves it.
            url="https://github.com/JoelNiklaus/SemEval2010Task8/raw/main/SemEval2010_task8_all_data.zip",
            hub="SemEvalWorkshop/sem_eval_2010_task_8",
            licence="CC BY 3.0",
            files=(
                _File("TRAIN_FILE.TXT", "train", 8000, 1),
                _File("TEST_FILE_FULL.TXT", "test", 2717, 8001),
            ),
        )
    }
)


def data_home() -> Path:
    """The folder of public data sets: ``CALLDISTIL_DATA``, or ``../shared/data``."""
    return Path(os.environ.get("CALLDISTIL_DATA") or "../shared/data").expanduser()


def fetchable_datasets() -> tuple[str, ...]:
    """Names that ``fetch_dataset`` knows, sorted."""
    return tuple(sorted(_RELEASES))


def fetch_dataset(name: str, *, to: Path, from_folder: Path | None = None) -> Path:
    """Puts a data set under ``to``, checked: every file is read whole and its examples counted.

    A data set that is there already is checked and left as it is.

    Args:
        name: One of ``fetchable_datasets()``.
        to: The folder of data sets, made if need be; e.g. ``data_home()``.
        from_folder: Takes the files from this folder or below it, in place of the network.

    Returns:
        The data set's folder, such as ``<to>/semeval2010_task8``.

    Raises:
        ConfigError: When the name is not known.
        DataError: When a file is absent or does not hold what it must, or neither the release
            nor the hub can be reached.
    """
    if name not in _RELEASES:
        what = f"{name!r} is not a data set that can be fetched"
        raise ConfigError([Problem(what, nearest(name, _RELEASES))])
    release = _RELEASES[name]
    folder = to / release.folder
    if all((folder / file.name).is_file() for file in release.files):
        _verify(folder, release)
        return folder
    try:
        to.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{release.folder}-", dir=to))
    except OSError as error:
        what = f"the folder cannot be written: {error.strerror}"
        raise DataError([Problem(what, "name another with --to", to)]) from None
    try:
        if from_folder is not None:
            _copy(release, from_folder, aside)
        else:
            _download(name, release, aside)
        _verify(aside, release)
        folder.mkdir(exist_ok=True)
        for file in release.files:
            (aside / file.name).replace(folder / file.name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _verify(folder: Path, release: _Release) -> None:
    problems = []
    schema = load_schema(release.schema)
    for file in release.files:
        examples = read_examples(folder / file.name, format=release.format, schema=schema)
        if len(examples) != file.examples:
            what = f"{len(examples)} examples, not {file.examples}"
            problems.append(Problem(what, "get the complete release", folder / file.name))
    if problems:
        raise DataError(problems)


def _copy(release: _Release, source: Path, aside: Path) -> None:
    problems = []
    for file in release.files:
        found = sorted(source.rglob(file.name)) if source.is_dir() else []
        if found:
            (aside / file.name).write_bytes(read_bytes(found[0]))
        else:
            fix = "name the folder that holds it with --from FOLDER"
            problems.append(Problem(f"there is no {file.name} in this folder", fix, source))
    if problems:
        raise DataError(problems)


def _download(name: str, release: _Release, aside: Path) -> None:
    reasons = []
    for get in (_from_release, _from_hub):
        try:
            get(release, aside)
            return
        except (OSError, ValueError, zipfile.BadZipFile, KeyError, CalldistilError) as error:
            told = error.problems[0].what if isinstance(error, DataError) else str(error).strip()
            reasons.append((told or type(error).__name__).splitlines()[0])
    what = f"neither {release.url} nor the hub's {release.hub} can be read"
    fix = f"download it elsewhere, then: calldistil data fetch {name} --from FOLDER"
    raise DataError([Problem(what, fix)], hint="Reasons: " + "; ".join(reasons))


def _from_release(release: _Release, aside: Path) -> None:
    from urllib.request import urlopen

    with urlopen(release.url, timeout=_TIMEOUT_S) as response:
        content = response.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("the archive is larger than it should be")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for file in release.files:
            member = next(
                (m for m in archive.infolist() if Path(m.filename).name == file.name), None
            )
            if member is None or member.file_size > _MOST_BYTES:
                raise ValueError(f"the archive holds no {file.name}")
            (aside / file.name).write_bytes(archive.read(member))


def _from_hub(release: _Release, aside: Path) -> None:
    for file in release.files:
        options = {"split": file.split, "first_id": file.first_id}
        examples = read_examples(release.hub, format="hub", options=options)
        write_examples(examples, aside / file.name, format=release.format)
