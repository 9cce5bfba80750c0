"""llama.cpp's low-level bindings: imported late, and quiet."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from typing import Any

from harness.errors import BackendError, MissingExtraError

__all__ = ["library", "said"]

_ERROR = 4  # ggml's level of errors; 5 goes on with the line before
_lines: deque[str] = deque(maxlen=20)
_loaded: list[Any] = []  # the module, and the callback that must outlive every call into it
_lock = threading.Lock()


def library() -> Any:
    """The module ``llama_cpp.llama_cpp``; its log is kept for error messages and not printed.

    Raises:
        MissingExtraError: When llama-cpp-python is not installed.
        BackendError: When it is, and its shared library cannot be loaded.
    """
    with _lock:
        if not _loaded:
            _load()
        return _loaded[0]


def _load() -> None:
    try:
        import llama_cpp.llama_cpp as module
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            package=error.name or "llama_cpp", extra="llamacpp", feature="The backend llama_cpp"
        ) from None
    except (OSError, RuntimeError, AttributeError) as error:
        raise BackendError(
            f"llama.cpp's library cannot be loaded: {error}",
            hint="Build it for this machine: pip install --no-cache-dir --force-reinstall"
            " llama-cpp-python",
        ) from None

    def keep(level: int, text: bytes, user_data: Any) -> None:
        # Only errors explain a failure; the rest is progress.
        if level >= _ERROR:
            with contextlib.suppress(Exception):
                _lines.append(text.decode("utf-8", "replace").strip())

    callback = module.llama_log_callback(keep)
    module.llama_log_set(callback, None)
    module.llama_backend_init()
    _loaded.extend((module, callback))


def said() -> str:
    """The last error that llama.cpp logged, and forgets it; empty where there was none."""
    lines = [line for line in _lines if line]
    _lines.clear()
    return lines[-1] if lines else ""
