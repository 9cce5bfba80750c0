"""Verdict, tables and exports, made from answers and costs alone: never calls a model."""

from harness.report._build import build_head_to_head
from harness.report._cascade import CascadeCurve, CascadePoint
from harness.report._json import FORMAT_VERSION, load_results, parse_results
from harness.report._price_list import PriceList, PricesInForce, load_price_list
from harness.report._render import FORMATS, Format, render
from harness.report._row import Costs, Difference, Estimate, Kind, Latency, Row, TrainingRows
from harness.report._run import RunReader, report_run, run_answers, run_systems
from harness.report._same import same_results
from harness.report._score import render_confusion, render_relations, render_score
from harness.report._score_files import LabelScore, label_scores
from harness.report._set_export import export_sets
from harness.report._set_sheets import render_sets
from harness.report._sets import set_reports
from harness.report._source_chain import written_by
from harness.report._system import SystemResult
from harness.report._table import HeadToHead, TestSet, Verdict, VerdictKind
from harness.report._verdict import Candidate, choose, decide

__all__ = [
    "FORMATS",
    "FORMAT_VERSION",
    "Candidate",
    "CascadeCurve",
    "CascadePoint",
    "Costs",
    "Difference",
    "Estimate",
    "Format",
    "HeadToHead",
    "Kind",
    "LabelScore",
    "Latency",
    "PriceList",
    "PricesInForce",
    "Row",
    "RunReader",
    "SystemResult",
    "TestSet",
    "TrainingRows",
    "Verdict",
    "VerdictKind",
    "build_head_to_head",
    "choose",
    "decide",
    "export_sets",
    "label_scores",
    "load_price_list",
    "load_results",
    "parse_results",
    "render",
    "render_confusion",
    "render_relations",
    "render_score",
    "render_sets",
    "report_run",
    "run_answers",
    "run_systems",
    "same_results",
    "set_reports",
    "written_by",
]
