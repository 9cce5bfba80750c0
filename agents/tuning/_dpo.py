"""The tuner ``dpo.v1``: a generator that prefers new samples to copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from agents.backends.hugging_face import LoadedModel, load_model
from agents.tuning._options import TuningOptions, tuning_fingerprint
from agents.tuning._pairs import PreferencePair, halves_of, preference_pairs
from agents.tuning._training import Trained, arguments_of, lora_of, prepared, require_tuning, train
from harness.errors import CalldistilError
from harness.protocols import Progress, TuneReport
from harness.relations import Example, Schema

__all__ = ["DpoOptions", "DpoTuner"]


class DpoOptions(TuningOptions):
    """Options of ``dpo.v1``.

    Attributes:
        beta: How far the model may leave the one that it was (Rafailov et al. 2023, equation 7).
        first: Demonstrations of the first step; they grow by one with each step.
        diverse: Whether requests, which are those of ``one_by_one.v1``, ask for a sample unlike
            those shown.
        learning_rate: Peak, after a linear warm-up over the first tenth; then it falls linearly.
    """

    beta: float = Field(default=0.1, gt=0)
    first: int = Field(default=1, ge=1)
    diverse: bool = False
    learning_rate: float = Field(default=5e-5, gt=0)


class DpoTuner:
    """Direct preference optimisation of a generator, twice, on a half of the labels each.

    The adapter ``first`` is tuned on the first half of the labels and writes samples of the
    second, ``second`` the other way round.
    """

    summary: ClassVar[str] = "Prefers a new gold sample to copies, edits and other relations."
    source: ClassVar[str] = "Li, Dai and Li 2025, arXiv 2505.23108; Rafailov et al. 2023"
    Options: ClassVar[type[BaseModel]] = DpoOptions

    def __init__(self, *, schema: Schema, options: DpoOptions) -> None:
        self._schema = schema
        self._options = options

    @classmethod
    def fingerprint(cls, *, options: DpoOptions) -> Mapping[str, str]:
        """The model by its weights, and the options that decide the adapters."""
        return tuning_fingerprint(options)

    def tune(
        self,
        *,
        examples: Sequence[Example],
        seed: int,
        folder: Path,
        checkpoints: Path,
        progress: Progress | None = None,
    ) -> TuneReport:
        """Writes the adapters ``first`` and ``second``.

        Raises:
            CalldistilError: When a half has no pairs, for want of gold samples.
            MissingExtraError: When what trains is not installed.
            BackendError: When the model cannot be loaded.
        """
        require_tuning("Tuning by preferences")
        halves = dict(zip(("first", "second"), halves_of(self._schema, seed=seed), strict=True))
        pairs = {
            part: preference_pairs(
                examples,
                schema=self._schema,
                labels=labels,
                seed=seed,
                first=self._options.first,
                diverse=self._options.diverse,
            )
            for part, labels in halves.items()
        }
        for part, found in pairs.items():
            if not found:
                raise CalldistilError(
                    f"There are no preference pairs for the {part} half of the labels:"
                    f" {', '.join(halves[part]) or 'it is empty'}.",
                    hint=f"Give at least {self._options.first + 1} examples per label.",
                )
        done: dict[str, Trained] = {}
        for part, found in pairs.items():
            done[part] = self._train(
                found,
                seed=seed,
                adapter=folder / part,
                checkpoints=checkpoints / part,
                progress=progress,
            )
        return TuneReport(
            examples=sum(map(len, pairs.values())),
            steps=sum(trained.steps for trained in done.values()),
            seconds=sum(trained.seconds for trained in done.values()),
            parts=halves,
            figures={
                f"{part}.{name}": values
                for part, trained in done.items()
                for name, values in trained.figures.items()
            },
        )

    def _train(
        self,
        pairs: Sequence[PreferencePair],
        *,
        seed: int,
        adapter: Path,
        checkpoints: Path,
        progress: Progress | None,
    ) -> Trained:
        import trl
        from datasets import Dataset

        loaded = load_model(self._options.to_backend())
        if loaded.seq2seq:
            raise CalldistilError(
                "Preferences tune causal models alone.", hint="Name a causal model, or use sft."
            )
        library: Any = trl  # it exports lazily, which a type checker does not see
        with prepared(seed):
            arguments = library.DPOConfig(
                **arguments_of(self._options, loaded, seed=seed, folder=checkpoints),
                beta=self._options.beta,
                max_length=self._options.max_length,
            )
            trainer = library.DPOTrainer(
                model=loaded.model,
                args=arguments,
                train_dataset=Dataset.from_list([self._row(pair, loaded) for pair in pairs]),
                processing_class=loaded.tokenizer,
                peft_config=lora_of(self._options, loaded),
            )
            return train(trainer, checkpoints=checkpoints, adapter=adapter, progress=progress)

    def _row(self, pair: PreferencePair, loaded: LoadedModel) -> dict[str, Any]:
        """A pair as trl reads it: turns where there is a chat template, else texts."""
        if not loaded.chat:
            prompt = "\n\n".join(message.content for message in pair.messages) + "\n"
            return {"prompt": prompt, "chosen": pair.preferred, "rejected": pair.dispreferred}
        prompt_turns = [{"role": m.role, "content": m.content} for m in pair.messages]
        row: dict[str, Any] = {
            "prompt": prompt_turns,
            "chosen": [{"role": "assistant", "content": pair.preferred}],
            "rejected": [{"role": "assistant", "content": pair.dispreferred}],
        }
        if self._options.template_options:
            row["chat_template_kwargs"] = self._options.template_options
        return row
