"""Messages as tokens, and labels as the tokens that follow a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.backends.hugging_face._loading import LoadedModel
from harness.errors import BackendError
from harness.protocols import Message

__all__ = ["Prompt", "Prompter"]

_TAIL = 48  # characters before a label that may change how it is cut into tokens


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt.

    Attributes:
        text: As the template writes it.
        tokens: Its tokens.
    """

    text: str
    tokens: tuple[int, ...]


@dataclass
class Prompter:
    """Renders prompts for one loaded model.

    Attributes:
        loaded: The model.
        template_options: Values for the chat template.
        notes: What had to be done otherwise than asked.
    """

    loaded: LoadedModel
    template_options: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    _labels: dict[tuple[str, tuple[str, ...]], tuple[tuple[int, ...], ...]] = field(
        default_factory=dict
    )

    def prompt(self, messages: Sequence[Message]) -> Prompt:
        """The prompt after which the assistant speaks.

        Raises:
            BackendError: When the chat template refuses the messages.
        """
        loaded = self.loaded
        if loaded.chat:
            text = self._chat(messages)
            tokens = loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
        else:
            text = "\n\n".join(message.content for message in messages)
            text = text if loaded.seq2seq else text + "\n"
            tokens = loaded.tokenizer(text)["input_ids"]
            if not loaded.seq2seq and tokens and tokens[-1] in loaded.ends:
                tokens = tokens[:-1]  # a few tokenizers end every text
        return Prompt(text, tuple(tokens))

    def label_tokens(self, prompt: Prompt, labels: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """The tokens of each label as an answer to the prompt, without the end.

        Raises:
            BackendError: When the tokenizer cannot give a label back, or two are the same to it.
        """
        tail = "" if self.loaded.seq2seq else prompt.text[-_TAIL:]
        key = (tail, tuple(labels))
        if key not in self._labels:
            found = tuple(self._cut(tail, label) for label in labels)
            if len(set(found)) < len(set(labels)):
                raise BackendError(
                    "Two labels are the same to the model's tokenizer.",
                    hint="Give the schema's relations names that differ in more than white space.",
                )
            self._labels[key] = found
        return self._labels[key]

    def _cut(self, tail: str, label: str) -> tuple[int, ...]:
        tokenizer = self.loaded.tokenizer
        before = tokenizer(tail, add_special_tokens=False)["input_ids"] if tail else []
        whole = tokenizer(tail + label, add_special_tokens=False)["input_ids"]
        if whole[: len(before)] != before:  # the boundary lies within a token
            before, whole = [], tokenizer(label, add_special_tokens=False)["input_ids"]
        tokens = tuple(whole[len(before) :])
        given = tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        if not tokens or given.strip() != label.strip():
            raise BackendError(
                f"The model's tokenizer does not give the label {label!r} back: {given!r}.",
                hint="Rename the relation, or choose another model.",
            )
        return tokens

    def _chat(self, messages: Sequence[Message]) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return self._render(turns)
        except Exception as error:  # templates raise what they like
            if len(turns) > 1 and turns[0]["role"] == "system" and turns[1]["role"] == "user":
                joined = "\n\n".join((turns[0]["content"], turns[1]["content"]))
                merged = [{"role": "user", "content": joined}, *turns[2:]]
                try:
                    text = self._render(merged)
                except Exception:
                    pass
                else:
                    self._note("the chat template has no system turn: it went into the user's")
                    return text
            raise BackendError(
                f"The model's chat template refuses the messages: {error}",
                hint="Set template: plain, or mend the template.",
            ) from None

    def _render(self, turns: Sequence[dict[str, str]]) -> str:
        text = self.loaded.tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True, **self.template_options
        )
        return str(text)

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)
