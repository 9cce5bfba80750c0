"""The walls of the design: who may import whom, what may be heavy, and what may not be used."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from harness.registry import Registry

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("harness", "agents", "benchmarks")
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))

# Rooms of the harness from the top to the base: a room imports from rooms below its own alone.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"cli", "pytest_plugin"}),
    frozenset({"shipping"}),
    frozenset({"report", "pipeline"}),
    frozenset({"curation"}),
    frozenset({"students", "metrics", "costs", "store"}),
    frozenset({"datasets"}),
    frozenset({"protocols", "registry"}),
    frozenset({"relations"}),
    frozenset({"documents"}),
    frozenset({"errors", "garbage"}),
)
# Rooms of one layer that may import another of it: (who, whom).
WITHIN_A_LAYER = frozenset(
    {("registry", "protocols"), ("report", "pipeline"), ("students", "metrics")}
)

HEAVY = (
    "torch",
    "transformers",
    "sklearn",
    "scipy",
    "openai",
    "langchain",
    "langchain_core",
    "llama_cpp",
    "genai_prices",
    "matplotlib",
    "fsspec",
    "ray",
    "datasets",
    "semhash",
    "cleanlab",
    "sacrebleu",
    "onnx",
    "onnxruntime",
    "openvino",
    "fastapi",
    "uvicorn",
    "spacy",
)
# Kinds of component that an experiment file configures.
CONFIGURED = frozenset(
    {
        "backend",
        "explainer",
        "extractor",
        "gate",
        "generator",
        "student",
        "dataset format",
        "tuner",
    }
)
# Kinds that ``calldistil list`` describes.
DESCRIBED = CONFIGURED | {"metric"}
PICKLERS = frozenset({"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"})


def _parts(file: Path) -> tuple[str, ...]:
    return file.relative_to(ROOT).parts


def _name(file: Path) -> str:
    return "/".join(_parts(file))


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def _imports(file: Path) -> Iterator[str]:
    """Dotted names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: imports are absolute"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _room(file: Path) -> str:
    """The room of a file of the harness; ``""`` for ``harness/__init__.py``."""
    first = _parts(file)[1].removesuffix(".py")
    return "" if first == "__init__" else first


HARNESS_FILES = [file for file in FILES if file.is_relative_to(ROOT / "harness") and _room(file)]


def _layer(room: str) -> int:
    return next(index for index, rooms in enumerate(LAYERS) if room in rooms)


def test_arrows_run_one_way_between_the_packages() -> None:
    wrong: list[str] = []
    for file in FILES:
        above = PACKAGES[PACKAGES.index(_parts(file)[0]) + 1 :]
        wrong += [f"{_name(file)}: {n}" for n in _imports(file) if n.split(".")[0] in above]
    assert wrong == []


def test_every_room_of_the_harness_has_a_layer() -> None:
    assert {_room(file) for file in HARNESS_FILES} <= frozenset().union(*LAYERS)


def test_arrows_run_one_way_between_the_rooms_of_the_harness() -> None:
    wrong: list[str] = []
    for file in HARNESS_FILES:
        room = _room(file)
        for name in _imports(file):
            package, other, *_ = [*name.split("."), ""]
            if package != "harness" or other in {room, "", "__version__"}:
                continue
            if (room, other) not in WITHIN_A_LAYER and _layer(room) >= _layer(other):
                wrong.append(f"{_name(file)}: {name}")
    assert wrong == []


def test_a_private_module_is_imported_by_its_own_package_alone() -> None:
    wrong: list[str] = []
    for file in FILES:
        package = ".".join(_parts(file)[:-1])
        for name in _imports(file):
            parts = name.split(".")
            if parts[0] not in PACKAGES or parts[-1].startswith("__"):
                continue
            private = next((i for i, part in enumerate(parts) if part.startswith("_")), None)
            owner = ".".join(parts[:private])
            if private is not None and not f"{package}.".startswith(f"{owner}."):
                wrong.append(f"{_name(file)}: {name}")
    assert wrong == []


def _pickling_calls(file: Path) -> Iterator[str]:
    for node in ast.walk(_tree(file)):
        if not isinstance(node, ast.Call):
            continue
        if (function := ast.unparse(node.func)) in {"torch.load", "torch.save"}:
            yield function
        for keyword in node.keywords:
            if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False":
                yield ast.unparse(keyword)


