"""The student RetrievalRE: KnowPrompt with a datastore of its training rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.errors import ArtefactError
from harness.protocols import FitReport, Progress
from harness.relations import Example
from harness.students._knowprompt import KnowPromptOptions, KnowPromptStudent, PromptStudent
from harness.students._neural import Fitted
from harness.students._retrieval import (
    Datastore,
    Interpolation,
    interpolate,
    nearest_shares,
    neighbour_shares,
)
from harness.students._saved import SAVE_AGAIN, SavedStudent, read_saved
from harness.students._training_rows import targets_of

if TYPE_CHECKING:
    from harness.students._marking import MarkedIds
    from harness.students._prompt_network import PromptNetwork

__all__ = ["RetrievalReOptions", "RetrievalReStudent"]

_FILE = "datastore.safetensors"
_OF_ANSWERS = (
    "label_prior",
    "temperature_scaling",
    "batch_tokens",
)  # the network does not see them


class RetrievalReOptions(KnowPromptOptions):
    """Options of ``retrieval_re.v1``.

    Attributes:
        neighbours: Rows that are looked up.
        neighbour_weight: Weight of their answer (lambda).
        distance_scale: Squared distance by which a neighbour's weight falls to 1/e.
        interpolation: ``linear`` as the paper says it; ``logsumexp`` as the released code does,
            which also sees of each label the nearest neighbour alone.
    """

    neighbours: int = Field(default=64, ge=1)
    neighbour_weight: float = Field(default=0.5, ge=0, le=1)
    distance_scale: float = Field(default=10.0, gt=0)
    interpolation: Interpolation = "linear"


class RetrievalReStudent(PromptStudent[RetrievalReOptions]):
    """Retrieval-enhanced prompt tuning (Chen et al., SIGIR 2022).

    Probabilities mix the answer words' softmax with the neighbours' shares; they are calibrated
    only where the option ``temperature_scaling`` and dev rows say so.
    """

    name: ClassVar[str] = "retrieval_re.v1"
    summary: ClassVar[str] = "KnowPrompt whose answer is mixed with that of its nearest rows"
    source: ClassVar[str] = "Chen et al. 2022, RetrievalRE, arXiv:2205.02355"
    Options: ClassVar[type[RetrievalReOptions]] = RetrievalReOptions

    _datastore: Datastore | None = None

    @classmethod
    def base(cls, *, options: RetrievalReOptions) -> tuple[str, KnowPromptOptions]:
        """KnowPrompt, with the options that decide on its network."""
        said = options.model_fields_set & set(KnowPromptOptions.model_fields) - set(_OF_ANSWERS)
        # They are checked already; to check them again would look for their files elsewhere.
        network = KnowPromptOptions.model_construct(
            said, **{name: getattr(options, name) for name in said}
        )
        return KnowPromptStudent.name, network

    def fit_on(
        self,
        *,
        base: Path,
        examples: Sequence[Example],
        dev: Sequence[Example] = (),
        progress: Progress | None = None,
    ) -> FitReport:
        """Fills the datastore with the states of a trained KnowPrompt.

        Raises:
            DataError: When an example has no label of the schema.
            ArtefactError: When the folder holds no such student.
        """
        del progress
        start = time.perf_counter()
        targets = targets_of(examples, self._schema, role="training")
        dev_targets = targets_of(dev, self._schema, role="dev") if dev else []
        saved = read_saved(base)
        if saved.name != KnowPromptStudent.name:
            raise ArtefactError(
                f"{base} holds a {saved.name}, and {self.name} stands on {KnowPromptStudent.name}.",
                hint="Name the folder of a saved KnowPrompt, or call fit.",
            )
        fitted = PromptStudent._restored(self, saved, base)
        rows = fitted.vocabulary.encode(examples)
        notes = self._settle(fitted, rows, targets, dev, dev_targets)
        return FitReport(
            examples=len(examples),
            steps=0,
            seconds=time.perf_counter() - start,
            notes=(f"stands on a trained {KnowPromptStudent.name}", *notes),
        )

    def _trained(
        self,
        fitted: Fitted[PromptNetwork],
        rows: Sequence[MarkedIds],
        targets: Sequence[int],
    ) -> list[str]:
        _, states = self._answers(fitted, rows, None)
        self._datastore = Datastore(states, np.array(targets, dtype=np.int64))
        return [f"datastore: {len(rows)} rows, {self._options.interpolation} interpolation"]

    def _raw(
        self,
        fitted: Fitted[PromptNetwork],
        rows: Sequence[MarkedIds],
        progress: Progress | None,
    ) -> NDArray[np.float64]:
        own, states = self._answers(fitted, rows, progress)
        if self._datastore is None or not len(rows):
            return own
        options = self._options
        distances, labels = self._datastore.search(states, options.neighbours)
        shares = neighbour_shares if options.interpolation == "linear" else nearest_shares
        near = shares(distances, labels, scale=options.distance_scale, count=len(self.labels))
        return interpolate(own, near, weight=options.neighbour_weight, form=options.interpolation)

    def _answers(
        self,
        fitted: Fitted[PromptNetwork],
        rows: Sequence[MarkedIds],
        progress: Progress | None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """The network's own probabilities, and the mask states."""
        import torch

        from harness.students._training import bf16_wanted, each_batch

        own = np.zeros((len(rows), len(self.labels)))
        states = np.zeros((len(rows), fitted.model.classifier.answers.shape[1]), dtype=np.float32)
        pad = fitted.tokenizer.pad_token_id

        def one(batch_rows: list[int], at_mask: torch.Tensor) -> None:
            logits = fitted.model.classifier(at_mask)
            own[batch_rows] = logits.double().softmax(-1).numpy()
            states[batch_rows] = at_mask.float().numpy()

        each_batch(
            fitted.model,
            rows,
            fitted.model.mask_states,
            one,
            pad=pad if isinstance(pad, int) else 0,
            tokens=self._options.batch_tokens,
            bf16=bf16_wanted(self._options.precision),
            progress=progress,
        )
        return own, states

    def save(self, *, folder: Path) -> None:
        """As every neural student, and ``datastore.safetensors``."""
        from safetensors.numpy import save_file

        super().save(folder=folder)
        assert self._datastore is not None  # a trained student has one
        save_file(
            {
                "states": np.ascontiguousarray(self._datastore.states),
                "labels": self._datastore.labels,
            },
            folder / _FILE,
        )

    def _restored(self, saved: SavedStudent, folder: Path) -> Fitted[PromptNetwork]:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        fitted = super()._restored(saved, folder)
        try:
            arrays = load_file(folder / _FILE)
            store = Datastore(arrays["states"], arrays["labels"])
            hidden = fitted.model.classifier.answers.shape[1]
            fits = (
                store.states.shape == (len(store.labels), hidden)
                and len(store.labels) > 0
                and int(store.labels.min()) >= 0
                and int(store.labels.max()) < len(self.labels)
            )
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise ArtefactError(
                f"The student's datastore in {folder} cannot be read: {error}", hint=SAVE_AGAIN
            ) from None
        if not fits:
            raise ArtefactError(
                f"The datastore in {folder} does not fit the student beside it.", hint=SAVE_AGAIN
            )
        self._datastore = store
        return fitted
