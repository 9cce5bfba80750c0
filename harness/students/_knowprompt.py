"""The student KnowPrompt: a prompt whose mask is filled with virtual answer words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

from pydantic import Field

from harness.errors import ConfigError, Problem
from harness.relations import Example
from harness.students._exported import GraphExport
from harness.students._marking import marker_tags
from harness.students._neural import Fitted, NeuralStudent
from harness.students._probabilities import Settled
from harness.students._prompting import (
    HEAD_TYPE,
    TAIL_TYPE,
    PromptVocabulary,
    label_words,
    type_words,
)
from harness.students._saved import SavedStudent
from harness.students._training_options import NeuralOptions

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.students._loaded import Backbone
    from harness.students._prompt_network import PromptNetwork

__all__ = ["KnowPromptOptions", "KnowPromptStudent", "PromptStudent"]


class KnowPromptOptions(NeuralOptions):
    """Options of ``knowprompt.v1``.

    Attributes:
        marker: How mentions are marked in the sentence itself: ``punct`` or ``tag`` as for
            ``entity_marker``, or ``none``.
        constraint_weight: Weight of the knowledge constraint (lambda); 0 leaves it out.
        constraint_margin: Its margin (gamma).
        init_answers: Whether answer words begin as the mean of the label's words, or at random.
        init_types: Whether type words begin as the mean of the types' words, or at random.
    """

    head_learning_rate: float = Field(default=2e-4, gt=0)
    marker: Literal["punct", "tag", "none"] = "punct"
    constraint_weight: float = Field(default=0.001, ge=0)
    constraint_margin: float = Field(default=0.3)
    init_answers: bool = True
    init_types: bool = True


O = TypeVar("O", bound=KnowPromptOptions)  # noqa: E741


class PromptStudent(NeuralStudent[O, "PromptNetwork"]):
    """What ``knowprompt`` and ``retrieval_re`` share."""

    def _style(self, examples: Sequence[Example]) -> tuple[str, list[str]]:
        return self._options.marker, []

    def _new_words(self, style: str, examples: Sequence[Example]) -> list[str]:
        return [*marker_tags(style, ()), HEAD_TYPE, TAIL_TYPE]

    def _network(self, backbone: Backbone, style: str) -> PromptNetwork:
        import torch

        if backbone.tokenizer.mask_token_id is None:
            raise ConfigError(
                [
                    Problem(
                        f"{self.name}: the backbone {self._options.backbone!r} has no mask token",
                        "choose a masked language model",
                    )
                ]
            )
        transform = backbone.masked_lm().transform
        table = cast(Any, backbone.encoder.get_input_embeddings()).weight

        def mean_of(words: str) -> torch.Tensor:
            ids = backbone.tokenizer(words, add_special_tokens=False)["input_ids"]
            return cast(torch.Tensor, table[ids].mean(dim=0))

        with torch.no_grad():
            if self._options.init_types:
                for role, word in enumerate((HEAD_TYPE, TAIL_TYPE)):
                    place = backbone.tokenizer.convert_tokens_to_ids(word)
                    means = [mean_of(each) for each in type_words(self._schema, role)]
                    table[place] = torch.stack(means).mean(dim=0)
            if self._options.init_answers:
                words = [label_words(self._schema, label) for label in self.labels]
                answers = torch.stack([mean_of(each) for each in words])
            else:
                answers = torch.randn(len(self.labels), table.shape[1]) * table.std()
        return self._around(backbone.encoder, transform, answers)

    def _around(self, encoder: PreTrainedModel, transform: Any, answers: Any) -> PromptNetwork:
        import torch

        from harness.students._prompt_network import AnswerHead, PromptNetwork

        return PromptNetwork(
            encoder,
            AnswerHead(transform, answers),
            constraint=self._options.constraint_weight,
            margin=self._options.constraint_margin,
            seed=torch.initial_seed() % 2**32,
        )

    def _vocabulary(
        self, tokenizer: PreTrainedTokenizerBase, config: Any, style: str
    ) -> PromptVocabulary:
        return PromptVocabulary(tokenizer, style=style, max_length=self._room(config))

    def _restored(self, saved: SavedStudent, folder: Path) -> Fitted[PromptNetwork]:
        import torch

        from harness.students._mlm import MlmTransform
        from harness.students._restored import restore_network, restore_style

        gelu = bool(saved.fitted.get("transform_gelu", False))

        def build(encoder: PreTrainedModel) -> PromptNetwork:
            size = int(encoder.config.hidden_size)
            answers = torch.zeros(len(self.labels), size)
            return self._around(encoder, MlmTransform(size, gelu=gelu), answers)

        style = restore_style(saved, folder)
        tokenizer, model = restore_network(folder, build)
        model.classifier.transform.norm.eps = float(saved.fitted.get("transform_eps", 1e-5))
        vocabulary = self._vocabulary(tokenizer, model.encoder.config, style)
        return Fitted(style, tokenizer, vocabulary, model, Settled.read(saved.fitted))

    def _facts(self, fitted: Fitted[PromptNetwork]) -> dict[str, Any]:
        transform = fitted.model.classifier.transform
        return {"transform_gelu": transform.gelu, "transform_eps": transform.norm.eps}


class KnowPromptStudent(GraphExport, PromptStudent[KnowPromptOptions]):
    """Knowledge-aware prompt tuning (Chen et al., WWW 2022).

    Probabilities are the softmax over the answer words; they are calibrated only where the
    option ``temperature_scaling`` and dev rows say so.
    """

    name: ClassVar[str] = "knowprompt.v1"
    summary: ClassVar[str] = "prompt with a mask that virtual answer words fill"
    source: ClassVar[str] = "Chen et al. 2022, KnowPrompt, arXiv:2104.07650"
    Options: ClassVar[type[KnowPromptOptions]] = KnowPromptOptions
