"""What an experiment file's models alone cannot see: names, files, and what components need."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from harness.costs import ModelPrice, price_from_snapshot, token_counters
from harness.datasets import dataset_formats
from harness.documents import LocatedYaml, Location, line_of
from harness.errors import ConfigError, DataError, Problem
from harness.metrics import metrics
from harness.pipeline._components import Component, checked_component
from harness.pipeline._experiment import DataEntry, Experiment
from harness.pipeline._systems import CascadeEntry
from harness.pipeline.stages import tuned_adapter
from harness.protocols import Backend, NeedsCapabilities, SearchesNeighbours
from harness.registry import Registry, backends, explainers, extractors, generators, tuners
from harness.relations import Schema
from harness.students import students

__all__ = ["experiment_problems", "named_price"]

T = TypeVar("T")


def experiment_problems(
    experiment: Experiment, document: LocatedYaml, base: Path, schema: Schema | None
) -> Iterator[Problem]:
    """Every problem of an experiment whose form is right, each with its line.

    Args:
        experiment: The experiment.
        document: Its file.
        base: What its paths are relative to.
        schema: Its schema; None where that could not be read.
    """
    yield from _Checks(experiment, document, base).all()
    if schema is not None:
        yield from _foreign_labels(experiment, schema, document)


def named_price(experiment: Experiment, model: str) -> ModelPrice:
    """A model's price from the file, else from the snapshot."""
    return experiment.prices.models.get(model) or price_from_snapshot(model)


def _foreign_labels(
    experiment: Experiment, schema: Schema, document: LocatedYaml
) -> Iterator[Problem]:
    """Frequencies that are declared for something that is no label."""
    for name, system in experiment.systems.items():
        for label in system.calibrate.wanted if system.calibrate is not None else ():
            if label not in schema:
                place = ("systems", name, "calibrate", "wanted")
                yield Problem(
                    f"{'.'.join(place)}: {label!r} is not a label of the schema",
                    f"one of: {', '.join(schema.label_names)}",
                    document.file,
                    line_of(document, place),
                )


