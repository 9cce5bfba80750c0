"""A model, its tokenizer and what one must know of them, loaded late."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from agents.backends.hugging_face._options import HuggingFaceOptions
from harness.errors import BackendError, MissingExtraError
from harness.protocols import Message, TunedAdapter

__all__ = ["LoadedModel", "load_model"]

_BOUNDLESS = 1_000_000_000  # tokenizers without a bound say 1e30


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to answer.

    Attributes:
        model: The ``PreTrainedModel``, in evaluation mode.
        tokenizer: Its fast tokenizer.
        seq2seq: Whether it has an encoder and a decoder.
        ends: Ids of the tokens that end an answer.
        pad: Id of the token that fills up batches.
        context: Most tokens; None where there is no bound.
        arguments: Names of what its forward pass takes.
        chat: Whether prompts go through the tokenizer's chat template.
    """

    model: Any
    tokenizer: Any
    seq2seq: bool
    ends: tuple[int, ...]
    pad: int
    context: int | None
    arguments: frozenset[str]
    chat: bool

    @property
    def device(self) -> Any:
        """Where inputs go."""
        return self.model.get_input_embeddings().weight.device

    @property
    def cache_argument(self) -> str:
        """What the forward pass calls its KV cache; transformers renamed it in 5.x."""
        return "cache" if "cache" in self.arguments else "past_key_values"

    def cache_of(self, output: Any) -> Any:
        """The KV cache that a forward pass leaves."""
        return getattr(output, self.cache_argument)


def load_model(options: HuggingFaceOptions) -> LoadedModel:
    """Loads model, tokenizer and adapter.

    Raises:
        MissingExtraError: When a package is not installed.
        BackendError: When the model cannot be loaded, or cannot be asked as the options say.
    """
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package=package, extra="hf", feature="The backend hf")
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    revision: dict[str, Any] = {} if options.folder else {"revision": options.revision}
    config = _loaded(AutoConfig, options, **revision)
    tokenizer = _loaded(AutoTokenizer, options, **revision)
    if not tokenizer.is_fast:
        raise BackendError(
            f"The model {options.model_name} has no fast tokenizer.",
            hint="Choose a model with a tokenizer.json.",
        )
    seq2seq = bool(config.is_encoder_decoder)
    kind = AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM
    placed, device = _placement(options, config)
    model = _loaded(kind, options, **revision, **placed, use_safetensors=True)
    if options.adapter is not None:
        model = _with_adapter(model, options)
    if device is not None:
        model = model.to(device)
    model.eval()
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        seq2seq=seq2seq,
        ends=_ends(model, tokenizer, options),
        pad=_first(tokenizer.pad_token_id, config.get_text_config().eos_token_id, 0),
        context=options.context_length or _context(config, tokenizer, seq2seq),
        arguments=frozenset(inspect.signature(model.forward).parameters),
        chat=_uses_chat(tokenizer, options, seq2seq),
    )


