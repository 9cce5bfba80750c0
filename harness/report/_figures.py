"""Numbers as a reader sees them. What is not known reads ``unknown``, never 0."""

from __future__ import annotations

import math

from harness.costs import Money

__all__ = [
    "ASSUMED",
    "UNKNOWN",
    "count",
    "interval",
    "metric_word",
    "money",
    "p_value",
    "score",
    "seconds",
    "signed",
]

UNKNOWN = "unknown"
ASSUMED = "≈"


def score(value: float | None) -> str:
    """A score in percent with one decimal.

    >>> score(86.96), score(-0.04), score(None)
    ('87.0', '0.0', 'unknown')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{round(value, 1) + 0.0:.1f}"


def signed(value: float | None) -> str:
    """A difference in points, with its sign.

    >>> signed(1.25), signed(-0.04), signed(-3.0)
    ('+1.2', '0.0', '-3.0')
    """
    text = score(value)
    return f"+{text}" if text != UNKNOWN and float(text) > 0 else text


def interval(low: float | None, high: float | None, *, sign: bool = False) -> str:
    """An interval in brackets, empty where there is none.

    >>> interval(84.04, 89.5), interval(-1, 2, sign=True), interval(None, None)
    ('[84.0, 89.5]', '[-1.0, +2.0]', '')
    """
    if low is None or high is None:
        return ""
    show = signed if sign else score
    return f"[{show(low)}, {show(high)}]"


def p_value(value: float | None) -> str:
    """A p value to three decimals.

    >>> p_value(0.0301), p_value(0.0002), p_value(1.0), p_value(None)
    ('0.030', '<0.001', '1.000', 'unknown')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def money(value: Money) -> str:
    """Money to two significant digits at least; assumed money carries ``≈``.

    >>> [money(Money(0.00432)), money(Money(1.5, assumed=True)), money(Money(1234.5, False, "EUR"))]
    ['$0.0043', '≈$1.50', '1,234 EUR']
    >>> [money(Money(0.0)), money(Money(-0.25)), money(Money.unknown())]
    ['$0', '-$0.25', 'unknown']
    """
    if value.amount is None:
        return UNKNOWN
    size = abs(value.amount)
    if size == 0:
        figure = "0"
    elif size >= 100:
        figure = f"{size:,.0f}"
    elif size >= 0.1:
        figure = f"{size:.2f}"
    else:
        figure = f"{size:.{min(1 - math.floor(math.log10(size)), 30)}f}"
    mark = (ASSUMED if value.assumed else "") + ("-" if value.amount < 0 else "")
    return f"{mark}${figure}" if value.currency == "USD" else f"{mark}{figure} {value.currency}"


def seconds(value: float | None) -> str:
    """A duration in the unit that reads best.

    >>> seconds(0.043), seconds(4.26), seconds(75), seconds(754), seconds(9000), seconds(None)
    ('43 ms', '4.3 s', '75 s', '13 min', '2.5 h', 'unknown')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0 s"
    if value < 0.1:
        return f"{value * 1000:.2g} ms"
    if value < 10:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    if value < 7200:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.1f} h"


def count(value: float | None) -> str:
    """A whole number with separators, rounded up; large ones to three significant digits.

    >>> count(3400), count(12345678), count(0.2), count(math.inf), count(None)
    ('3,400', '12,300,000', '1', 'never', 'unknown')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "never"
    whole = math.ceil(value - 1e-9)  # 3,400 sentences, not 3,401 for a sum's last bits
    if abs(whole) >= 100_000:
        whole = round(whole, 3 - len(str(abs(whole))))
    return f"{whole:,}"


def metric_word(metric: str) -> str:
    """What a metric's points are called in a sentence.

    >>> metric_word("micro_f1"), metric_word("semeval_macro_f1")
    ('F1', 'semeval_macro_f1')
    """
    return "F1" if metric == "micro_f1" else metric
