"""Labelled sentences from files: formats, few-shot splits, overlaps, label and answer files."""

from harness.datasets._collector import text_group
from harness.datasets._fetch import data_home, fetch_dataset, fetchable_datasets
from harness.datasets._few_shot import (
    FewShotPlan,
    FewShotSplit,
    Shortfall,
    draw_few_shot,
    few_shot_from_ids,
)
from harness.datasets._format import DatasetFormat, NoOptions, dataset_formats
from harness.datasets._infer import infer_schema
from harness.datasets._jsonl import parse_examples
from harness.datasets._overlaps import Overlap, OverlapReport, find_overlaps, normalise_text
from harness.datasets._predictions import read_predictions, write_predictions
from harness.datasets._read import guess_format, read_examples, write_examples
from harness.datasets._relabel import (
    LabelledId,
    apply_retacred_labels,
    apply_tacrev_patch,
    read_label_file,
)

__all__ = [
    "DatasetFormat",
    "FewShotPlan",
    "FewShotSplit",
    "LabelledId",
    "NoOptions",
    "Overlap",
    "OverlapReport",
    "Shortfall",
    "apply_retacred_labels",
    "apply_tacrev_patch",
    "data_home",
    "dataset_formats",
    "draw_few_shot",
    "fetch_dataset",
    "fetchable_datasets",
    "few_shot_from_ids",
    "find_overlaps",
    "guess_format",
    "infer_schema",
    "normalise_text",
    "parse_examples",
    "read_examples",
    "read_label_file",
    "read_predictions",
    "text_group",
    "write_examples",
    "write_predictions",
]
