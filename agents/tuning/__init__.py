"""Tuners: LLMs fine-tuned by preferences (DPO) or on labelled sentences (SFT), as adapters."""

from agents.tuning._dpo import DpoOptions, DpoTuner
from agents.tuning._pairs import PairKind, PreferencePair, halves_of, preference_pairs
from agents.tuning._sft import SftOptions, SftTuner

__all__ = [
    "DpoOptions",
    "DpoTuner",
    "PairKind",
    "PreferencePair",
    "SftOptions",
    "SftTuner",
    "halves_of",
    "preference_pairs",
]
