"""The official scorer's printed page, character by character."""

from __future__ import annotations

from collections.abc import Iterator

from harness.metrics._official import (
    OTHER,
    OfficialEvaluation,
    OfficialReport,
    OfficialScore,
    Scheme,
)

__all__ = ["format_official"]

_TITLES = {
    Scheme.DIRECTED_LABELS: "(2*9+1)-WAY EVALUATION (USING DIRECTIONALITY)>>>:",
    Scheme.RELATIONS: "(9+1)-WAY EVALUATION IGNORING DIRECTIONALITY >>>:",
    Scheme.OFFICIAL: "(9+1)-WAY EVALUATION TAKING DIRECTIONALITY INTO ACCOUNT -- OFFICIAL >>>:",
}


def format_official(report: OfficialReport) -> str:
    """Writes a report as the official scorer prints it, with ``\\n`` at the ends of lines."""
    lines: list[str] = []
    for label, count in report.unknown_labels:
        lines += [
            f"!!!WARNING!!! The proposed file contains {count} label(s) of type '{label}',"
            " which is NOT present in the key file.",
            "",
        ]
    for evaluation in (report.directed, report.undirected, report.official):
        lines += [f"<<< {_TITLES[evaluation.scheme]}", ""]
        lines += [*_confusion(evaluation), "", *_accuracies(evaluation), ""]
        lines += [*_relations(evaluation), "", *_averages(evaluation), "", "", ""]
    lines.append(
        "<<< The official score is (9+1)-way evaluation with directionality taken into account:"
        f" macro-averaged F1 = {report.score:.2f}% >>>"
    )
    return "\n".join(lines) + "\n"


def _confusion(evaluation: OfficialEvaluation) -> Iterator[str]:
    official = evaluation.scheme is Scheme.OFFICIAL
    yield "Confusion matrix:"
    names = "".join(f" {_short(label, evaluation):>4}" for label in evaluation.columns)
    yield f"       {names} <-- classified as"
    rule = "      +" + "-----" * len(evaluation.columns) + "+"
    yield rule + (" -SUM- xDIRx skip  ACTUAL" if official else " -SUM- skip ACTUAL")
    for label, row, score in zip(
        evaluation.rows, evaluation.confusion, evaluation.scores, strict=True
    ):
        flips = score.wrong_direction
        skipped = score.gold - sum(row) - flips
        cells = "".join(f"{count:4d} " for count in row)
        yield f" {_short(label, evaluation):>4} |{cells}| " + _sums(
            sum(row), flips, skipped, score.gold, official
        )
    yield rule
    columns = "".join(
        f"{sum(row[i] for row in evaluation.confusion):4d} " for i in range(len(evaluation.columns))
    )
    flips = sum(score.wrong_direction for score in evaluation.scores)
    skipped = evaluation.examples - evaluation.answered
    yield f" -SUM- {columns}  " + _sums(
        evaluation.answered - flips, flips, skipped, evaluation.examples, official
    )


def _sums(answered: int, flips: int, skipped: int, gold: int, official: bool) -> str:
    if official:
        return f"{answered:4d}  {flips:4d}  {skipped:4d} {gold:6d}"
    return f"{answered:4d} {skipped:4d} {gold:4d}"


def _accuracies(evaluation: OfficialEvaluation) -> Iterator[str]:
    right, answered, examples = evaluation.right, evaluation.answered, evaluation.examples
    with_other = right + evaluation.skipped_other
    yield "Coverage = " + _share(answered, examples)
    yield "Accuracy (calculated for the above confusion matrix) = " + _share(right, answered)
    yield "Accuracy (considering all skipped examples as Wrong) = " + _share(right, examples)
    yield "Accuracy (considering all skipped examples as Other) = " + _share(with_other, examples)


def _relations(evaluation: OfficialEvaluation) -> Iterator[str]:
    yield "Results for the individual relations:"
    for score in evaluation.scores:
        if evaluation.scheme is Scheme.OFFICIAL:
            proposed = f"({score.answered:4d} +{score.wrong_direction:4d})"
        else:
            proposed = f"{score.answered:4d}"
        yield f"{score.label:>25} :    " + _prf(score, proposed)


def _averages(evaluation: OfficialEvaluation) -> Iterator[str]:
    micro = evaluation.micro
    yield "Micro-averaged result (excluding Other):"
    yield _prf(micro, f"{micro.answered + micro.wrong_direction:4d}")
    yield ""
    yield "MACRO-averaged result (excluding Other):"
    yield (
        f"P = {evaluation.macro_precision:6.2f}%\tR = {evaluation.macro_recall:6.2f}%"
        f"\tF1 = {evaluation.macro_f1:6.2f}%"
    )


def _prf(score: OfficialScore, proposed: str) -> str:
    return (
        f"P = {score.right:4d}/{proposed} = {score.precision:6.2f}%"
        f"     R = {score.right:4d}/{score.gold:4d} = {score.recall:6.2f}%"
        f"     F1 = {score.f1:6.2f}%"
    )


def _share(part: int, whole: int) -> str:
    # The original divides by zero where nothing was answered.
    return f"{part}/{whole} = {100.0 * part / whole if whole else 0.0:5.2f}%"


def _short(label: str, evaluation: OfficialEvaluation) -> str:
    """``C-E1`` for Cause-Effect(e1,e2), ``*CE1`` where the key does not have it."""
    if label == OTHER:
        return "_O_"
    relation, _, order = label.partition("(e")
    first, _, second = relation.partition("-")
    known = label in evaluation.rows
    return f"{'' if known else '*'}{first[0]}{'-' if known else ''}{second[0]}{order[:1]}"