def test_nothing_pickles() -> None:
    wrong: list[str] = []
    for file in FILES:
        used = {name.split(".")[0] for name in _imports(file)} & PICKLERS
        wrong += [f"{_name(file)}: {what}" for what in (*used, *_pickling_calls(file))]
    assert wrong == []


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {_name(f): len(f.read_text(encoding="utf-8").splitlines()) for f in FILES}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [_name(file) for file in FILES if not ast.get_docstring(_tree(file))] == []


PUBLIC_PACKAGES = [".".join(_parts(file)[:-1]) for file in FILES if file.name == "__init__.py"]


@pytest.mark.parametrize("name", PUBLIC_PACKAGES)
def test_a_package_has_what_it_says_it_exports_once_each(name: str) -> None:
    package = importlib.import_module(name)
    exported: list[str] = getattr(package, "__all__", [])
    assert [name for name in exported if not hasattr(package, name)] == []
    assert len(exported) == len(set(exported))


def _heavy_after(code: str) -> list[str]:
    """The heavy packages that are loaded after ``code`` has run in a fresh process."""
    code += f"\nimport json, sys\nprint(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


@pytest.mark.parametrize("name", PUBLIC_PACKAGES)
def test_importing_a_package_loads_nothing_heavy(name: str) -> None:
    assert _heavy_after(f"import {name}") == []


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from harness.cli import main\n"
        "sys.argv = ['calldistil', '--help']\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code, done.code"
    )
    assert _heavy_after(code) == []


def test_help_of_every_verb_loads_nothing_heavy() -> None:
    code = (
        "import contextlib\n"
        "from harness.cli import main\n"
        "from harness.cli._group import _VERBS\n"
        "assert 'run' in _VERBS\n"
        "for verb in _VERBS:\n"
        "    with contextlib.suppress(SystemExit):\n"
        "        main([verb, '--help'])"
    )
    assert _heavy_after(code) == []


def _registries() -> list[Registry[Any]]:
    """Every registry that a public package of the harness or of the agents holds."""
    modules = [importlib.import_module(name) for name in ("harness.registry", *PUBLIC_PACKAGES)]
    found = {
        id(value): value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Registry)
    }
    return sorted(found.values(), key=lambda registry: registry.kind)


def test_listing_every_registry_imports_no_component() -> None:
    code = (
        "import importlib\n"
        "from harness.registry import Registry\n"
        f"for name in ['harness.registry', *{PUBLIC_PACKAGES!r}]:\n"
        "    for value in list(vars(importlib.import_module(name)).values()):\n"
        "        if isinstance(value, Registry):\n"
        "            value.names()"
    )
    assert _heavy_after(code) == []


def test_every_registered_component_says_what_it_is_and_where_it_comes_from() -> None:
    described = [registry for registry in _registries() if registry.kind in DESCRIBED]
    assert {registry.kind for registry in described if registry.names()} == DESCRIBED
    lacking: list[str] = []
    for registry in described:
        for name in registry.names():
            component = registry.get(name)
            for attribute in ("summary", "source"):
                text = getattr(component, attribute, None)
                if not isinstance(text, str) or not text.strip() or "\n" in text:
                    lacking.append(f"{registry.kind} {name}: {attribute}")
            if registry.kind in CONFIGURED:
                options = getattr(component, "Options", None)
                if not (isinstance(options, type) and issubclass(options, BaseModel)):
                    lacking.append(f"{registry.kind} {name}: Options")
                elif options.model_config.get("extra") != "forbid":
                    lacking.append(f"{registry.kind} {name}: Options allows unknown keys")
    assert lacking == []


def test_importing_every_registered_component_loads_nothing_heavy() -> None:
    code = (
        "import importlib\n"
        "from harness.registry import Registry\n"
        f"for name in ['harness.registry', *{PUBLIC_PACKAGES!r}]:\n"
        "    for value in list(vars(importlib.import_module(name)).values()):\n"
        "        if isinstance(value, Registry):\n"
        "            [value.get(name) for name in value.names()]"
    )
    assert _heavy_after(code) == []
