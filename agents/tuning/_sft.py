"""The tuner ``sft.v1``: an extractor's own prompts, answered by gold labels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from agents.backends.hugging_face import LoadedModel, Prompter, load_model
from agents.tuning._options import TuningOptions, tuning_fingerprint
from agents.tuning._training import arguments_of, lora_of, prepared, require_tuning, train
from harness.errors import CalldistilError
from harness.pipeline import checked_component, find_neighbours
from harness.protocols import (
    AgentContext,
    Completion,
    Extractor,
    Message,
    Neighbour,
    Progress,
    SearchesNeighbours,
    TuneReport,
)
from harness.registry import extractors
from harness.relations import Example, Schema

__all__ = ["SftOptions", "SftTuner"]

_ADAPTER = "adapter"
_IGNORED = -100  # what the loss leaves out


class SftOptions(TuningOptions):
    """Options of ``sft.v1``.

    Attributes:
        extractor: The extractor whose prompts are answered. ``rag4re`` with and without
            ``retrieval`` is the fine-tuned LLM of arXiv 2406.14745.
        extractor_options: Its options; the tuned model is asked with the same ones.
    """

    extractor: str = "zero_shot.v1"
    extractor_options: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Answered:
    messages: tuple[Message, ...]
    answer: str


class SftTuner:
    """Supervised fine-tuning of causal and sequence-to-sequence models on labelled sentences.

    A prompt is the one that the extractor sends, and its answer one from which the extractor
    reads the gold label, so that what is trained is what is asked. Only the answer's tokens count
    in the loss. Where the extractor shows a neighbour, a sentence never sees itself.
    """

    summary: ClassVar[str] = "An extractor's own prompts, answered by the gold labels."
    source: ClassVar[str] = "Efeoglu and Paschke 2024, arXiv 2406.14745; Hu et al. 2021 (LoRA)"
    Options: ClassVar[type[BaseModel]] = SftOptions

    def __init__(self, *, schema: Schema, options: SftOptions) -> None:
        self._schema = schema
        self._options = options

    @classmethod
    def fingerprint(cls, *, options: SftOptions) -> Mapping[str, str]:
        """The model by its weights, and the options that decide the adapter."""
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
        """Writes the adapter ``adapter``.

        Raises:
            ConfigError: When the extractor or one of its options is wrong.
            CalldistilError: When there are no labelled examples, or the extractor asks in rounds.
            MissingExtraError: When what trains is not installed.
            BackendError: When the model cannot be loaded.
        """
        rows = self._answered([example for example in examples if example.relation is not None])
        if not rows:
            raise CalldistilError(
                "There is nothing to tune on: no example is labelled.", hint="Give labelled ones."
            )
        require_tuning("Fine-tuning")
        loaded = load_model(self._options.to_backend())
        make = self._seq2seq if loaded.seq2seq else self._causal
        with prepared(seed):
            trained = train(
                make(rows, loaded, seed, checkpoints / _ADAPTER),
                checkpoints=checkpoints / _ADAPTER,
                adapter=folder / _ADAPTER,
                progress=progress,
            )
        labels = {example.relation for example in examples}
        return TuneReport(
            examples=len(rows),
            steps=trained.steps,
            seconds=trained.seconds,
            parts={_ADAPTER: tuple(n for n in self._schema.label_names if n in labels)},
            figures=trained.figures,
        )

    # -- prompts and answers -----------------------------------------------------------------

    def _answered(self, examples: Sequence[Example]) -> list[_Answered]:
        found = checked_component(
            extractors, self._options.extractor, self._options.extractor_options, Path()
        )
        kind = found.kind
        neighbours: dict[str, tuple[Neighbour, ...]] = {}
        if isinstance(kind, SearchesNeighbours):
            search = kind.neighbour_search(options=found.options)
            if search is not None:
                from harness.students import encode_examples

                vectors = encode_examples(
                    examples,
                    representation=search.representation,
                    encoder=search.encoder,
                    markers=self._schema.markers,
                )
                neighbours = find_neighbours(examples, vectors, examples, vectors, search.count)
        context = AgentContext(schema=self._schema, neighbours=neighbours)
        extractor = kind(context=context, options=found.options)
        as_json = getattr(found.options, "form", "text") == "json"
        return [self._pair(extractor, example, as_json=as_json) for example in examples]

    def _pair(self, extractor: Extractor, example: Example, *, as_json: bool) -> _Answered:
        """The extractor's prompt, and an answer from which it reads the gold label."""
        gold = str(example.relation)
        forms = [gold, json.dumps({"relation": gold}, ensure_ascii=False)]
        for answer in reversed(forms) if as_json else forms:
            dialogue = extractor.extract(example=example.labelled(None))
            requests = next(dialogue)
            if len(requests) != 1:
                break
            try:
                dialogue.send([Completion(request=requests[0], text=answer)])
            except StopIteration as stop:
                if stop.value.label == gold:
                    return _Answered(requests[0].messages, answer)
            else:
                break
        raise CalldistilError(
            f"{self._options.extractor} does not read the label {gold!r} from one answer.",
            hint="Tune with an extractor that asks once: zero_shot, or rag4re.",
        )

    # -- trainers ----------------------------------------------------------------------------

    def _causal(
        self, rows: Sequence[_Answered], loaded: LoadedModel, seed: int, folder: Path
    ) -> Any:
        import trl
        from datasets import Dataset

        library: Any = trl  # it exports lazily, which a type checker does not see
        arguments = library.SFTConfig(
            **arguments_of(self._options, loaded, seed=seed, folder=folder),
            max_length=self._options.max_length,
            completion_only_loss=True,
        )
        return library.SFTTrainer(
            model=loaded.model,
            args=arguments,
            train_dataset=Dataset.from_list([self._row(row, loaded) for row in rows]),
            processing_class=loaded.tokenizer,
            peft_config=lora_of(self._options, loaded),
        )

    def _row(self, row: _Answered, loaded: LoadedModel) -> dict[str, Any]:
        if not loaded.chat:
            prompt = "\n\n".join(message.content for message in row.messages) + "\n"
            return {"prompt": prompt, "completion": row.answer}
        found: dict[str, Any] = {
            "prompt": [{"role": m.role, "content": m.content} for m in row.messages],
            "completion": [{"role": "assistant", "content": row.answer}],
        }
        if self._options.template_options:
            found["chat_template_kwargs"] = self._options.template_options
        return found

    def _seq2seq(
        self, rows: Sequence[_Answered], loaded: LoadedModel, seed: int, folder: Path
    ) -> Any:
        import peft
        from datasets import Dataset
        from transformers import (
            DataCollatorForSeq2Seq,
            Seq2SeqTrainer,
            Seq2SeqTrainingArguments,
        )

        prompter = Prompter(loaded, self._options.template_options)
        most = self._options.max_length
        data = [
            {
                "input_ids": list(prompter.prompt(row.messages).tokens[:most]),
                "labels": [
                    *loaded.tokenizer(row.answer, add_special_tokens=False)["input_ids"][:most],
                    loaded.ends[0],
                ],
            }
            for row in rows
        ]
        library: Any = peft
        model = loaded.model
        if self._options.quantize != "none":
            model = library.prepare_model_for_kbit_training(
                model, use_gradient_checkpointing=self._options.gradient_checkpointing
            )
        model = library.get_peft_model(model, lora_of(self._options, loaded))
        return Seq2SeqTrainer(
            model=model,
            args=Seq2SeqTrainingArguments(
                **arguments_of(self._options, loaded, seed=seed, folder=folder)
            ),
            train_dataset=Dataset.from_list(data),
            processing_class=loaded.tokenizer,
            data_collator=DataCollatorForSeq2Seq(
                loaded.tokenizer, model=model, label_pad_token_id=_IGNORED
            ),
        )
