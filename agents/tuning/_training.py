"""One adapter, trained by a trainer of transformers or trl, with checkpoints."""

from __future__ import annotations

import importlib.util
import json
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.backends.hugging_face import LoadedModel
from agents.tuning._options import TuningOptions
from harness.errors import MissingExtraError
from harness.protocols import Progress

__all__ = ["Trained", "arguments_of", "lora_of", "prepared", "require_tuning", "train"]

_SECONDS = "seconds.json"


@dataclass(frozen=True, slots=True)
class Trained:
    """What training one adapter did.

    Attributes:
        steps: Optimiser steps.
        seconds: Seconds, those of earlier sittings included.
        figures: What was logged, name to its values in order.
    """

    steps: int
    seconds: float
    figures: Mapping[str, tuple[float, ...]]


def require_tuning(feature: str) -> None:
    """Raises MissingExtraError unless everything that trains is installed."""
    for package in ("torch", "transformers", "peft", "trl", "datasets", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package=package, extra="tuning", feature=feature)


def lora_of(options: TuningOptions, loaded: LoadedModel) -> Any:
    """The adapter's shape."""
    from peft import LoraConfig

    return LoraConfig(
        task_type="SEQ_2_SEQ_LM" if loaded.seq2seq else "CAUSAL_LM",
        r=options.rank,
        lora_alpha=options.alpha,  # type: ignore[arg-type]
        lora_dropout=options.dropout,
        target_modules=list(options.targets) or "all-linear",
    )


def arguments_of(
    options: TuningOptions, loaded: LoadedModel, *, seed: int, folder: Path
) -> dict[str, Any]:
    """Arguments that all trainers take."""
    import torch

    dtype = loaded.model.dtype
    return {
        "output_dir": str(folder),
        "num_train_epochs": options.epochs,
        "max_steps": -1 if options.max_steps is None else options.max_steps,
        "learning_rate": options.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0.1,  # below 1: a share of all steps
        "per_device_train_batch_size": options.batch_size,
        "gradient_accumulation_steps": options.accumulation,
        **({"gradient_checkpointing": True} if options.gradient_checkpointing else {}),
        "save_strategy": "steps",
        "save_steps": options.checkpoint_steps,
        "save_total_limit": 1,
        "logging_steps": 1,
        "report_to": "none",  # nothing leaves the machine
        "disable_tqdm": True,
        "seed": seed,
        "data_seed": seed,
        "bf16": dtype == torch.bfloat16,
        "fp16": dtype == torch.float16 and loaded.device.type == "cuda",
        "use_cpu": loaded.device.type == "cpu",
        "dataloader_pin_memory": loaded.device.type == "cuda",
    }


@contextmanager
def prepared(seed: int) -> Iterator[None]:
    """Fixes every seed before an adapter's first weights are drawn, and silences chatter."""
    import datasets
    from transformers import set_seed

    set_seed(seed)
    shown = datasets.utils.logging.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():  # of the libraries, about each other
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def train(
    trainer: Any, *, checkpoints: Path, adapter: Path, progress: Progress | None = None
) -> Trained:
    """Trains from the last checkpoint on, and writes the adapter.

    Args:
        trainer: A ``Trainer`` whose ``output_dir`` is ``checkpoints``.
        checkpoints: Where its checkpoints lie.
        adapter: Folder to write, with safetensors and JSON alone.
        progress: Told of (done, total) steps.
    """
    from transformers import TrainerCallback, trainer_utils

    last_checkpoint: Any = trainer_utils.get_last_checkpoint
    checkpoints.mkdir(parents=True, exist_ok=True)
    earlier = _earlier(checkpoints)
    started = time.perf_counter()

    class Telling(TrainerCallback):
        """Keeps the clock with each checkpoint, and tells how far it is."""

        def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            if state.is_world_process_zero:
                spent = earlier + time.perf_counter() - started
                (checkpoints / _SECONDS).write_text(json.dumps(spent), encoding="utf-8")

        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            if progress is not None:
                progress(state.global_step, state.max_steps)

    trainer.add_callback(Telling())
    trainer.remove_callback(_printer())
    trainer.train(resume_from_checkpoint=last_checkpoint(str(checkpoints)))
    seconds = earlier + time.perf_counter() - started
    if trainer.is_world_process_zero():
        model = trainer.accelerator.unwrap_model(trainer.model)
        model.save_pretrained(str(adapter), safe_serialization=True)
        for extra in adapter.glob("README.md"):  # peft's empty model card
            extra.unlink()
    return Trained(trainer.state.global_step, seconds, _figures(trainer.state.log_history))


def _earlier(checkpoints: Path) -> float:
    try:
        return float(json.loads((checkpoints / _SECONDS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return 0.0


def _printer() -> Any:
    from transformers import PrinterCallback

    return PrinterCallback


def _figures(history: list[dict[str, Any]]) -> dict[str, tuple[float, ...]]:
    found: dict[str, list[float]] = {}
    for entry in history:
        for name in ("loss", "rewards/margins", "rewards/accuracies"):
            if name in entry:
                found.setdefault(name.rpartition("/")[2], []).append(float(entry[name]))
    return {name: tuple(values) for name, values in found.items()}
