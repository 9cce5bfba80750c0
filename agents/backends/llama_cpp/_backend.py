"""The backend ``llama_cpp``."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel

from agents.backends.llama_cpp._chat import ChatTemplate
from agents.backends.llama_cpp._gguf_lora import LoraDtype, export_lora
from agents.backends.llama_cpp._jobs import Job, JobMaker
from agents.backends.llama_cpp._model import LoadedModel
from agents.backends.llama_cpp._options import LlamaCppOptions
from agents.backends.llama_cpp._scheduler import Scheduler
from agents.backends.llama_cpp._strand import Strand
from agents.backends.llama_cpp._weights import fetched, lora_hash, lora_path, weights_hash
from harness.errors import BackendError
from harness.protocols import (
    AdapterFile,
    Capabilities,
    Completion,
    Failure,
    ModelIdentity,
    Request,
)

__all__ = ["LlamaCppBackend"]


class LlamaCppBackend:
    """Runs a GGUF model in this process.

    Nothing is imported, fetched or loaded before the first request, so that plans need neither
    the package nor the model. Requests that begin alike are evaluated together, their common
    beginnings once, and many answers at a time (see ``Scheduler``). Several threads may use one
    backend: their requests share its batches.

    A greedy answer, or one with the same seed and repeat number, is the same whatever else is
    asked, as far as llama.cpp's sums allow: they depend in their last digits on the shape of the
    batch, so that where two tokens are as good as tied, either may come.

    A completion's ``latency_s`` is its share of the time that batches took, so that the sum over
    all is the machine's time.
    """

    summary: ClassVar[str] = "llama.cpp in this process: any GGUF file, shared prefixes, batches."
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = LlamaCppOptions

    def __init__(self, *, options: LlamaCppOptions) -> None:
        self._options = options
        self._lock = threading.RLock()
        self._model: LoadedModel | None = None
        self._maker: JobMaker | None = None
        self._scheduler: Scheduler | None = None
        self._owners: dict[Strand, _Call] = {}

    @classmethod
    def fingerprint(cls, *, options: LlamaCppOptions) -> Mapping[str, str]:
        """The weights' hash, the adapter's, and options that change answers."""
        lora = lora_hash(options)
        return {
            "model": options.model_name,
            "weights": weights_hash(options),
            **({"lora": lora} if lora else {}),
            **options.deviations,
        }

    @classmethod
    def export_adapter(
        cls, *, adapter: Path, file: Path, model: str | None = None, dtype: LoraDtype = "f32"
    ) -> AdapterFile:
        """Writes a PEFT adapter as a GGUF file, which ``lora`` takes; see ``export_lora``."""
        return export_lora(adapter, file, model=model, dtype=dtype)

    @property
    def model(self) -> ModelIdentity:
        """Its name and the hash of its weights, with those of adapter and deviating options."""
        options = self._options
        weights = [f"sha256:{weights_hash(options)}"]
        if lora := lora_hash(options):
            weights.append(f"lora:{lora}")
        if digest := options.deviations_digest:
            weights.append(f"options:{digest}")
        return ModelIdentity(name=options.model_name, weights=" ".join(weights))

    @property
    def capabilities(self) -> Capabilities:
        """All there are."""
        return Capabilities(
            json_schema=True,
            grammar=True,
            label_scoring=True,
            log_probabilities=True,
            seed=True,
            usage=True,
            batching=True,
            prefix_cache=True,
        )

    def complete(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Yields an answer or a failure for each request, as they come.

        Closing the iterator drops what is under way.

        Raises:
            MissingExtraError: When llama-cpp-python is not installed.
            BackendError: When the model cannot be loaded.
        """
        return self._answered(requests, lambda maker: maker.answering)

    def score_labels(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Yields the scores of each request's labels, likewise.

        A label's probability is that of its tokens and of then ending the turn, which counts as
        one more token.
        """
        return self._answered(requests, lambda maker: maker.scoring)

    def close(self) -> None:
        """Frees the model; the next request would load it again."""
        with self._lock:
            for call in set(self._owners.values()):
                for job in call.open:  # its iterator then finds the backend closed
                    job.release()
            self._owners.clear()
            model, self._model = self._model, None
            self._maker = self._scheduler = None
            if model is not None:
                model.close()

    def _answered(
        self, requests: Sequence[Request], make: Callable[[JobMaker], Callable[[Request], Job]]
    ) -> Iterator[Completion | Failure]:
        if not requests:
            return
        with self._lock:
            maker, scheduler = self._opened()
        call = _Call()
        try:
            for request in requests:
                try:
                    with self._lock:
                        job = make(maker)(request)
                except BackendError as error:
                    call.ready.append(Failure(request, error))
                    continue
                call.open.add(job)
                call.jobs.update(dict.fromkeys(job.strands, job))
            with self._lock:
                self._owners.update(dict.fromkeys(call.jobs, call))
                scheduler.add(call.jobs)
            while call.open or call.ready:
                while call.ready:
                    yield call.ready.popleft()
                if call.open:
                    self._step(scheduler)
        finally:
            with self._lock:
                self._drop(call)

    def _step(self, scheduler: Scheduler) -> None:
        """Evaluates one batch, for whichever calls it serves."""
        with self._lock:
            if scheduler is not self._scheduler:
                raise BackendError("The backend was closed.", hint="Ask before closing it.")
            for strand in scheduler.step():
                if (call := self._owners.get(strand)) is not None:
                    self._settle(call, strand)

    def _settle(self, call: _Call, strand: Strand) -> None:
        """Takes note of a strand that has ended."""
        job = call.jobs[strand]
        if job not in call.open or not job.done:
            return
        call.open.remove(job)
        if job.failure is not None and self._scheduler is not None:
            self._scheduler.drop(job.strands)
        call.ready.append(job.outcome())
        job.release()
        for one in job.strands:
            self._owners.pop(one, None)

    def _drop(self, call: _Call) -> None:
        """Forgets what a call has under way."""
        if self._scheduler is not None and call.open:
            self._scheduler.drop([strand for job in call.open for strand in job.strands])
        for job in call.open:
            job.release()
        for strand in call.jobs:
            self._owners.pop(strand, None)
        call.open.clear()

    def _opened(self) -> tuple[JobMaker, Scheduler]:
        if self._maker is None or self._scheduler is None:
            options = self._options
            self._model = model = LoadedModel(
                fetched(options),
                lora=lora_path(options),
                context=options.context,
                batch=options.batch,
                threads=options.threads,
                gpu_layers=options.gpu_layers,
            )
            try:
                self._maker = JobMaker(model, _template(model, options), options)
            except BaseException:
                self.close()
                raise
            self._scheduler = Scheduler(model, parallel=options.parallel)
        return self._maker, self._scheduler


class _Call:
    """The requests of one call to the backend."""

    def __init__(self) -> None:
        self.jobs: dict[Strand, Job] = {}
        self.open: set[Job] = set()
        self.ready: deque[Completion | Failure] = deque()


def _template(model: LoadedModel, options: LlamaCppOptions) -> ChatTemplate:
    if options.chat_template is not None:
        try:
            text = options.chat_template.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BackendError(
                f"The chat template {options.chat_template} cannot be read: {error}",
                hint="Name a file with a Jinja template: chat_template: FILE",
            ) from None
    else:
        found = model.text_of("tokenizer.chat_template")
        if not found:
            raise BackendError(
                f"{options.model} has no chat template.",
                hint="Use a model that is tuned on instructions, or name a file with a Jinja"
                " template: chat_template: FILE",
            )
        text = found
    return ChatTemplate(text, bos=model.vocabulary.bos, eos=model.vocabulary.eos)
