"""What has to be said under a table for it to be read right."""

from __future__ import annotations

from harness.report._figures import ASSUMED, UNKNOWN, count, money, score
from harness.report._row import Row
from harness.report._table import HeadToHead

__all__ = ["notes_of"]


def notes_of(table: HeadToHead) -> tuple[str, ...]:
    """The notes, general ones first, each a sentence or two."""
    compared = sum(row.difference is not None for row in table.rows)
    notes = [
        f"{table.metric}: {table.definitions.get(table.metric, UNKNOWN)}; in percent."
        f" Brackets hold 95% bootstrap intervals over examples and seeds"
        f" ({count(table.resamples)} resamples); sd is the standard deviation between training"
        f" seeds ({_seeds(table)}).",
        f"Differences are to {table.reference} on the same {count(table.test.examples)} examples;"
        f" p is that of paired approximate randomisation, Holm-corrected over {compared}"
        f" comparison{'s' if compared != 1 else ''}.",
    ]
    if table.full_test is not None:
        notes.append(
            f"{table.full_test.name}: {count(table.full_test.examples)} examples, on which only"
            " some systems were run; not part of the comparison."
        )
    notes.append(
        f"Declared beforehand: a tolerance of {score(table.tolerance)} points and a volume of"
        f" {count(table.volume)} sentences."
    )
    if any(_has_unknown(row) for row in table.rows):
        notes.append(f"{UNKNOWN}: not measured and not declared; it does not mean 0.")
    if any(_has_part(row) for row in table.rows):
        notes.append("≥: part of the time is unknown, as that of a recording; the rest is shown.")
    if any(_has_assumed(row) for row in table.rows):
        notes.append(
            f"{ASSUMED} marks what is assumed: it stands on a price or a token count that was"
            " declared or counted, and not reported by a provider."
        )
    notes += table.assumptions
    notes += [note for row in table.rows if (note := _mode(row))]
    notes += [note for row in table.rows if (note := _unparsed(table, row))]
    notes += _of_rows(table)
    return tuple(dict.fromkeys(notes))


def _of_rows(table: HeadToHead) -> list[str]:
    """The rows' own notes; one that several systems share is said once, of all of them."""
    systems: dict[str, list[str]] = {}
    for row in table.rows:
        for note in dict.fromkeys(row.notes):
            systems.setdefault(note, []).append(row.system)
    return [f"{', '.join(names)}: {note}" for note, names in systems.items()]


def _seeds(table: HeadToHead) -> str:
    seeds = sorted({row.seeds for row in table.rows if row.kind not in ("direct", "baseline")})
    return f"students: {' or '.join(map(count, seeds))}" if seeds else "none trained"


def _has_unknown(row: Row) -> bool:
    if row.kind == "baseline":
        return False
    costs = row.costs
    if costs is None or costs.one_off_seconds is None or costs.seconds_per_1000 is None:
        return True
    return costs.one_off.amount is None or costs.cheapest.amount is None


def _has_part(row: Row) -> bool:
    costs = row.costs
    return costs is not None and costs.one_off_seconds is None and costs.known_seconds > 0


def _has_assumed(row: Row) -> bool:
    costs = row.costs
    priced = costs is not None and (costs.one_off.assumed or costs.cheapest.assumed)
    return priced or (row.break_even is not None and row.break_even.assumed)


def _mode(row: Row) -> str:
    costs = row.costs
    if costs is None or costs.mode is None or len(set(costs.per_1000.values())) < 2:
        return ""
    others = ", ".join(
        f"{mode.replace('_', ' ')} {money(amount)}" for mode, amount in costs.per_1000.items()
    )
    return (
        f"{row.system}: its running cost is the cheapest honest one,"
        f" {costs.mode.replace('_', ' ')} ({others} per 1,000 sentences)."
    )


def _unparsed(table: HeadToHead, row: Row) -> str:
    """How a system's unread answers were counted; of students and baselines there are none."""
    asked = sum(row.outcomes.values())
    if not row.unparsed:
        return (
            f"{row.system}: all {count(asked)} answers were read." if row.kind == "direct" else ""
        )
    kinds = ", ".join(f"{o} {count(n)}" for o, n in row.outcomes.items() if n and o != "parsed")
    bare = table.metric.partition("@")[0]
    return (
        f"{row.system}: {count(row.unparsed)} of {count(asked)} answers could not be read"
        f" ({kinds}); {bare} {score(row.diagnostics.get(bare))} with them counted wrong,"
        f" {score(row.diagnostics.get(f'{bare}@unparsed=na'))} as NA,"
        f" {score(row.diagnostics.get(f'{bare}@unparsed=left_out'))} left out."
    )
