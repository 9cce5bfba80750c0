"""Students whose exported network stands in for their weights. Needs no torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import MissingExtraError
from harness.protocols import Labeller, Network, Progress
from harness.relations import Example, Schema
from harness.students._backbone import load_config, load_tokenizer
from harness.students._budget import budgeted_batches
from harness.students._marking import MarkedIds
from harness.students._neural import Vocabulary
from harness.students._probabilities import Settled
from harness.students._restored_style import restore_style
from harness.students._saved import options_of, read_saved

__all__ = ["ExportedStudent", "GraphExport"]

_CHUNK = 4096  # examples that are tokenised together: memory stays flat


class ExportedStudent:
    """Labels examples through a network that was exported.

    Args:
        schema: The relation schema.
        vocabulary: Writes examples as token ids.
        refuse: Raises DataError when examples lack what the markers need.
        network: The graph.
        settled: What becomes of raw probabilities.
        pad: Id of the padding word.
        tokens: Upper bound on a batch's tokens.
    """

    def __init__(
        self,
        *,
        schema: Schema,
        vocabulary: Vocabulary,
        refuse: Callable[[Sequence[Example]], None],
        network: Network,
        settled: Settled,
        pad: int,
        tokens: int,
    ) -> None:
        self._schema = schema
        self._vocabulary = vocabulary
        self._refuse = refuse
        self._network = network
        self._settled = settled
        self._pad = pad
        self._tokens = tokens

    @property
    def schema(self) -> Schema:
        """The schema it was made with."""
        return self._schema

    @property
    def labels(self) -> tuple[str, ...]:
        """The schema's labels, in order."""
        return self._schema.label_names

    def predict_proba(
        self, *, examples: Sequence[Example], progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Probabilities of shape (examples, labels); rows sum to 1.

        Raises:
            DataError: When the markers are typed and an example has no types.
        """
        self._refuse(examples)
        result = np.zeros((len(examples), len(self.labels)))
        for start in range(0, len(examples), _CHUNK):
            rows = self._vocabulary.encode(examples[start : start + _CHUNK])
            for batch in budgeted_batches([len(row) for row in rows], tokens=self._tokens):
                logits = self._network(self._feeds([rows[i] for i in batch])).astype(np.float64)
                shares = np.exp(logits - logits.max(axis=1, keepdims=True))
                shares /= shares.sum(axis=1, keepdims=True)
                result[[start + i for i in batch]] = self._settled.apply(shares)
            if progress is not None:
                progress(start + len(rows), len(examples))
        return result

    def _feeds(self, rows: Sequence[MarkedIds]) -> dict[str, NDArray[Any]]:
        lengths = np.array([len(row) for row in rows])
        ids = np.full((len(rows), lengths.max()), self._pad, dtype=np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row.ids
        return {
            "ids": ids,
            "mask": np.arange(ids.shape[1]) < lengths[:, None],
            "starts": np.array([row.starts for row in rows], dtype=np.int64),
            "spans": np.array([row.spans for row in rows], dtype=np.int64),
        }


class GraphExport:
    """Makes a neural student ``Exportable``: for those whose network alone gives the logits."""

    def export_onnx(self, *, file: Path) -> None:
        """Writes the network as an ONNX graph; see ``Exportable``.

        Raises:
            MissingExtraError: When onnx or onnxscript is not installed.
            CalldistilError: When the student was not trained, or its backbone cannot be exported.
        """
        from harness.students._onnx_export import export_network

        student: Any = self
        export_network(student._ready().model, file)

    @classmethod
    def load_exported(cls, *, folder: Path, network: Network) -> Labeller:
        """A student whose network is an exported graph; see ``Exportable``.

        Raises:
            ArtefactError: When a file is absent or broken.
            MissingExtraError: When transformers, whose tokenizers it uses, is not installed.
        """
        if importlib.util.find_spec("transformers") is None:
            raise MissingExtraError(
                package="transformers", extra="students", feature="reading a student's tokenizer"
            )
        saved = read_saved(folder)
        kind: Any = cls
        # Not by its constructor, which asks for torch.
        student = kind.__new__(kind)
        student._schema = saved.schema
        student._options = options_of(saved, kind.Options, folder=folder)
        student._fitted = None
        style = restore_style(saved, folder)
        tokenizer, config = load_tokenizer(str(folder)), load_config(str(folder))
        pad = tokenizer.pad_token_id
        return ExportedStudent(
            schema=saved.schema,
            vocabulary=student._vocabulary(tokenizer, config, style),
            refuse=lambda examples: student._refuse(style, examples),
            network=network,
            settled=Settled.read(saved.fitted),
            pad=pad if isinstance(pad, int) else 0,
            tokens=student._options.batch_tokens,
        )
