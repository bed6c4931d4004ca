"""One process at a time: a lock on a file, which goes with the process that holds it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # Windows: nobody is kept apart
    _CAN_LOCK = False
else:
    _CAN_LOCK = True

__all__ = ["held"]


@contextlib.contextmanager
def held(file: Path, *, busy: Callable[[], None], create: bool = False) -> Iterator[None]:
    """Hold the lock of `file`, so that of those who ask for it one goes on at a time.

    It is a courtesy between runs of labelaudit, which stops nobody who does not ask. Where the file cannot be opened
    for writing, on file systems without locks, and on Windows, there is none.

    Parameters
    ----------
    file : Path
        What stands for the work; its content is left alone.
    busy : callable
        Called once where another process holds the lock, before waiting for it; it may raise an error instead.
    create : bool
        Make the file, and the folder that it is in, where they are not there.
    """
    descriptor = _locked(file, busy, create=create) if _CAN_LOCK else None
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(file: Path, busy: Callable[[], None], *, create: bool) -> int | None:
    while True:
        try:
            if create:
                file.parent.mkdir(exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | (os.O_CREAT if create else 0), 0o666)
        except OSError:  # who writes there says it better
            return None
        try:
            _lock(descriptor, busy)
            if _is_still(file, descriptor):
                return descriptor
        except OSError:
            return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the one before has put another file in its place, or none


def _lock(descriptor: int, busy: Callable[[], None]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        busy()
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_still(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
