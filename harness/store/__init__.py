"""Calls (every answer of an LLM, kept) and artefacts (what stages write, whole or not at all)."""

from __future__ import annotations

from harness.store._artefact import (
    About,
    Artefact,
    Draft,
    HostFacts,
    content_digest,
    folder_digest,
)
from harness.store._artefact_store import ArtefactStore
from harness.store._call import CallFailure, StoredCall
from harness.store._call_database import SCHEMA_VERSION
from harness.store._call_store import CallStore, open_call_store
from harness.store._held_lock import HeldLock
from harness.store._keys import (
    canonical_json,
    content_hash,
    file_hash,
    request_json,
    request_key,
)

__all__ = [
    "SCHEMA_VERSION",
    "About",
    "Artefact",
    "ArtefactStore",
    "CallFailure",
    "CallStore",
    "Draft",
    "HeldLock",
    "HostFacts",
    "StoredCall",
    "canonical_json",
    "content_digest",
    "content_hash",
    "file_hash",
    "folder_digest",
    "open_call_store",
    "request_json",
    "request_key",
]