class _Checks:
    """Everything that a model of the file alone cannot see."""

    def __init__(self, experiment: Experiment, document: LocatedYaml, base: Path) -> None:
        self.experiment = experiment
        self.document = document
        self.base = base

    def all(self) -> Iterator[Problem]:
        yield from self._names()
        yield from self._data()
        yield from self._backends()
        yield from self._tuned()
        for name, entry in self.experiment.explanations.items():
            at: Location = ("explanations", name)
            yield from self._component(explainers, entry.explainer, entry.options, at, "explainer")
            yield from self._declared(entry.backend, at)
            if self.experiment.few_shot is None:
                yield self._problem("it explains a few-shot set", "add few_shot:", at)
        for name, system in self.experiment.systems.items():
            place: Location = ("systems", name)
            if system.cascade is not None:
                yield from self._cascade(system.cascade, (*place, "cascade"))
            if system.extractor is not None:
                yield from self._extractor(system.extractor, system.options, system.backend, place)
                if system.ids is not None and not system.ids.is_file():
                    yield self._problem(
                        f"there is no file {system.ids}", "check the path", (*place, "ids")
                    )
                yield from self._declared(system.backend, place)
                if system.calibrate is not None:
                    yield from self._scores(system.extractor, system.options, place)
            if system.student is not None:
                yield from self._component(
                    students, system.student, system.options, place, "student"
                )
            for index, source in enumerate(system.train_on):
                here = (*place, "train_on", index)
                if source.generated is not None:
                    agent = source.generated
                    inner: Location = (*here, "generated")
                    yield from self._component(
                        generators, agent.generator, agent.options, inner, "generator"
                    )
                    yield from self._declared(agent.backend, inner)
                    yield from self._varies_gold(agent.generator, inner)
                if source.labelled is not None:
                    labelled = source.labelled
                    inner = (*here, "labelled")
                    yield from self._extractor(
                        labelled.extractor, labelled.options, labelled.backend, inner
                    )
                    yield from self._declared(labelled.backend, inner)
                    yield from self._needs_data("train", inner)
                    if labelled.ids is not None and not labelled.ids.is_file():
                        yield self._problem(
                            f"there is no file {labelled.ids}", "check the path", (*inner, "ids")
                        )
                if source.gold == "train":
                    yield from self._needs_data("train", here)
                if source.gold == "few_shot" and self.experiment.few_shot is None:
                    yield self._problem("it trains on a few-shot set", "add few_shot:", here)
            if system.dev and not self._has_dev():
                yield self._problem(
                    "it uses a development set", "add data.dev or few_shot.dev", place
                )

    def _cascade(self, entry: CascadeEntry, place: Location) -> Iterator[Problem]:
        """Checks that a cascade is made of a student and a direct system, both plain."""
        for key, name, direct in (
            ("student", entry.student, False),
            ("direct", entry.direct, True),
        ):
            here = (*place, key)
            part = self.experiment.systems.get(name)
            if part is None:
                known = ", ".join(self.experiment.systems)
                yield self._problem(f"{name!r} is not a system", f"one of: {known}", here)
            elif part.cascade is not None or (part.kind == "direct") != direct:
                wanted = "a direct system" if direct else "a student"
                yield self._problem(f"{name!r} is {part.kind}", f"name {wanted}", here)
            elif part.ids is not None or part.calibrate is not None:
                key = "ids" if part.ids is not None else "calibrate"
                yield self._problem(f"{name!r} has {key}", "name a system without", here)
        if entry.choose is not None:
            yield from self._needs_data("dev", place)

    def _names(self) -> Iterator[Problem]:
        experiment = self.experiment
        for role in ("reference", "candidate"):
            name = getattr(experiment, role)
            if name is not None and name not in experiment.systems:
                known = ", ".join(experiment.systems)
                yield self._problem(f"{name!r} is not a system", f"one of: {known}", (role,))
        reference = experiment.systems.get(experiment.reference)
        if reference is not None and reference.kind != "direct":
            yield self._problem(
                f"{experiment.reference!r} is a"
                f" {'cascade' if reference.kind == 'cascade' else 'student'}",
                "the reference must be a direct system",
                ("reference",),
            )
        if reference is not None and reference.ids is not None:
            yield self._problem(
                f"{experiment.reference!r} answers a part of the test set",
                "the reference must answer all of it: remove its ids",
                ("reference",),
            )
        if experiment.candidate is not None and experiment.candidate == experiment.reference:
            yield self._problem(
                f"{experiment.candidate!r} is the reference",
                "name the system that is compared with it",
                ("candidate",),
            )
        if experiment.metric is not None:
            yield from self._caught(lambda: metrics.resolve(experiment.metric or ""), ("metric",))

    def _data(self) -> Iterator[Problem]:
        for role in ("test", "full_test", "train", "few_shot", "dev"):
            entry: DataEntry | None = getattr(self.experiment.data, role)
            if entry is None:
                continue
            place: Location = ("data", role)
            on_hub = entry.format == "hub"  # its "file" is the name of a data set
            for file in (None if on_hub else entry.file, entry.ids):
                if file is not None and not file.is_file():
                    yield self._problem(
                        f"there is no file {file}",
                        "check the path, or set the variable in it; SemEval-2010 Task 8 comes"
                        " with: calldistil data fetch semeval-2010-task-8",
                        place,
                    )
            if entry.format is not None:
                yield from self._component(
                    dataset_formats, entry.format, entry.options, place, "format"
                )
        few_shot = self.experiment.few_shot
        if few_shot is not None:
            role = "train" if few_shot.source == "train" else "few_shot"
            yield from self._needs_data(role, ("few_shot",))
            if few_shot.ids is not None and not few_shot.ids.file.is_file():
                yield self._problem(
                    f"there is no file {few_shot.ids.file}", "check the path", ("few_shot", "ids")
                )

    def _backends(self) -> Iterator[Problem]:
        for name, entry in self.experiment.backends.items():
            place: Location = ("backends", name)
            yield from self._component(backends, entry.use, entry.options, place, "use")
            if entry.tokenizer is not None:
                tokenizer = entry.tokenizer
                yield from self._caught(
                    lambda tokenizer=tokenizer: token_counters.resolve(tokenizer),
                    (*place, "tokenizer"),
                )
            if entry.price == "snapshot":
                if entry.price_model is None:
                    yield self._problem("price: snapshot", "add price_model: NAME", place)
                else:
                    model = entry.price_model
                    yield from self._caught(
                        lambda model=model: named_price(self.experiment, model),
                        (*place, "price_model"),
                    )

    def _tuned(self) -> Iterator[Problem]:
        """Adapters that the run trains, and backends that carry one."""
        experiment = self.experiment
        for name, entry in experiment.tuned.items():
            place: Location = ("tuned", name)
            yield from self._component(tuners, entry.tuner, entry.options, place, "tuner")
            if entry.train_on == "train":
                yield from self._needs_data("train", place)
            elif experiment.few_shot is None:
                yield self._problem("it trains on a few-shot set", "add few_shot:", place)
        for name, backend in experiment.backends.items():
            with contextlib.suppress(ConfigError):  # said elsewhere
                found = checked_component(backends, backend.use, backend.options, self.base)
                adapter = tuned_adapter(found.options)
                if adapter is not None and adapter.tuned not in experiment.tuned:
                    known = ", ".join(experiment.tuned) or "none are declared"
                    yield self._problem(
                        f"the adapter {adapter.tuned!r} is not declared",
                        f"under tuned: {known}",
                        ("backends", name, "options"),
                    )

    def _extractor(
        self, name: str, options: Mapping[str, Any], backend: str | None, place: Location
    ) -> Iterator[Problem]:
        """Checks an extractor, the examples that it shows and what it needs of its backend."""
        problems = list(self._component(extractors, name, options, place, "extractor"))
        yield from problems
        if problems:
            return
        found = checked_component(extractors, name, options, self.base)
        kind: object = found.kind
        search = None
        if isinstance(kind, SearchesNeighbours):
            search = kind.neighbour_search(options=found.options)
        from_few_shot = found.kind.uses_few_shot or (search and search.pool == "few_shot")
        if from_few_shot and self.experiment.few_shot is None:
            yield self._problem(f"{found.name} shows labelled sentences", "add few_shot:", place)
        if search is not None and search.pool == "train":
            yield from self._needs_data("train", place)
        if isinstance(kind, NeedsCapabilities) and (entry := self._entry(backend)) is not None:
            for capability in sorted(kind.needs(options=found.options)):
                yield from self._offers(entry, backend or "", capability, place)

    def _scores(self, name: str, options: Mapping[str, Any], place: Location) -> Iterator[Problem]:
        """Checks that an extractor scores every label."""
        with contextlib.suppress(ConfigError):  # said elsewhere
            found = checked_component(extractors, name, options, self.base)
            kind: object = found.kind
            scores = isinstance(kind, NeedsCapabilities) and "label_scoring" in kind.needs(
                options=found.options
            )
            if not scores:
                yield self._problem(
                    "calibrate needs a probability of every label",
                    "options: {form: scores}, with an extractor that has it",
                    (*place, "calibrate"),
                )

    def _entry(self, backend: str | None) -> Component[type[Backend]] | None:
        """A backend entry's component; None where it is wrong, which is said elsewhere."""
        entry = self.experiment.backends.get(backend or "")
        if entry is None:
            return None
        with contextlib.suppress(ConfigError):
            return checked_component(backends, entry.use, entry.options, self.base)
        return None

    def _offers(
        self, entry: Component[type[Backend]], backend: str, capability: str, place: Location
    ) -> Iterator[Problem]:
        with contextlib.suppress(DataError):  # a recording that cannot be read is said elsewhere
            made = entry.kind(options=entry.options)
            offered = getattr(made.capabilities, capability)
            made.close()
            if not offered:
                words = capability.replace("_", " ")
                yield self._problem(
                    f"it needs {words}, and the backend {backend!r} ({entry.name}) has none",
                    "use a backend that offers it, or options that do without",
                    place,
                )

    def _varies_gold(self, generator: str, place: Location) -> Iterator[Problem]:
        """A generator that varies gold rows needs some."""
        known = not list(self._caught(lambda: generators.resolve(generator), place))
        needs = known and getattr(generators.get(generator), "needs_few_shot", False)
        if needs and self.experiment.few_shot is None:
            yield self._problem(f"{generator} varies labelled sentences", "add few_shot:", place)

    def _component(
        self,
        registry: Registry[T],
        name: str,
        options: Mapping[str, Any],
        place: Location,
        key: str,
    ) -> Iterator[Problem]:
        """Checks the component that ``key`` at ``place`` names, and the options beside it."""
        unknown = list(self._caught(lambda: registry.resolve(name), (*place, key)))
        yield from unknown
        if not unknown:
            yield from self._caught(
                lambda: checked_component(registry, name, options, self.base),
                (*place, "options") if options else place,
            )

    def _declared(self, backend: str | None, place: Location) -> Iterator[Problem]:
        if backend is not None and backend not in self.experiment.backends:
            known = ", ".join(self.experiment.backends) or "none are declared"
            yield self._problem(
                f"the backend {backend!r} is not declared",
                f"under backends: {known}",
                (*place, "backend"),
            )

    def _needs_data(self, role: str, place: Location) -> Iterator[Problem]:
        if getattr(self.experiment.data, role) is None:
            yield self._problem(f"it needs data.{role}", f"add {role}: under data:", place)

    def _has_dev(self) -> bool:
        few_shot = self.experiment.few_shot
        drawn = few_shot is not None and few_shot.source == "train" and few_shot.dev != "none"
        return drawn or self.experiment.data.dev is not None

    def _caught(self, action: Any, place: Location) -> Iterator[Problem]:
        try:
            action()
        except ConfigError as error:
            for problem in error.problems:
                yield self._problem(problem.what, problem.fix, place)

    def _problem(self, what: str, fix: str, place: Location) -> Problem:
        dotted = ".".join(str(part) for part in place)
        line = line_of(self.document, place)
        return Problem(f"{dotted}: {what}", fix, self.document.file, line)
