"""A verdict in words."""

from __future__ import annotations

from dataclasses import dataclass

from harness.costs import BreakEven
from harness.metrics import Comparison
from harness.report._figures import count, interval, metric_word, score
from harness.report._table import Verdict

__all__ = ["Words"]


@dataclass(frozen=True, slots=True)
class Words:
    """Says a verdict in a sentence or two."""

    verdict: Verdict
    comparison: Comparison
    even: BreakEven
    tolerance: float
    volume: int
    reference: str
    metric: str

    def sentence(self) -> str:
        """The verdict as one sentence, with what else must be known in further ones."""
        student = self.verdict.system
        quality, cost = self.verdict.quality, self.verdict.cost
        within = f"within the tolerance of {score(self.tolerance)}"
        moves = f"{student} {self._moves()}"
        if self.verdict.kind == "distil":
            said = f"Distil: {moves}, {within}, and {self._pays()}."
        elif self.verdict.kind == "cost_unknown":
            said = (
                f"Quality holds, cost unknown: {moves}, {within}, but whether it ever gets"
                " cheaper is not known; give the missing prices to decide."
            )
        elif quality == "fails":
            said = f"Do not distil: {moves}, more than the tolerance of {score(self.tolerance)}"
            said += f", and {self._pays()}." if cost in ("never", "beyond") else "."
            said += f" It {self._pays()}." if cost == "pays" else ""
            said += " Its cost is unknown." if cost == "unknown" else ""
        elif self.verdict.kind == "do_not_distil":
            at = f" at {count(self.volume)} sentences" if cost == "beyond" else ""
            stands = within if quality == "holds" else self._undecided()
            said = f"Do not distil{at}: {student} {self._pays()}. It {self._moves()}, {stands}."
        else:
            known = f"It {self._pays()}." if cost == "pays" else "Its cost is unknown."
            said = f"Not separable: {moves}, {self._undecided()}; {self._further()}. {known}"
        return said + self._choice()

    def _moves(self) -> str:
        change = self.comparison
        word, against = metric_word(self.metric), self.reference
        if change.difference < 0:
            bounds = interval(-change.high, -change.low)
            return f"loses {score(-change.difference)} {bounds} {word} against {against}"
        bounds = interval(change.low, change.high)
        return f"gains {score(change.difference)} {bounds} {word} against {against}"

    def _undecided(self) -> str:
        return f"which does not tell on which side of the tolerance of {score(self.tolerance)}"

    def _further(self) -> str:
        further = self.verdict.further_examples
        if further:
            examples = "example" if further == 1 else "examples"
            return f"about {count(further)} further test {examples} would tell"
        if self.comparison.seeds_sd > 0:
            return "test examples alone would not tell at this estimate, more training seeds may"
        return "no number of test examples would tell at this estimate"

    def _pays(self) -> str:
        assumed = " (assumed prices)" if self.even.assumed else ""
        if self.even.kind == "at_once":
            return f"is cheaper from the first sentence{assumed}"
        if self.even.kind == "never":
            return f"never gets cheaper{assumed}"
        only = "only " if self.verdict.cost == "beyond" else ""
        bounds = ""
        if self.even.low is not None and self.even.high is not None:
            bounds = f" [{count(self.even.low)}, {count(self.even.high)}]"
        after = count(self.even.volume)
        return f"pays for itself {only}after {after}{bounds} sentences{assumed}"

    def _choice(self) -> str:
        if self.verdict.candidates < 2:
            return ""
        level = f"{100 * self.comparison.level:.2f}".rstrip("0").rstrip(".")
        return (
            f" It is the best of {self.verdict.candidates} students on this test set;"
            f" the interval is widened to {level}% for that choice."
        )
