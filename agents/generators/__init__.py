"""Generators: agents that write training examples, and how what they write is read."""

from agents.generators._all_at_once import (
    AllAtOnce,
    AllAtOnceDiverse,
    AllAtOnceDiversePerLine,
    AllAtOnceOptions,
)
from agents.generators._attributed import Attributed, AttributedOptions
from agents.generators._entity_swap import EntitySwap, EntitySwapOptions
from agents.generators._explanations import Explanations, ExplanationsOptions
from agents.generators._na_policy import NA_KIND, NaPolicy
from agents.generators._one_by_one import OneByOne, OneByOneOptions
from agents.generators._paraphrase import Paraphrase, ParaphraseOptions
from agents.generators._reader import SampleReader
from agents.generators._record_generators import (
    SchemaConstrained,
    SchemaConstrainedOptions,
    Unleash,
    UnleashOptions,
)
from agents.generators._records import RecordReader, written_record, written_records
from agents.generators._rejects import RejectReason

__all__ = [
    "NA_KIND",
    "AllAtOnce",
    "AllAtOnceDiverse",
    "AllAtOnceDiversePerLine",
    "AllAtOnceOptions",
    "Attributed",
    "AttributedOptions",
    "EntitySwap",
    "EntitySwapOptions",
    "Explanations",
    "ExplanationsOptions",
    "NaPolicy",
    "OneByOne",
    "OneByOneOptions",
    "Paraphrase",
    "ParaphraseOptions",
    "RecordReader",
    "RejectReason",
    "SampleReader",
    "SchemaConstrained",
    "SchemaConstrainedOptions",
    "Unleash",
    "UnleashOptions",
    "written_record",
    "written_records",
]
