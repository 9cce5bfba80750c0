"""Packs a run with its calls, so that someone else can replay it without an LLM."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from harness import __version__
from harness.errors import ArtefactError
from harness.pipeline._bundle_form import (
    CALLS_FILE,
    CONTENTS_FILE,
    EXPERIMENT_FILE,
    BundleContents,
    BundledCall,
    BundledFile,
)
from harness.pipeline._components import checked_component
from harness.pipeline._run import RunFolder
from harness.pipeline._setup import Setup
from harness.pipeline.stages import CALLS, read_jsonl
from harness.registry import backends
from harness.store import StoredCall, open_call_store

__all__ = ["bundle_run"]

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes


def bundle_run(
    folder: Path,
    file: Path,
    *,
    data: bool = False,
    artefacts: bool = False,
    requests: bool = True,
) -> BundleContents:
    """Writes a run as one zip file: its experiment, schema, calls, and more where asked.

    The experiment's backends are exchanged for ``stored`` ones of the same identity, so that
    calls and artefacts are found by their keys where the models are not. No key of a service is
    in it: keys are read from the environment and never written.

    Args:
        folder: The run's folder, finished or not.
        file: The zip file; whole or not at all.
        data: Pack the data files that the experiment names. Without them whoever replays it needs
            the same files at the same paths.
        artefacts: Pack the finished stages too, models among them, so that nothing is made again.
        requests: Pack what was asked; without it calls are known by their hashes alone, and no
            data set's text travels with the answers.

    Returns:
        The table of contents.

    Raises:
        ArtefactError: When the folder is not a run or the file cannot be written.
    """
    run = RunFolder.open(folder)
    setup = run.setup()
    packing = _Packing(requests)
    aside = file.with_name(f".{file.name}.partial")
    try:
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
            packing.calls(archive, run)
            packed = packing.data(archive, setup) if data else {}
            if artefacts:
                packing.artefacts(archive, run)
            packing.text(archive, EXPERIMENT_FILE, _experiment(setup, packed))
            packing.text(archive, "schema.yaml", run.schema_file.read_text(encoding="utf-8"))
            for name in ("experiment.yaml", "manifest.json"):
                text = (folder / name).read_text(encoding="utf-8")
                packing.text(archive, f"original/{name}", text)
            contents = BundleContents(
                calldistil=__version__,
                experiment=setup.experiment.name,
                run=run.manifest().run,
                packed_at=datetime.now(UTC),
                calls=packing.count,
                requests=requests,
                data=data,
                artefacts=artefacts,
                files=tuple(packing.files),
            )
            _write(archive, CONTENTS_FILE, contents.model_dump_json(indent=1).encode())
        aside.replace(file)
    except OSError as error:
        raise ArtefactError(
            f"The bundle {file} cannot be written: {error.strerror or error}.",
            hint="Name a file in a folder that you may write to, on a disk with room.",
        ) from None
    finally:
        aside.unlink(missing_ok=True)
    return contents


@dataclass
class _Packing:
    """A bundle under way."""

    requests: bool
    files: list[BundledFile] = field(default_factory=list)
    count: int = 0

    def calls(self, archive: zipfile.ZipFile, run: RunFolder) -> None:
        with archive.open(_info(CALLS_FILE), "w", force_zip64=True) as out:
            digest, size = hashlib.sha256(), 0
            for call in _calls_of(run):
                raw = BundledCall.of(call, with_request=self.requests).line()
                out.write(raw)
                digest.update(raw)
                size += len(raw)
                self.count += 1
        self.files.append(BundledFile(name=CALLS_FILE, size=size, sha256=digest.hexdigest()))

    def data(self, archive: zipfile.ZipFile, setup: Setup) -> Mapping[Path, str]:
        packed: dict[Path, str] = {}
        for path in _files_named(setup):
            name = f"data/{len(packed):02}-{path.name}"
            packed[path] = name
            self.file(archive, name, path)
        return packed

    def artefacts(self, archive: zipfile.ZipFile, run: RunFolder) -> None:
        for node in run.manifest().nodes:
            artefact = run.artefacts.find(node.stage, node.key)
            if artefact is None:
                continue
            for path in sorted(artefact.folder.rglob("*")):
                if path.is_file():
                    inner = path.relative_to(run.artefacts.root).as_posix()
                    self.file(archive, f"artefacts/{inner}", path)

    def text(self, archive: zipfile.ZipFile, name: str, text: str) -> None:
        raw = text.encode()
        _write(archive, name, raw)
        digest = hashlib.sha256(raw).hexdigest()
        self.files.append(BundledFile(name=name, size=len(raw), sha256=digest))

    def file(self, archive: zipfile.ZipFile, name: str, path: Path) -> None:
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as source, archive.open(_info(name), "w", force_zip64=True) as out:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
        self.files.append(BundledFile(name=name, size=size, sha256=digest.hexdigest()))


def _calls_of(run: RunFolder) -> Iterator[StoredCall]:
    """The run's calls: those it asked for, and those that its finished stages found."""
    manifest = run.manifest()
    wanted: set[str] = set()
    for node in manifest.nodes:
        artefact = run.artefacts.find(node.stage, node.key)
        if artefact is not None and (file := artefact.content / CALLS).is_file():
            for row in read_jsonl(file):
                wanted.update(row["calls"])
    with open_call_store(run.calls) as calls:
        for call in calls:
            if call.run == manifest.run or call.key in wanted:
                yield call


