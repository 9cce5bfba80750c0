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
from harness.store._calls import CallStore, copy_calls, is_server, open_call_store
from harness.store._held_lock import HeldLock
from harness.store._keys import (
    canonical_json,
    content_hash,
    file_hash,
    request_json,
    request_key,
)
from harness.store._shared_artefacts import SharedArtefacts, is_storage, open_artefact_store
from harness.store._sqlite_database import SCHEMA_VERSION

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
    "SharedArtefacts",
    "StoredCall",
    "canonical_json",
    "content_digest",
    "content_hash",
    "copy_calls",
    "file_hash",
    "folder_digest",
    "is_server",
    "is_storage",
    "open_artefact_store",
    "open_call_store",
    "request_json",
    "request_key",
]
