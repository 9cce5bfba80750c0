"""Makes Runnables and tools."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.langchain._dialogues import converse_now, labelled
from agents.langchain._inputs import RelationQuery
from harness.errors import CalldistilError, ConfigError, MissingExtraError, Problem
from harness.pipeline import checked_component
from harness.protocols import AgentContext, Backend, Sampling, SearchesNeighbours, Student
from harness.registry import extractors
from harness.relations import Example, Outcome, Schema, load_schema

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from agents.langchain._runnables import RelationRunnable

__all__ = ["as_runnable", "as_tool", "extractor_runnable", "extractor_tool"]


def as_runnable(student: Student | Path | str, *, name: str = "student") -> RelationRunnable:
    """A trained student as a Runnable.

    It takes a sentence with both entities marked, a mapping of ``text``, ``head`` and ``tail``, an
    ``Example``, or a list of these, and gives ``{"id", "relation", "probability", "outcome"}``.
    ``batch`` and lists go through the student in one go.

    Args:
        student: The student, or the folder of a saved one.
        name: Name in traces.

    Raises:
        ArtefactError: When the folder holds no student.
        MissingExtraError: When langchain-core is not installed.
    """
    runnable = _runnables("A student as a Runnable")
    if isinstance(student, str | Path):
        from harness.students import load_student

        student = load_student(Path(student))
    model: Student = student

    def label(examples: Sequence[Example]) -> list[dict[str, Any]]:
        answers = []
        for example, row in zip(examples, model.predict_proba(examples=examples), strict=True):
            best = int(row.argmax())
            answers.append(
                {
                    "id": example.id,
                    "relation": model.labels[best],
                    "probability": round(float(row[best]), 6),
                    "outcome": str(Outcome.PARSED),
                }
            )
        return answers

    made: RelationRunnable = runnable(label, schema=model.schema, name=name)
    return made


def extractor_runnable(
    extractor: str,
    *,
    schema: Schema | str | Path,
    backend: Backend,
    few_shot: Sequence[Example] = (),
    options: Mapping[str, Any] | None = None,
    sampling: Sampling | None = None,
    name: str = "extractor",
) -> RelationRunnable:
    """An extractor on a backend as a Runnable; input and output as of ``as_runnable``.

    An answer that cannot be read has no relation, and its ``outcome`` says why. A call that fails
    raises ``BackendError``; in a batch with ``return_exceptions`` it stands in its place.

    Args:
        extractor: Registry name, such as ``zero_shot``.
        schema: The relations: a schema, a built-in name or a file.
        backend: What is asked; the caller closes it.
        few_shot: Demonstrations, for extractors that show some.
        options: The extractor's options, as in an experiment file.
        sampling: Decoding parameters.
        name: Name in traces.

    Raises:
        ConfigError: When a name or an option is wrong, or the extractor needs neighbours, which
            only the pipeline finds.
        MissingExtraError: When langchain-core is not installed.
    """
    runnable = _runnables("An extractor as a Runnable")
    found = checked_component(extractors, extractor, dict(options or {}), Path())
    kind = extractors.get(found.name)
    if isinstance(kind, SearchesNeighbours) and kind.neighbour_search(options=found.options):
        raise ConfigError(
            [
                Problem(
                    f"{found.name} shows each sentence its own neighbours, which a Runnable does"
                    " not search for",
                    "use few_shot, or run it in an experiment",
                )
            ]
        )
    relations = schema if isinstance(schema, Schema) else load_schema(str(schema))
    context = AgentContext(
        schema=relations, few_shot=tuple(few_shot), sampling=sampling or Sampling()
    )
    agent = kind(context=context, options=found.options)

    def label(examples: Sequence[Example]) -> list[dict[str, Any] | CalldistilError]:
        return [
            result if isinstance(result, CalldistilError) else labelled(result)
            for result in converse_now(agent, backend, examples)
        ]

    made: RelationRunnable = runnable(label, schema=relations, name=name)
    return made


def as_tool(
    runnable: RelationRunnable, *, name: str = "relation", description: str | None = None
) -> BaseTool:
    """A Runnable of this package as a tool that an LLM can call.

    Its arguments are those of ``RelationQuery``: a sentence with both entities marked, or plain
    with the entities' words or offsets. What cannot be read comes back to the LLM as a message.

    Args:
        runnable: From ``as_runnable`` or ``extractor_runnable``.
        name: The tool's name.
        description: What the LLM is told; left out, the relations and what they mean.
    """
    from langchain_core.tools import StructuredTool, ToolException

    def relation(**arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = runnable.invoke(arguments)
        except (ValueError, CalldistilError) as error:
            raise ToolException(str(error)) from error
        return answer

    return StructuredTool.from_function(
        relation,
        name=name,
        description=description or _description(runnable.schema),
        args_schema=RelationQuery,
        handle_tool_error=True,
    )


def extractor_tool(
    extractor: str,
    *,
    schema: Schema | str | Path,
    backend: Backend,
    name: str = "relation",
    description: str | None = None,
    **rest: Any,
) -> BaseTool:
    """An extractor as a tool: ``as_tool`` of ``extractor_runnable``, whose arguments it takes."""
    runnable = extractor_runnable(extractor, schema=schema, backend=backend, **rest)
    return as_tool(runnable, name=name, description=description)


def _runnables(feature: str) -> Any:
    if importlib.util.find_spec("langchain_core") is None:
        raise MissingExtraError(package="langchain_core", extra="langchain", feature=feature)
    from agents.langchain._runnables import RelationRunnable

    return RelationRunnable


def _description(schema: Schema) -> str:
    lines = [
        "Says which relation holds between the head and the tail entity of a sentence. One of:"
    ]
    for label in schema.label_names:
        relation = schema.relation_of(label)
        meaning = schema.na_description if relation is None else relation.description
        lines.append(f"- {label}: {meaning}" if meaning else f"- {label}")
    head, tail = schema.markers.head, schema.markers.tail
    lines.append(f"Mark the entities as <{head}>...</{head}> and <{tail}>...</{tail}>.")
    return "\n".join(lines)
