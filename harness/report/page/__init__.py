"""The page that tells whether to call or to distil: one HTML file from a run's artefacts."""

from harness.report.page._blocks import Block, Cell, Chart, Column, Fold, Grid, Note, Paint, Widget
from harness.report.page._evidence import Evidence
from harness.report.page._render import charts_of, render_page, save_figures
from harness.report.page._section import Section, sections
from harness.report.page._slices import Slice, cue_words, slices_of

__all__ = [
    "Block",
    "Cell",
    "Chart",
    "Column",
    "Evidence",
    "Fold",
    "Grid",
    "Note",
    "Paint",
    "Section",
    "Slice",
    "Widget",
    "charts_of",
    "cue_words",
    "render_page",
    "save_figures",
    "sections",
    "slices_of",
]
