"""A loaded model with its cache of keys and values."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.backends.llama_cpp._gguf_lora import as_gguf
from agents.backends.llama_cpp._library import library, said
from agents.backends.llama_cpp._vocabulary import Vocabulary
from harness.errors import BackendError

__all__ = ["CacheFullError", "LoadedModel", "Position"]

_LOGITS_BYTES = 64 * 2**20
_LEAST_ROWS = 64
_MOST_SEQUENCES = 256  # llama.cpp's LLAMA_MAX_SEQ
_NO_SLOT = 1


class CacheFullError(Exception):
    """The cache has no room for the batch; nothing was changed."""


@dataclass(slots=True, eq=False)
class Position:
    """One token that is to be computed.

    Attributes:
        token: The token.
        place: Its place in its sequences, from 0.
        sequences: Every sequence it belongs to.
        readers: Who wants its logits; without any they are not computed.
        owner: For whom it is computed; the others share it.
    """

    token: int
    place: int
    sequences: list[int]
    readers: list[Any]
    owner: Any = None


class LoadedModel:
    """llama.cpp's model and context, as far as the scheduler needs them.

    Sequences share one cache. A token may belong to several sequences, so that a beginning that
    prompts share is computed and kept once.

    Args:
        file: The GGUF file.
        lora: An adapter that is put onto it: a GGUF file, or PEFT's folder.
        context: Tokens that the cache holds.
        batch: Most tokens in one batch.
        threads: Threads; None: as many as the process may use.
        gpu_layers: Layers on a GPU; -1 is all.

    Raises:
        BackendError: When a file cannot be loaded, or keeps no cache of keys and values.
        CalldistilError: When the adapter in a folder cannot be exported.
    """

    def __init__(
        self,
        file: Path,
        *,
        context: int,
        batch: int,
        threads: int | None,
        gpu_layers: int,
        lora: Path | None = None,
    ) -> None:
        self._llama = llama = library()
        self._model: Any = None
        self._context: Any = None
        said()
        parameters = llama.llama_model_default_params()
        parameters.n_gpu_layers = gpu_layers
        self._model = llama.llama_model_load_from_file(str(file).encode(), parameters)
        if not self._model:
            self._model = None
            raise BackendError(
                f"llama.cpp cannot load {file}: {said() or 'it does not say why'}",
                hint="Check that the file is whole and that this llama-cpp-python knows its"
                " architecture; a newer one may: pip install -U llama-cpp-python",
            )
        self._refuse_other_memory(file)
        self.vocabulary = Vocabulary(llama, self._model)
        self.context_size = context
        self.batch_size = min(batch, context)
        rows = max(_LEAST_ROWS, _LOGITS_BYTES // (4 * self.vocabulary.size))
        self.wanted_size = min(self.batch_size, rows)
        # llama.cpp aborts the process where it is given fewer rows than sequences.
        self.sequences = min(_MOST_SEQUENCES, self.wanted_size)
        adapter = None if lora is None else self._adapter(lora)  # before the context, which
        self._context = self._new_context(threads)  # makes room for it
        if adapter is not None:
            self._put_on(adapter)
        self._memory = llama.llama_get_memory(self._context)
        self._make_batch()

    def _refuse_other_memory(self, file: Path) -> None:
        llama, model = self._llama, self._model
        if llama.llama_model_is_recurrent(model) or llama.llama_model_is_hybrid(model):
            why = "is recurrent: its state cannot be shared between prompts"
        elif llama.llama_model_has_encoder(model) or not llama.llama_model_has_decoder(model):
            why = "does not only decode: it is no chat model"
        else:
            return
        self.close()
        raise BackendError(
            f"The model of {file} {why}.",
            hint="Use a decoder with attention, or run this one behind a server and use the"
            " backend openai.",
        )

    def _adapter(self, lora: Path) -> Any:
        """Reads an adapter; llama.cpp frees it with the model."""
        try:
            with as_gguf(lora, self.text_of) as file:
                found = self._llama.llama_adapter_lora_init(self._model, str(file).encode())
        except BaseException:
            self.close()
            raise
        if not found:
            why = said() or "it does not say why"
            self.close()
            raise BackendError(
                f"llama.cpp cannot put the adapter {lora} onto the model: {why}",
                hint="Check that lora: names an adapter, and model: the model it was trained on.",
            )
        return found

    def _put_on(self, adapter: Any) -> None:
        llama = self._llama
        adapters = (llama.llama_adapter_lora_p_ctypes * 1)(adapter)
        scales = (ctypes.c_float * 1)(1.0)
        if llama.llama_set_adapters_lora(self._context, adapters, 1, scales):
            self.close()
            raise BackendError(
                f"llama.cpp cannot use the adapter: {said() or 'it does not say why'}",
                hint="Write it again: calldistil tune export-gguf ADAPTER",
            )

    def _new_context(self, threads: int | None) -> Any:
        llama = self._llama
        parameters = llama.llama_context_default_params()
        parameters.n_ctx = self.context_size
        parameters.n_batch = parameters.n_ubatch = self.batch_size
        parameters.n_seq_max = self.sequences
        parameters.n_outputs_max = self.wanted_size
        parameters.n_outputs_max_per_seq = 0  # as many as n_outputs_max
        parameters.n_threads = parameters.n_threads_batch = threads or _cores()
        parameters.kv_unified = True
        parameters.swa_full = True  # else windows forget what later prompts share
        parameters.no_perf = True
        made = llama.llama_init_from_model(self._model, parameters)
        if not made:
            self.close()
            raise BackendError(
                f"llama.cpp cannot make a context of {self.context_size} tokens:"
                f" {said() or 'it does not say why'}",
                hint="Lower context: or batch: in the backend's options; memory may not suffice.",
            )
        return made

    def _make_batch(self) -> None:
        llama, size = self._llama, self.batch_size
        self._tokens = np.zeros(size, dtype=np.int32)
        self._places = np.zeros(size, dtype=np.int32)
        self._counts = np.zeros(size, dtype=np.int32)
        self._wanted = np.zeros(size, dtype=np.int8)
        self._members = np.zeros((size, self.sequences), dtype=np.int32)
        row = self._members.strides[0]
        start = self._members.ctypes.data
        pointer = ctypes.POINTER(ctypes.c_int32)
        self._rows = (pointer * size)(*(ctypes.cast(start + row * n, pointer) for n in range(size)))
        kinds = dict(llama.llama_batch._fields_)

        def given(name: str, values: Any) -> Any:
            return ctypes.cast(values, kinds[name])

        self._batch = llama.llama_batch(
            n_tokens=0,
            token=given("token", self._tokens.ctypes.data),
            pos=given("pos", self._places.ctypes.data),
            n_seq_id=given("n_seq_id", self._counts.ctypes.data),
            seq_id=given("seq_id", self._rows),
            logits=given("logits", self._wanted.ctypes.data),
        )

    @property
    def pointer(self) -> Any:
        """llama.cpp's model."""
        return self._model

    def text_of(self, key: str) -> str | None:
        """A text among the file's metadata; None where it has none."""
        size = 4096
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = self._llama.llama_model_meta_val_str(self._model, key.encode(), buffer, size)
            if count < 0:
                return None
            if count < size:
                return buffer.value.decode("utf-8", "replace")
            size = count + 1

    def decode(self, positions: Sequence[Position]) -> NDArray[np.float32]:
        """Computes tokens whose predecessors are in the cache or before them in the batch.

        Returns:
            Logits of the wanted ones, of shape (wanted, tokens of the vocabulary), in the order
            of the positions; overwritten by the next call.

        Raises:
            CacheFullError: When there is no room.
            BackendError: When llama.cpp fails.
        """
        wanted = 0
        for n, position in enumerate(positions):
            self._tokens[n] = position.token
            self._places[n] = position.place
            count = len(position.sequences)
            self._counts[n] = count
            self._members[n, :count] = position.sequences
            self._wanted[n] = bool(position.readers)
            wanted += bool(position.readers)
        self._batch.n_tokens = len(positions)
        code = self._llama.llama_decode(self._context, self._batch)
        if code == _NO_SLOT:
            raise CacheFullError
        if code != 0:
            raise BackendError(
                f"llama.cpp failed on a batch of {len(positions)} tokens (code {code}):"
                f" {said() or 'it does not say why'}",
                retryable=True,
                hint="Run again: what was answered is kept. If it stays, lower context: or batch:.",
            )
        shape = (wanted, self.vocabulary.size)
        if not wanted:
            return np.zeros(shape, dtype=np.float32)
        logits = self._llama.llama_get_logits(self._context)
        return np.ctypeslib.as_array(logits, shape)

    def share(self, source: int, target: int, count: int) -> None:
        """Lets the first ``count`` tokens of a sequence belong to an empty one too."""
        if count:
            self._llama.llama_memory_seq_cp(self._memory, source, target, 0, count)

    def keep(self, sequence: int, count: int) -> None:
        """Takes all but the first ``count`` tokens out of a sequence."""
        self._llama.llama_memory_seq_rm(self._memory, sequence, count, -1)

    def held(self, sequence: int) -> int:
        """How many tokens a sequence has in the cache."""
        last: int = self._llama.llama_memory_seq_pos_max(self._memory, sequence)
        return last + 1

    def forget(self) -> None:
        """Empties the cache."""
        self._llama.llama_memory_clear(self._memory, False)

    def close(self) -> None:
        """Frees context and model; harmless when they are."""
        if self._context:
            self._llama.llama_free(self._context)
        if self._model:
            self._llama.llama_model_free(self._model)
        self._context = self._model = None


def _cores() -> int:
    declared = os.environ.get("OMP_NUM_THREADS", "")
    if declared.isdecimal() and int(declared):
        return int(declared)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