def _files_named(setup: Setup) -> Iterator[Path]:
    """The data files that the experiment names, each once."""
    document = _document(setup)
    document.pop("backends", None)
    yield from dict.fromkeys(
        path for text in _texts(document) if (path := _named(text, setup.base)) is not None
    )


def _experiment(setup: Setup, packed: Mapping[Path, str]) -> str:
    """The experiment with stored backends, and with the packed files in place of their paths."""
    document = _document(setup)
    entries = document.get("backends", {})
    others = {name: value for name, value in document.items() if name != "backends"}
    renamed: dict[str, Any] = _renamed(others, setup.base, packed)
    if entries:
        renamed["backends"] = {name: _stored(setup, name, e) for name, e in entries.items()}
    return yaml.safe_dump(renamed, sort_keys=False, allow_unicode=True)


def _stored(setup: Setup, name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    found = setup.experiment.backends[name]
    behind = checked_component(backends, found.use, found.options, setup.base)
    made = behind.kind(options=behind.options)
    identity = made.model
    made.close()
    stands_for = {"use": behind.name, **behind.kind.fingerprint(options=behind.options)}
    if behind.name == "stored":
        stands_for.pop("use")  # it is one already
    options = {"model": identity.name, "weights": identity.weights, "stands_for": stands_for}
    return {**entry, "use": "stored", "options": options}


def _document(setup: Setup) -> dict[str, Any]:
    document = yaml.safe_load(setup.file.read_text(encoding="utf-8"))
    return dict(document)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _renamed(value: Any, base: Path, packed: Mapping[Path, str]) -> Any:
    if isinstance(value, str):
        path = _named(value, base)
        return value if path is None else packed.get(path, value)
    if isinstance(value, Mapping):
        return {name: _renamed(item, base, packed) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, base, packed) for item in value]
    return value


def _named(text: str, base: Path) -> Path | None:
    """The file that a text of the experiment names, if it does."""
    if not text or "\n" in text or len(text) > 1000:
        return None
    path = base / _VARIABLE.sub(lambda m: os.environ.get(m[1]) or m[2] or "", text)
    try:
        return path.resolve() if path.is_file() else None
    except OSError:
        return None


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def _write(archive: zipfile.ZipFile, name: str, raw: bytes) -> None:
    archive.writestr(_info(name), raw)
