"""Lock files that the operating system lets go of when their holder dies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

__all__ = ["HeldLock"]


class HeldLock:
    """An exclusive lock (``flock``) on a file of its own.

    The kernel ends it with the process, also after ``SIGKILL``, so that who gets the lock knows
    that the one who made the file is gone. No process id can be mistaken for a later one's.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, *, wait: bool, create: bool = True) -> Self | None:
        """Takes the lock at ``path``.

        Args:
            path: The lock file.
            wait: Whether to wait for another holder; otherwise None is returned.
            create: Whether to make the file; without it an absent file gives None.

        Raises:
            OSError: When the file cannot be made.
        """
        import fcntl

        while True:
            flags = os.O_RDWR | (os.O_CREAT if create else 0)
            try:
                descriptor = os.open(path, flags, 0o666)
            except FileNotFoundError:
                if create:
                    raise
                return None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                os.close(descriptor)
                return None
            except BaseException:
                os.close(descriptor)
                raise
            if _is_at(descriptor, path):
                return cls(path, descriptor)
            os.close(descriptor)  # its last holder removed the file in between: another one counts

    def release(self, *, remove: bool) -> None:
        """Lets go of the lock, removing its file first if told so."""
        try:
            if remove:
                self.path.unlink(missing_ok=True)
        finally:
            os.close(self._descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
