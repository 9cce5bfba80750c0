"""From an experiment to a plan: the stages of every system, each known by its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from harness.datasets import dataset_formats, guess_format
from harness.pipeline._cascade_plan import cascade_plans
from harness.pipeline._components import checked_component
from harness.pipeline._dependence import (
    GoldRows,
    neighbour_inputs,
    searches_few_shot,
    tuned_input,
    tuned_on_split,
)
from harness.pipeline._experiment import DataEntry, SeedTriple, seed_triples
from harness.pipeline._node import Node
from harness.pipeline._plan_curation import CuratedRows, Writer, shows_few_shot
from harness.pipeline._plan_parts import OverlapPlan, Plan, Repetition, SystemPlan
from harness.pipeline._setup import Setup
from harness.pipeline._systems import Source, SystemEntry
from harness.pipeline.stages import (
    Agent,
    Calibrate,
    ContentFree,
    Encode,
    Explain,
    Extract,
    Generate,
    Label,
    Overlap,
    Predict,
    Read,
    Split,
    Subset,
    Train,
)
from harness.protocols import ReadsFeatures, StandsOn
from harness.registry import Registry, backends, explainers, extractors, generators
from harness.students import students

__all__ = ["Node", "OverlapPlan", "Plan", "Repetition", "SystemPlan", "build_plan"]


def build_plan(setup: Setup) -> Plan:
    """Lays out the stages of a checked experiment. Reads no data and calls nothing."""
    return _Builder(setup).plan()


class _Builder:
    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.experiment = setup.experiment
        self._reads: dict[str, Node] = {}

    def plan(self) -> Plan:
        full = self.experiment.data.full_test
        plans = {
            name: SystemPlan(name, entry.kind, tuple(self._repetitions(name, entry)))
            for name, entry in self.experiment.systems.items()
            if entry.cascade is None
        }
        plans |= cascade_plans(self.setup, plans, self._read, self._asks)
        systems = tuple(plans[name] for name in self.experiment.systems if name in plans)
        return Plan(
            setup=self.setup,
            test=self._read("test"),
            full_test=self._read("full_test") if full is not None else None,
            systems=systems,
            overlaps=tuple(self._overlaps(systems)),
            explanations={
                name: tuple(self._explained(name, seed) for seed in self.experiment.seeds.split)
                for name in self.experiment.explanations
            },
        )

    # -- data ------------------------------------------------------------------------------

    def _read(self, role: str) -> Node:
        if role not in self._reads:
            entry: DataEntry = getattr(self.experiment.data, role)
            name = entry.format or guess_format(entry.file)
            found = checked_component(dataset_formats, name, entry.options, self.setup.base)
            stage = Read(
                entry=entry.model_copy(update={"format": name}),
                options=found.options,
                schema=self.setup.schema,
            )
            self._reads[role] = Node(stage, f"read data.{role}", {})
        return self._reads[role]

    def _split(self, seed: int | None) -> Node:
        entry = self.experiment.few_shot
        assert entry is not None and seed is not None  # checked with the experiment
        pool = self._read("train" if entry.source == "train" else "few_shot")
        stage = Split(entry=entry, seed=seed, schema=self.setup.schema)
        return Node(stage, f"draw the few-shot set, split seed {seed}", {"pool": pool})

    def _explained(self, name: str, seed: int | None) -> Node:
        """Explanations of the few-shot set of one split seed, as the file declares them."""
        entry = self.experiment.explanations[name]
        agent = self._agent(explainers, entry.explainer, entry.options, entry.backend)
        stage = Explain(agent=agent, schema=self.setup.schema)
        title = f"{name}: explain with {agent.component}, split seed {seed}"
        return Node(stage, title, {"examples": self._split(seed)})

    def _explanations_of(self, entry: SystemEntry) -> str | None:
        """The declared explanations that a student's pretraining names in place of a file."""
        pretrain = entry.options.get("pretrain")
        named = pretrain.get("explanations") if isinstance(pretrain, Mapping) else None
        known = isinstance(named, str) and named in self.experiment.explanations
        return named if known else None

    # -- agents ----------------------------------------------------------------------------

    def _agent(
        self, registry: Registry[Any], component: str, options: Mapping[str, Any], backend: str
    ) -> Agent:
        entry = self.experiment.backends[backend]
        found = checked_component(registry, component, options, self.setup.base)
        behind = checked_component(backends, entry.use, entry.options, self.setup.base)
        return Agent(
            component=found.name,
            options=found.options,
            backend=backend,
            backend_use=behind.name,
            backend_options=behind.options,
            sampling=entry.sampling.to_sampling(),
            tokenizer=entry.tokenizer,
        )

    def _shows(self, registry: Registry[Any], component: str) -> bool:
        """Whether an agent shows few-shot examples."""
        return self.experiment.few_shot is not None and bool(registry.get(component).uses_few_shot)

    def _depends_on_split(self, agent: Agent) -> bool:
        """Whether an extractor's answers depend on the few-shot set."""
        beside = searches_few_shot(agent) or tuned_on_split(self.experiment, agent)
        return beside or self._shows(extractors, agent.component)

    def _gold(self, seeds: SeedTriple) -> GoldRows:
        """Human labels by name: the few-shot set of the split's seed, or the training data."""
        return lambda name: self._split(seeds.split) if name == "few_shot" else self._read("train")

    def _few_shot_input(
        self, registry: Registry[Any], component: str, seeds: SeedTriple
    ) -> dict[str, Node]:
        return {"few_shot": self._split(seeds.split)} if self._shows(registry, component) else {}

    def _asks(self, agent: Agent, examples: Node, seeds: SeedTriple) -> dict[str, Node]:
        """The inputs of a stage in which an extractor answers examples."""
        return {
            "examples": examples,
            **self._few_shot_input(extractors, agent.component, seeds),
            **neighbour_inputs(self.setup, agent, examples, self._gold(seeds)),
            **tuned_input(self.setup, agent, self._gold(seeds)),
        }

    # -- curation --------------------------------------------------------------------------

    def _curated(
        self, source: Source, rows: Node, seeds: SeedTriple, writer: Writer | None
    ) -> Node:
        """A source's rows after its gates."""
        planner = CuratedRows(
            setup=self.setup,
            test=self._widest_test,
            few_shot=lambda: self._split(seeds.split),
            agent=self._agent,
        )
        return planner.plan(source.curate, rows, writer)

    # -- systems ---------------------------------------------------------------------------

    def _repetitions(self, name: str, entry: SystemEntry) -> Iterator[Repetition]:
        if entry.extractor is not None:
            yield from self._direct(name, entry, entry.extractor)
        else:
            yield from self._student(name, entry)

    def _direct(self, name: str, entry: SystemEntry, extractor: str) -> Iterator[Repetition]:
        agent = self._agent(extractors, extractor, entry.options, entry.backend or "")
        stage = Extract(agent=agent, schema=self.setup.schema)
        title = f"{name}: ask {agent.component}"
        shows = self._depends_on_split(agent)
        for seeds in seed_triples(
            self.experiment.seeds, split=shows, generation=False, training=False
        ):

            def asked(examples: Node, seeds: SeedTriple = seeds) -> Node:
                return Node(stage, title, self._asks(agent, examples, seeds))

            answers = asked(self._asked_of(entry))
            yield Repetition(seeds, answers, self._calibrated(name, entry, answers, asked))

    def _calibrated(
        self,
        name: str,
        entry: SystemEntry,
        answers: Node,
        answered: Callable[[Node], Node],
        trained_on: Mapping[str, Node] | None = None,
    ) -> Node | None:
        """The correction of a system's answers, where it is declared.

        Args:
            name: The system's name.
            entry: The system.
            answers: Its answers to the test set.
            answered: Gives its answers to other examples.
            trained_on: A student's sources of training rows.
        """
        if (wanted := entry.calibrate) is None:
            return None
        stage = Calibrate(method=wanted.method, wanted=wanted.wanted, schema=self.setup.schema)
        inputs = {"answers": answers}
        if wanted.method == "contextual":
            free = Node(ContentFree(), "write sentences without content", {})
            inputs["content_free"] = answered(free)
        if wanted.method == "estimated":
            inputs |= trained_on or {}
        return Node(stage, f"{name}: calibrate ({wanted.method})", inputs)

    def _asked_of(self, entry: SystemEntry) -> Node:
        """The test examples that a direct system answers."""
        test = self._read("test")
        if entry.ids is None:
            return test
        return Node(
            Subset(ids=entry.ids), f"keep {entry.ids.name} of the test set", {"examples": test}
        )

    def _student(self, name: str, entry: SystemEntry) -> Iterator[Repetition]:
        found = checked_component(students, entry.student or "", entry.options, self.setup.base)
        explained = self._explanations_of(entry)
        split = explained is not None or any(self._needs_split(s) for s in entry.train_on)
        generation = any(source.generated is not None for source in entry.train_on)
        predict = Predict(schema=self.setup.schema, type_constraints=entry.type_constraints)
        for seeds in seed_triples(
            self.experiment.seeds, split=split, generation=generation, training=True
        ):
            inputs = {
                f"source{index}": self._source(source, seeds)
                for index, source in enumerate(entry.train_on)
            }
            inputs |= self._features(found.kind, found.options, inputs)
            if entry.dev:
                declared = self.experiment.data.dev
                dev = self._read("dev") if declared is not None else self._split(seeds.split)
                inputs["dev"] = dev
            if explained is not None:
                inputs["explanations"] = self._explained(explained, seeds.split)
            if isinstance(found.kind, StandsOn):
                base_name, base_options = found.kind.base(options=found.options)
                base = self._trained(name, base_name, base_options, seeds, inputs)
                inputs = {**inputs, "base": base}
            trained = self._trained(name, found.name, found.options, seeds, inputs)
            title = f"{name}: predict, {seeds}"

            def answered(examples: Node, trained: Node = trained, title: str = title) -> Node:
                return Node(predict, title, {"model": trained, "examples": examples})

            answers = answered(self._widest_test())
            trained_on = {key: rows for key, rows in inputs.items() if key.startswith("source")}
            yield Repetition(
                seeds, answers, self._calibrated(name, entry, answers, answered, trained_on)
            )

    def _trained(
        self,
        system: str,
        student: str,
        options: BaseModel,
        seeds: SeedTriple,
        inputs: Mapping[str, Node],
    ) -> Node:
        stage = Train(
            student=student,
            options=options,
            schema=self.setup.schema,
            seed=seeds.training or 0,
        )
        return Node(stage, f"{system}: train {student}, {seeds}", inputs)

    def _features(self, kind: Any, options: Any, sources: Mapping[str, Node]) -> dict[str, Node]:
        """The vectors of every source, for a student that reads them: shared by heads and seeds."""
        if not isinstance(kind, ReadsFeatures):
            return {}
        nodes = {}
        for name, rows in sources.items():
            for place, encoding in enumerate(kind.encodings(options=options)):
                stage = Encode(
                    encoder=encoding.encoder,
                    representation=encoding.representation,
                    markers=self.setup.schema.markers,
                )
                title = f"encode ({encoding.representation}, {encoding.encoder}): {rows.title}"
                key = f"features{name.removeprefix('source')}.{place}"
                nodes[key] = Node(stage, title, {"examples": rows})
        return nodes

    def _widest_test(self) -> Node:
        return self._read("full_test" if self.experiment.data.full_test else "test")

    def _needs_split(self, source: Source) -> bool:
        return self._written_with_split(source) or any(
            shows_few_shot(entry, self.setup.base) for entry in source.curate
        )

    def _written_with_split(self, source: Source) -> bool:
        if source.generated is not None:
            wanted = source.generated
            agent = self._agent(generators, wanted.generator, wanted.options, wanted.backend)
            return self._shows(generators, agent.component) or tuned_on_split(
                self.experiment, agent
            )
        if source.labelled is not None:
            labels = source.labelled
            return self._depends_on_split(
                self._agent(extractors, labels.extractor, labels.options, labels.backend)
            )
        return source.gold == "few_shot"

    def _source(self, source: Source, seeds: SeedTriple) -> Node:
        if source.gold == "few_shot":
            return self._split(seeds.split)
        if source.gold == "train":
            return self._read("train")
        if source.generated is not None:
            wanted = source.generated
            agent = self._agent(generators, wanted.generator, wanted.options, wanted.backend)
            stage = Generate(agent=agent, schema=self.setup.schema, repeat=seeds.generation or 0)
            inputs = self._few_shot_input(generators, agent.component, seeds)
            inputs |= tuned_input(self.setup, agent, self._gold(seeds))
            written = Node(stage, f"generate with {agent.component}", inputs)
            return self._curated(source, written, seeds, Writer(stage, inputs))
        labelled = source.labelled
        assert labelled is not None  # a source is exactly one of the three
        agent = self._agent(extractors, labelled.extractor, labelled.options, labelled.backend)
        subset = Subset(ids=labelled.ids, limit=labelled.limit)
        chosen = Node(subset, "choose sentences to label", {"examples": self._read("train")})
        inputs = self._asks(agent, chosen, seeds)
        rows = Node(
            Label(agent=agent, schema=self.setup.schema), f"label with {agent.component}", inputs
        )
        return self._curated(source, rows, seeds, None)

    def _overlaps(self, systems: Iterable[SystemPlan]) -> Iterator[OverlapPlan]:
        """Every set of rows that a system is trained on or shown, against the widest test set."""
        seen: dict[str, tuple[str, Node]] = {}
        for system in systems:
            for repetition in system.repetitions:
                answers = repetition.answers
                for node in (*answers.ancestors(), answers):
                    searched = "pool_features" in node.inputs  # its pool gives neighbours
                    for name, rows in node.inputs.items():
                        used = name in ("few_shot", "dev") or name.startswith("source")
                        used = used or (isinstance(node.stage, Explain) and name == "examples")
                        if used or (searched and name == "pool"):
                            seen.setdefault(rows.key, (f"{system.name}: {rows.title}", rows))
        for title, rows in seen.values():
            inputs = {"rows": rows, "test": self._widest_test()}
            yield OverlapPlan(title, Node(Overlap(), f"compare with the test set: {title}", inputs))
