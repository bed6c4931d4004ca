"""Turns to write to a SQLite file: whoever waits, process or thread, is served in the order of arrival."""

from __future__ import annotations

import contextlib
import os
import random
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # Windows: writers wait as SQLite has them wait
    _CAN_LOCK = False
else:
    _CAN_LOCK = True

__all__ = ["turn"]

_SOON = 0.000_05
_LATER = 0.000_4
_TICKETS = 1 << 20
"""Place in the file behind which each ticket is a byte; locks need no bytes to be there."""
_ROUND = 1 << 40


@contextlib.contextmanager
def turn(file: Path, deadline: float) -> Iterator[None]:
    """Wait for the turn to write to a SQLite file, until `deadline` (of `time.monotonic`) at most.

    SQLite lets waiting writers try again and again, longer apart each time, so that with many of them the unlucky wait
    for seconds. Locks on a file beside it can be asked for each fraction of a millisecond at no cost, and go with the
    process that holds them. They are a courtesy: what keeps writers apart is SQLite's own lock, also against other
    programs, so a turn that comes too early does no harm.
    """
    if not _CAN_LOCK:
        yield
        return
    try:
        descriptor = os.open(f"{file}.turn", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:  # a folder that cannot be written to: SQLite says it better
        yield
        return
    try:
        # A full disk or a file system without locks: SQLite has the last word.
        with contextlib.suppress(OSError):
            _wait(descriptor, deadline)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, deadline: float) -> None:
    if not _lock_file(descriptor, deadline) or sys.platform != "linux":
        return
    # Everybody draws a ticket, locks its byte, and waits for the byte of the ticket before. One who was killed or gave
    # up has let go of it.
    number = int.from_bytes(os.pread(descriptor, 8, 0), "big") % _ROUND
    os.pwrite(descriptor, (number + 1).to_bytes(8, "big"), 0)
    _lock_ticket(descriptor, number)
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    while not _lock_ticket(descriptor, number - 1) and time.monotonic() < deadline:
        is_next = number < 2 or _is_free(descriptor, number - 2)
        time.sleep(_SOON if is_next else _LATER)


def _lock_file(descriptor: int, deadline: float) -> bool:
    while time.monotonic() < deadline:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_SOON * random.uniform(0.5, 1.5))
        else:
            return True
    return False


def _lock_ticket(descriptor: int, number: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _range(number))
    except BlockingIOError:
        return False
    return True


def _is_free(descriptor: int, number: int) -> bool:
    found = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _range(number))
    return bool(struct.unpack("hhqqi", found)[0] == fcntl.F_UNLCK)


def _range(number: int) -> bytes:
    """Return C's ``struct flock`` for the byte of a ticket; the lock belongs to the open file, not to the process."""
    return struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, _TICKETS + number, 1, 0)
