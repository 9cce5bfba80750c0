"""The stage ``encode``: examples as vectors, made once and kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.errors import ArtefactError
from harness.pipeline.stages._files import load_examples
from harness.pipeline.stages._stage import Measures, StageContext
from harness.protocols import Progress, Representation
from harness.relations import Markers
from harness.store import file_hash
from harness.students import encode_examples

__all__ = ["FEATURES", "Encode", "load_features"]

FEATURES = "features.safetensors"


@dataclass(frozen=True)
class Encode:
    """Encodes the input ``examples``, a row each in their order.

    Attributes:
        encoder: Name of the encoder, or its folder.
        representation: What of an example is encoded.
        markers: The schema's markers, which ``marked`` writes.
    """

    name: ClassVar[str] = "encode"
    version: ClassVar[int] = 1
    encoder: str
    representation: Representation
    markers: Markers

    def identity(self) -> Mapping[str, Any]:
        return {
            "encoder": _weights(self.encoder),
            "representation": self.representation,
            "markers": asdict(self.markers) if self.representation == "marked" else None,
        }

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        return self.work(inputs=inputs, content=content, progress=context.progress)

    def work(
        self, *, inputs: Mapping[str, Path], content: Path, progress: Progress | None = None
    ) -> Measures:
        from safetensors.numpy import save_file

        examples = load_examples(inputs["examples"])
        started = time.perf_counter()
        features = encode_examples(
            examples,
            representation=self.representation,
            encoder=self.encoder,
            markers=self.markers,
            progress=progress,
        )
        seconds = time.perf_counter() - started
        save_file({"features": np.ascontiguousarray(features)}, content / FEATURES)
        return Measures(seconds=seconds, units=len(examples))


def _weights(encoder: str) -> object:
    """A folder counts by its files; a name stands for itself."""
    folder = Path(encoder).expanduser()
    if not folder.is_dir():
        return encoder
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): file_hash(path) for path in files}


def load_features(content: Path) -> NDArray[np.float32]:
    """Reads the vectors of an artefact, shape (examples, size)."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return np.asarray(load_file(content / FEATURES)["features"])
    except (OSError, KeyError, SafetensorError) as error:
        raise ArtefactError(
            f"{content / FEATURES} cannot be read: {error}.",
            hint="Delete the artefact's folder and run again.",
        ) from None
