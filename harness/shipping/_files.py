"""Files that a component's options name, taken along into an exported folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

__all__ = ["taken_along"]

_FILES = "files"
_MOST_BYTES = 1 << 30


def taken_along(options: BaseModel, folder: Path) -> dict[str, Any]:
    """The options as JSON values, with the files they name copied into ``folder/files``.

    Files and folders of up to 1 GiB are copied and named relative to ``folder``; what is larger,
    such as an LLM's weights, keeps its absolute path. What differs from the defaults is kept.
    """
    known = type(options).model_fields
    found: dict[str, Any] = {}
    for name in known:
        value = getattr(options, name)
        default = known[name].get_default(call_default_factory=True)
        if value != default:
            found[name] = _stand_in(value, folder)
    return found


def _stand_in(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return _copied(value, folder)
    if isinstance(value, BaseModel):
        return taken_along(value, folder)
    if isinstance(value, Mapping):
        return {str(key): _stand_in(item, folder) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_stand_in(item, folder) for item in value]
    return value


def _copied(path: Path, folder: Path) -> str:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    if not path.exists() or sum(file.stat().st_size for file in files) > _MOST_BYTES:
        return str(path.resolve())
    target = folder / _FILES
    target.mkdir(exist_ok=True)
    number = 0
    copy = target / path.name
    while copy.exists():
        number += 1
        copy = target / f"{number}-{path.name}"
    if path.is_dir():
        shutil.copytree(path, copy)
    else:
        shutil.copyfile(path, copy)
    return str(copy.relative_to(folder))
