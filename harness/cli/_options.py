"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_origin

import click

__all__ = [
    "agent_options",
    "budget_options",
    "executor_of",
    "executor_options",
    "jobs_option",
    "key_values",
    "options_of",
    "store_options",
]

F = TypeVar("F", bound=Callable[..., Any])


def key_values(words: Sequence[str], option: str) -> dict[str, Any]:
    """Reads ``KEY=VALUE`` words; values are YAML, and a repeated key makes a list.

    Raises:
        ConfigError: When a word has no ``=`` or its value is not YAML.
    """
    import yaml

    from harness.errors import ConfigError, Problem

    found: dict[str, list[Any]] = {}
    problems = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            problems.append(Problem(f"{option} {word!r}", "write KEY=VALUE"))
            continue
        try:
            found.setdefault(key, []).append(yaml.safe_load(value))
        except yaml.YAMLError:
            problems.append(Problem(f"{option} {word!r} is not YAML", "quote the value"))
    if problems:
        raise ConfigError(problems)
    return {key: values if len(values) > 1 else values[0] for key, values in found.items()}


def options_of(registry: Any, name: str, words: Sequence[str], option: str) -> dict[str, Any]:
    """Reads the ``KEY=VALUE`` words of a component; one value of a list needs no brackets.

    Raises:
        ConfigError: When a word cannot be read, or the component is not known.
    """
    found = key_values(words, option)
    for key, field in registry.get(name).Options.model_fields.items():
        listed = get_origin(field.annotation) in (tuple, list)
        if listed and key in found and not isinstance(found[key], list):
            found[key] = [found[key]]
    return found


def budget_options(command: F) -> F:
    """Adds the options that bound what is paid."""
    for decorate in (
        click.option(
            "--max-cost", type=click.FloatRange(min=0), metavar="USD",
            help="Stop, with exit code 7, before a call that might exceed this in all.",
        ),
        click.option(
            "--max-calls", type=click.IntRange(min=0),
            help="Stop, with exit code 7, after so many paid calls in all.",
        ),
    ):  # fmt: skip
        command = decorate(command)
    return command


class _Place(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A folder, or the address of a storage."""

    name = "place"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        from harness.store import is_storage

        return str(value) if is_storage(value) else Path(value)


def store_options(command: F) -> F:
    """Adds where artefacts and calls are kept that several runs share."""
    for decorate in (
        click.option(
            "--calls", metavar="URL",
            help="A call store on a server that many machines share: postgresql://user@host/name.",
        ),
        click.option(
            "--store", type=_Place(), metavar="PLACE",
            help="A folder of artefacts and calls that several runs share; or a storage for"
            " artefacts: s3://bucket/folder.",
        ),
    ):  # fmt: skip
        command = decorate(command)
    return command


def agent_options(command: F) -> F:
    """Adds the options of a verb that talks to an LLM."""
    for decorate in reversed(
        (
            click.option("--schema", "-s", required=True, help="Built-in schema or YAML file."),
            click.option("--backend", "-b", required=True, help="See: calldistil list backends."),
            click.option(
                "--backend-option", "-B", multiple=True, metavar="KEY=VALUE",
                help="An option of the backend; repeat a key for a list.",
            ),
            click.option(
                "--option", "-O", multiple=True, metavar="KEY=VALUE", help="An option of the agent."
            ),
            click.option(
                "--sampling", "-S", multiple=True, metavar="KEY=VALUE",
                help="A decoding parameter, such as temperature=0.4.",
            ),
            click.option(
                "--few-shot", type=click.Path(path_type=Path), help="Labelled examples to show."
            ),
            click.option("--tokenizer", help="Counts tokens where the backend reports none."),
            click.option("--repeat", default=0, help="Ask again on purpose: another number."),
            click.option(
                "--output", "-o", type=click.Path(path_type=Path), required=True,
                help="A new folder for the results and the calls.",
            ),
            budget_options,
            click.option(
                "--price-model", help="Whose price --max-cost takes [the backend's model]."
            ),
            click.option("--quiet", "-q", is_flag=True, help="No progress on stderr."),
        )
    ):  # fmt: skip
        command = decorate(command)
    return command


def jobs_option(command: F) -> F:
    """Adds the number of worker processes."""
    option = click.option(
        "--jobs",
        "-j",
        type=click.IntRange(min=1),
        help="Processes that train and predict side by side [one per core, at most 4].",
    )
    return option(command)


def executor_options(command: F) -> F:
    """Adds where stages happen."""
    for decorate in (
        click.option(
            "--resource", "resources", multiple=True, metavar="STAGE.WHAT=N",
            help="What a stage takes on a cluster: train.gpus=1, extract.cpus=0.25,"
            " tune.memory_gb=40; or a resource of your own.",
        ),
        click.option(
            "--address", metavar="ADDRESS",
            help="A Ray cluster: host:port, or auto [RAY_ADDRESS, else one is started here].",
        ),
        click.option(
            "--executor", type=click.Choice(("local", "ray")), default="local",
            help="Where stages happen: in processes here, or as tasks of Ray [local].",
        ),
        jobs_option,
    ):  # fmt: skip
        command = decorate(command)
    return command


def executor_of(
    executor: str, address: str | None, jobs: int | None, resources: Sequence[str]
) -> Any:
    """The executor that the options name.

    Raises:
        ConfigError: When the options do not go together.
    """
    from harness.errors import ConfigError, Problem
    from harness.pipeline import LocalExecutor, RayExecutor, read_resources

    if executor == "ray":
        declared = read_resources(key_values(resources, "--resource"))
        return RayExecutor(address=address, jobs=jobs, resources=declared)
    problems = [
        Problem(f"{option} is for a Ray cluster", "add --executor ray")
        for option, given in (("--address", address), ("--resource", resources))
        if given
    ]
    if problems:
        raise ConfigError(problems)
    return LocalExecutor(jobs)