def _loaded(auto_class: Any, options: HuggingFaceOptions, **arguments: Any) -> Any:
    try:
        with _quiet():
            return auto_class.from_pretrained(options.model, **arguments)
    except (OSError, ValueError, RuntimeError, ImportError, KeyError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise BackendError(
            f"The model {options.model!r} cannot be loaded: {lines[0]}",
            hint="Name a folder that holds config.json, a tokenizer and *.safetensors, or a model"
            " of the hub that can be reached from here.",
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences progress bars, which would stand between a run's own lines."""
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _placement(options: HuggingFaceOptions, config: Any) -> tuple[dict[str, Any], str | None]:
    """How the weights are loaded, and where they are moved afterwards."""
    import torch

    device = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu" and torch.backends.mps.is_available():
            device = "mps"
    arguments: dict[str, Any] = {"dtype": _dtype(options, device, config)}
    if options.quantize != "none":
        arguments["quantization_config"] = _quantization(options.quantize, arguments["dtype"])
        arguments["device_map"] = "auto" if device == "spread" else {"": device}
        return arguments, None
    if device == "spread":
        arguments["device_map"] = "auto"
        return arguments, None
    return arguments, device


def _dtype(options: HuggingFaceOptions, device: str, config: Any) -> Any:
    import torch

    if options.dtype != "auto":
        return getattr(torch, options.dtype)
    if device.startswith("cuda") or device == "spread":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device == "mps":
        return torch.float16
    stored = getattr(config, "dtype", None)
    computes = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return torch.bfloat16 if stored == torch.bfloat16 and computes else torch.float32


def _quantization(bits: str, dtype: Any) -> Any:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise BackendError(
            f"quantize: {bits} needs the package 'bitsandbytes', which is not installed.",
            hint="Install it with: pip install bitsandbytes",
        )
    from transformers import BitsAndBytesConfig

    config: Any = BitsAndBytesConfig
    if bits == "8bit":
        return config(load_in_8bit=True)
    return config(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def _with_adapter(model: Any, options: HuggingFaceOptions) -> Any:
    if isinstance(options.adapter, TunedAdapter):
        raise BackendError(
            f"The adapter {options.adapter.tuned!r} is trained by an experiment alone.",
            hint="Name the folder of a finished one: adapter: FOLDER.",
        )
    if importlib.util.find_spec("peft") is None:
        raise MissingExtraError(package="peft", extra="tuning", feature="An adapter")
    from peft import PeftModel

    try:
        adapted = PeftModel.from_pretrained(model, str(options.adapter))
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise BackendError(
            f"The adapter {options.adapter} does not fit the model {options.model_name}:"
            f" {lines[0]}",
            hint="Name the folder that `calldistil tune` wrote for this model.",
        ) from None
    # Quantised weights cannot take an adapter into themselves without loss.
    return adapted if options.quantize != "none" else adapted.merge_and_unload()


def _ends(model: Any, tokenizer: Any, options: HuggingFaceOptions) -> tuple[int, ...]:
    """Every token that ends an answer: the generation config's, the tokenizer's, the template's."""
    found: set[Any] = set()
    for declared in (model.generation_config.eos_token_id, tokenizer.eos_token_id):
        found.update(declared if isinstance(declared, list | tuple) else [declared])
    found.discard(None)
    if tokenizer.chat_template and options.template != "plain":
        found.update(_end_of_turn(tokenizer, options))
    if not found:
        raise BackendError(
            f"The model {options.model_name} has no token that ends an answer.",
            hint="Set eos_token_id in its generation_config.json.",
        )
    return tuple(sorted(found))


def _end_of_turn(tokenizer: Any, options: HuggingFaceOptions) -> Sequence[int]:
    """The special token that the chat template puts after an assistant's turn."""
    said = "calldistil"
    turns = [Message("user", "?"), Message("assistant", said)]
    try:
        text = tokenizer.apply_chat_template(
            [{"role": turn.role, "content": turn.content} for turn in turns],
            tokenize=False,
            **options.template_options,
        )
    except Exception:  # a template may refuse anything; then its ends are those declared
        return ()
    after = tokenizer(text.rpartition(said)[2].lstrip(), add_special_tokens=False)["input_ids"]
    return [after[0]] if after and after[0] in tokenizer.all_special_ids else ()


def _context(config: Any, tokenizer: Any, seq2seq: bool) -> int | None:
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    if seq2seq and positions is None and tokenizer.model_max_length < _BOUNDLESS:
        return int(tokenizer.model_max_length)
    return positions


def _uses_chat(tokenizer: Any, options: HuggingFaceOptions, seq2seq: bool) -> bool:
    if options.template == "plain" or (options.template == "auto" and seq2seq):
        return options.template != "plain" and bool(tokenizer.chat_template)
    if tokenizer.chat_template:
        return True
    raise BackendError(
        f"The tokenizer of {options.model_name} has no chat template.",
        hint="Set template: plain to join the messages' texts, or choose an instruction-tuned"
        " model.",
    )


def _first(*values: Any) -> int:
    for value in values:
        if isinstance(value, list | tuple):
            value = value[0] if value else None
        if value is not None:
            return int(value)
    return 0
