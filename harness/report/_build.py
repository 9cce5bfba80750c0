"""From systems' answers and costs to a head-to-head table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.errors import ConfigError, Problem
from harness.metrics import Answers, Comparison, compare, holm, trivial_baselines
from harness.report._measures import Measures, definition_of, even_of, evens_by_mode, total_of
from harness.report._row import Difference
from harness.report._system import SystemResult
from harness.report._table import HeadToHead, TestSet, Verdict
from harness.report._verdict import Candidate, choose, decide

__all__ = ["build_head_to_head"]

_DISTILLED = ("distilled", "labelled", "mixed")  # kinds that a teacher had a hand in


def build_head_to_head(
    *,
    experiment: str,
    systems: Sequence[SystemResult],
    reference: str,
    volume: int,
    test_name: str,
    metric: str = "micro_f1",
    tolerance: float = 2.0,
    candidate: str | None = None,
    train_labels: Sequence[str] = (),
    resamples: int = 10_000,
    seed: int = 0,
    full_test_name: str | None = None,
    assumptions: Sequence[str] = (),
) -> HeadToHead:
    """Compares every system with the reference and decides.

    Args:
        experiment: Name of the experiment.
        systems: In the order of the table; all answered the same test examples, or if direct a
            part of what the reference answered.
        reference: Name of the direct system that the others are compared with.
        volume: Sentences within which a student must pay for itself.
        test_name: Name of the test set of the head-to-head.
        metric: Name of the table's metric.
        tolerance: Points a student may lose.
        candidate: The student that the verdict speaks of. Where none is declared the test set
            chooses among the distilled ones, and the intervals are widened for it.
        train_labels: Labels of the training set, for the baseline ``most_frequent``.
        resamples: Resamples behind each interval and test.
        seed: Seed of the resampling.
        full_test_name: Name of the wider test set.
        assumptions: Notes under the table, whole sentences: what was assumed, overlaps found.

    Raises:
        ConfigError: With all problems of the arguments.
        DataError: When systems did not answer the same examples.
    """
    _check(systems, reference, candidate, tolerance, volume)
    by_name = {system.name: system for system in systems}
    referent = by_name[reference]
    measured = Measures(metric, resamples, seed)
    compared = {
        system.name: compare(
            system.answers,
            _on_the_same(referent.answers, system),
            metric,
            resamples=resamples,
            seed=seed,
        )
        for system in systems
        if system is not referent and system.kind != "baseline"
    }
    evens = {name: even_of(by_name[name], referent) for name in compared}
    corrected = dict(
        zip(compared, holm([c.p_randomisation for c in compared.values()]), strict=True)
    )
    rows = []
    for system in sorted(systems, key=lambda s: s.kind == "baseline"):
        row = measured.row(system)
        if system is referent:
            row = replace(row, reference=True)
        elif system.name in compared:
            row = replace(
                row,
                difference=_difference(
                    compared[system.name], float(corrected[system.name]), tolerance
                ),
                break_even=evens[system.name],
                break_even_by_mode=evens_by_mode(system, referent),
            )
        rows.append(row)
    rows += [
        measured.row(baseline)
        for baseline in _trivial(referent, systems, train_labels)
        if baseline.name not in by_name
    ]
    pool = [
        Candidate(name, compared[name], evens[name], total_of(by_name[name].cost, volume))
        for name in compared
        if (name == candidate if candidate else by_name[name].kind in _DISTILLED)
    ]
    full = next((s.full_answers for s in systems if s.full_answers is not None), None)
    return HeadToHead(
        experiment=experiment,
        metric=metric,
        definitions={name: definition_of(name) for name in measured.names(referent.answers)},
        reference=reference,
        tolerance=tolerance,
        volume=volume,
        test=TestSet(test_name, len(referent.answers)),
        full_test=None if full is None else TestSet(full_test_name or "full test", len(full)),
        resamples=resamples,
        seed=seed,
        rows=tuple(rows),
        verdict=_verdict(pool, candidate, tolerance, volume, reference, metric),
        assumptions=tuple(assumptions),
    )


def _on_the_same(reference: Answers, system: SystemResult) -> Answers:
    """The reference's answers to what a direct system answered, where that is a part of them."""
    ids = system.answers.ids
    part = system.kind == "direct" and set(ids) < set(reference.ids)
    return reference.subset(ids) if part else reference


def _difference(comparison: Comparison, corrected: float, tolerance: float) -> Difference:
    return Difference(
        value=comparison.difference,
        low=comparison.low,
        high=comparison.high,
        p_randomisation=comparison.p_randomisation,
        p_bootstrap=comparison.p_bootstrap,
        p_holm=corrected,
        within_tolerance=comparison.probability_within(tolerance),
    )


def _trivial(
    referent: SystemResult, systems: Sequence[SystemResult], train_labels: Sequence[str]
) -> list[SystemResult]:
    full = next((s.full_answers for s in systems if s.full_answers is not None), None)
    return [
        SystemResult(
            name=baseline.name,
            kind="baseline",
            answers=baseline.on(referent.answers),
            full_answers=None if full is None else baseline.on(full),
            gold_budget=0 if baseline.name == "always_na" else len(train_labels),
            notes=(f"answers {baseline.label} to everything",),
        )
        for baseline in trivial_baselines(referent.answers.schema, train_labels)
    ]


def _verdict(
    pool: Sequence[Candidate],
    candidate: str | None,
    tolerance: float,
    volume: int,
    reference: str,
    metric: str,
) -> Verdict | None:
    if candidate is None:
        return choose(pool, tolerance=tolerance, volume=volume, reference=reference, metric=metric)
    (declared,) = pool
    return decide(
        declared.comparison,
        declared.break_even,
        tolerance=tolerance,
        volume=volume,
        student=candidate,
        reference=reference,
        metric=metric,
    )


def _check(
    systems: Sequence[SystemResult],
    reference: str,
    candidate: str | None,
    tolerance: float,
    volume: int,
) -> None:
    names = [system.name for system in systems]
    known = ", ".join(names) or "there are none"
    problems = [
        Problem(f"two systems are called {name!r}", "give each a name of its own")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if reference not in names:
        problems.append(
            Problem(f"the reference {reference!r} is not a system", f"must be one of: {known}")
        )
    eligible = [s.name for s in systems if s.name != reference and s.kind != "baseline"]
    if candidate is not None and candidate not in eligible:
        problems.append(
            Problem(
                f"the candidate {candidate!r} cannot be compared with the reference",
                f"must be one of: {', '.join(eligible) or 'there are none'}",
            )
        )
    if not tolerance >= 0:
        problems.append(Problem(f"the tolerance is {tolerance}", "give points of 0 or more"))
    if volume < 1:
        problems.append(Problem(f"the volume is {volume}", "give 1 sentence or more"))
    if problems:
        raise ConfigError(problems)
