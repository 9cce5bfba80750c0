"""Gates that ask an LLM about the rows of a training set."""

from agents.curation._round_trip import RoundTrip, RoundTripOptions

__all__ = ["RoundTrip", "RoundTripOptions"]
