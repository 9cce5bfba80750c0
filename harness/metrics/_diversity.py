"""How varied the rows of a set are. None of these figures can be compared across sizes."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.errors import MissingExtraError

__all__ = [
    "compression_ratio",
    "distinct_n",
    "distinct_share",
    "mean_pairwise_cosine",
    "self_bleu",
    "vendi_score",
]


def compression_ratio(texts: Sequence[str]) -> float:
    """Bytes of all texts over their bytes after gzip: higher where the texts repeat each other.

    Texts are joined by line feeds, in their order, and compressed at level 9. It is 1 for no text.
    Short input compresses badly, so that it grows with the number of texts.

    Source: Shaib et al. 2024, Standardizing the Measurement of Text Diversity, section 3.

    >>> compression_ratio(["the cup held tea"] * 50) > compression_ratio(["the cup held tea"])
    True
    >>> compression_ratio([])
    1.0
    """
    joined = "\n".join(texts).encode()
    if not joined:
        return 1.0
    return len(joined) / len(gzip.compress(joined, compresslevel=9, mtime=0))


def distinct_n(texts: Sequence[str], n: int) -> float | None:
    """Distinct n-grams of words over all n-grams, 0 to 1: higher where the texts differ.

    Words are runs without white space, case folded; n-grams do not cross texts. None where no
    text has n words. It falls with the number of texts.

    Source: Li et al. 2016, A Diversity-Promoting Objective Function, section 5.1 (distinct-1
    and distinct-2).

    >>> distinct_n(["a b a b"], 2)
    0.6666666666666666
    >>> distinct_n(["a"], 2) is None
    True

    Raises:
        ValueError: When ``n`` is below 1.
    """
    if n < 1:
        raise ValueError("n must be 1 or more")
    grams = [
        tuple(words[at : at + n])
        for words in (text.casefold().split() for text in texts)
        for at in range(len(words) - n + 1)
    ]
    return len(set(grams)) / len(grams) if grams else None


def distinct_share(values: Sequence[str]) -> float | None:
    """Distinct values over all values, 0 to 1; None for none. It falls with their number.

    >>> distinct_share(["in", "in", "of", "by"])
    0.75
    """
    return len(set(values)) / len(values) if values else None


def self_bleu(texts: Sequence[str]) -> float | None:
    """Mean BLEU-4 of each text against all others, 0 to 100: higher where they are alike.

    sacrebleu's sentence BLEU with its own tokenizer (13a) and exponential smoothing, case folded.
    Its cost grows with the square of the number of texts: give it a sample. None for
    fewer than two texts. It grows with the number of texts.

    Source: Zhu et al. 2018, Texygen, section 3; Post 2018, A Call for Clarity in Reporting BLEU
    Scores (sacrebleu).

    Raises:
        MissingExtraError: When sacrebleu is not installed.
    """
    if len(texts) < 2:
        return None
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError:
        raise MissingExtraError(
            package="sacrebleu", extra="curation", feature="self-BLEU"
        ) from None
    bleu = BLEU(lowercase=True, effective_order=True)
    scores = [
        bleu.sentence_score(text, [*texts[:at], *texts[at + 1 :]]).score
        for at, text in enumerate(texts)
    ]
    return float(np.mean(scores))


def mean_pairwise_cosine(vectors: NDArray[np.floating]) -> float | None:
    """Mean cosine over all pairs of different rows, -1 to 1: higher where they are alike.

    For rows of length 1 with sum s it is (|s|^2 - n) / (n (n - 1)). None for fewer than two
    rows. Its expectation does not depend on their number.

    Args:
        vectors: Rows of length 1, shape (n, size).

    >>> round(mean_pairwise_cosine(np.eye(3)), 6)
    0.0
    """
    n = len(vectors)
    if n < 2:
        return None
    total = np.asarray(vectors, dtype=np.float64).sum(axis=0)
    squares = float((np.asarray(vectors, dtype=np.float64) ** 2).sum())
    return (float(total @ total) - squares) / (n * (n - 1))


def vendi_score(vectors: NDArray[np.floating]) -> float | None:
    """The effective number of different rows, 1 to n: higher where they differ.

    The exponential of the Shannon entropy of the eigenvalues of K / n, where K holds the
    cosines of all pairs; it is n for rows at right angles and 1 for equal rows. None for no row.
    It grows with the number of rows.

    Source: Friedman and Dieng 2023, The Vendi Score, definition 1, with the cosine as kernel; the
    eigenvalues of K are the squared singular values of the rows (section 3).

    Args:
        vectors: Rows of length 1, shape (n, size).

    >>> round(vendi_score(np.eye(3)), 6)
    3.0
    >>> round(vendi_score(np.ones((4, 1))), 6)
    1.0
    """
    n = len(vectors)
    if n == 0:
        return None
    values = np.asarray(vectors, dtype=np.float64)
    small = values @ values.T if n <= values.shape[1] else values.T @ values
    shares = np.clip(np.linalg.eigvalsh(small) / n, 0.0, None)
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))
