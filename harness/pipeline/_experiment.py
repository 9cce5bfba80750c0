"""The experiment file: one task, several systems, few-shot settings, seeds, prices."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from harness.costs import ModelPrice, Prices
from harness.documents import FileModel, ResolvedPath
from harness.pipeline._resources import ResourcesByStage
from harness.pipeline._sampling_entry import SamplingEntry, checked_sampling
from harness.pipeline._systems import SystemEntry
from harness.pipeline._tuned import TunedEntry

__all__ = [
    "BackendEntry",
    "DataEntry",
    "Experiment",
    "ExplainedEntry",
    "FewShotEntry",
    "SeedTriple",
    "SeedsEntry",
    "VerdictEntry",
    "checked_sampling",
    "seed_triples",
]


class DataEntry(FileModel):
    """A data file.

    Attributes:
        file: Path, relative to the experiment file.
        format: Name of a dataset format; guessed from the suffix where that is unambiguous.
        options: Options of the format.
        ids: A JSON list of example ids to keep, in its order.
    """

    file: ResolvedPath
    format: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    ids: ResolvedPath | None = None


class IdsEntry(FileModel):
    """Ids drawn beforehand.

    Attributes:
        file: A JSON file with an object of id lists.
        key: The list to take; ``{seed}`` in it stands for the split's seed.
    """

    file: ResolvedPath
    key: str


class FewShotEntry(FileModel):
    """Where the few-shot set comes from: a file as it is, or a draw from the training data.

    Attributes:
        source: ``train`` (drawn from ``data.train``) or ``file`` (``data.few_shot``, whole).
        k: Examples per label of a draw.
        count_na: Whether the NA label is drawn as well.
        dev: Development set of a draw: none, k per label, or all that remains.
        ids: Ids drawn beforehand, instead of a draw.
    """

    source: Literal["train", "file"] = "train"
    k: int = Field(default=8, ge=1)
    count_na: bool = True
    dev: Literal["none", "k_shot", "full"] = "none"
    ids: IdsEntry | None = None


class DataSection(FileModel):
    """The task's data.

    Attributes:
        test: The head-to-head test set, which every system answers.
        full_test: A wider test set that only students answer.
        train: Human-labelled training data.
        few_shot: A ready few-shot set.
        dev: Development set for students that use one.
    """

    test: DataEntry
    full_test: DataEntry | None = None
    train: DataEntry | None = None
    few_shot: DataEntry | None = None
    dev: DataEntry | None = None


class SeedsEntry(FileModel):
    """The three seeds. Every combination is one repetition of a system that depends on it.

    Attributes:
        split: Seeds of the few-shot draw.
        generation: Repeat numbers of generation.
        training: Seeds of training.
    """

    split: tuple[int, ...] = (1,)
    generation: tuple[int, ...] = (0,)
    training: tuple[int, ...] = (1, 2, 3)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for name in ("split", "generation", "training"):
            values = getattr(self, name)
            if not values or len(set(values)) != len(values) or min(values) < 0:
                raise ValueError(f"{name} must be a list of different seeds, each 0 or more")
        return self


class BackendEntry(FileModel):
    """A backend and what is known of its prices.

    Attributes:
        use: Registry name.
        options: Its options.
        sampling: Decoding parameters of every request to it.
        price: A price per million tokens; ``snapshot`` (genai-prices by ``price_model``);
            ``machine`` (a local model, which costs machine time); or nothing, which makes its
            cost unknown.
        price_model: Name to look up in the snapshot.
        tokenizer: Named tokenizer that counts tokens where the backend reports none.
        licence: Licence of the model, as you declare it for the leaderboard.
        terms_allow_training: Whether the provider's terms let its answers train another model,
            as you declare it.
        parameters: How many parameters the model has, as you declare it.
    """

    use: str
    options: dict[str, Any] = Field(default_factory=dict)
    sampling: SamplingEntry = Field(default_factory=SamplingEntry)
    price: ModelPrice | Literal["snapshot", "machine"] | None = None
    price_model: str | None = None
    tokenizer: str | None = None
    licence: str | None = None
    terms_allow_training: bool | None = None
    parameters: int | None = Field(default=None, ge=1)


class ExplainedEntry(FileModel):
    """Explanations of the few-shot set's labels, for students that are pretrained on them.

    Attributes:
        explainer: Registry name.
        backend: Name of the backend entry that it talks to.
        options: Its options.
    """

    explainer: str
    backend: str
    options: dict[str, Any] = Field(default_factory=dict)


class VerdictEntry(FileModel):
    """The rule's two parameters.

    Attributes:
        tolerance: F1 points that a student may lose.
        volume: Sentences within which it must pay for itself.
    """

    tolerance: float = Field(default=2.0, ge=0)
    volume: int = Field(default=1_000_000, ge=1)


class StatisticsEntry(FileModel):
    """How intervals (of 95%) and tests are computed.

    Attributes:
        resamples: Bootstrap and randomisation draws.
        seed: Seed of the draws.
    """

    resamples: int = Field(default=10_000, ge=100)
    seed: int = Field(default=0, ge=0)


class Experiment(FileModel):
    """An experiment file.

    Attributes:
        calldistil: Version of the file's form.
        name: Names the run's folder; letters, digits, ``_``, ``.`` and ``-``.
        title: One line about it.
        schema: A built-in schema's name, or a YAML file.
        data: The task's data.
        few_shot: Where the few-shot set comes from.
        seeds: The three seeds.
        backends: LLMs by a name of your own, which systems refer to.
        explanations: Explanations of the few-shot set's labels by a name of your own; they are
            written whether a system uses them or not.
        tuned: Adapters to train by a name of your own, which backends refer to.
        prices: What a machine, a human label and models cost.
        systems: Rows of the table by name, in the table's order.
        reference: The direct system that the others are compared with.
        candidate: The system that the verdict speaks of; left out, the test set chooses among
            the students, and pays for the choice with wider intervals.
        metric: Metric of the comparison; the schema's own if left out.
        verdict: The rule's parameters.
        statistics: How intervals and tests are computed.
        resources: What stages take of a machine, by the stage's name, on a cluster.
        notes: Sentences that are printed under the table.
    """

    calldistil: Literal[1]
    name: str = Field(pattern=r"^[\w.-]+$")
    title: str = ""
    schema_: str = Field(alias="schema", min_length=1)
    data: DataSection
    few_shot: FewShotEntry | None = None
    seeds: SeedsEntry = Field(default_factory=SeedsEntry)
    backends: dict[str, BackendEntry] = Field(default_factory=dict)
    explanations: dict[str, ExplainedEntry] = Field(default_factory=dict)
    tuned: dict[str, TunedEntry] = Field(default_factory=dict)
    prices: Prices
    systems: dict[str, SystemEntry] = Field(min_length=1)
    reference: str
    candidate: str | None = None
    metric: str | None = None
    verdict: VerdictEntry = Field(default_factory=VerdictEntry)
    statistics: StatisticsEntry = Field(default_factory=StatisticsEntry)
    resources: ResourcesByStage = Field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class SeedTriple:
    """The seeds of one repetition; None where a system does not depend on that seed."""

    split: int | None = None
    generation: int | None = None
    training: int | None = None

    def __str__(self) -> str:
        parts = (("split", self.split), ("gen", self.generation), ("train", self.training))
        return "-".join(f"{name}{value}" for name, value in parts if value is not None) or "once"


def seed_triples(
    seeds: SeedsEntry, *, split: bool, generation: bool, training: bool
) -> tuple[SeedTriple, ...]:
    """Every combination of the seeds that a system depends on."""
    return tuple(
        SeedTriple(*triple)
        for triple in itertools.product(
            seeds.split if split else (None,),
            seeds.generation if generation else (None,),
            seeds.training if training else (None,),
        )
    )
