"""Turns to write to a SQLite file: whoever waits, process or thread, is served in the order of arrival."""

from __future__ import annotations

import contextlib
import os
import random
import socket
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

_SOON = 0.000_2
_UNCALLED = 0.01
"""Seconds after which a waiter looks for itself: the one before may have been killed, or live in another container."""
_TICKETS = 1 << 20
"""Place in the file behind which each ticket is a byte; locks need no bytes to be there."""
_ROUND = 1 << 40


@contextlib.contextmanager
def turn(file: Path, deadline: float) -> Iterator[None]:
    """Wait for the turn to write to a SQLite file, until `deadline` (of `time.monotonic`) at most.

    SQLite lets waiting writers try again and again, longer apart each time, so that with many of them the unlucky wait
    for seconds. Locks on a file beside it give an order, and go with the process that holds them. They are a courtesy:
    what keeps writers apart is SQLite's own lock, also against other programs, so a turn that comes too early does no
    harm.
    """
    opened = _open(file) if _CAN_LOCK else None
    if opened is None:
        yield
        return
    number, (descriptor, bell) = None, opened
    with bell:
        try:
            # A full disk or a file system without locks: SQLite has the last word.
            with contextlib.suppress(OSError):
                number = _wait(descriptor, bell, deadline)
            yield
        finally:
            address = None if number is None else _address(descriptor, number + 1)
            os.close(descriptor)  # lets go of the locks, so that the next one finds them free
            if address is not None:
                _ring(bell, address)


def _open(file: Path) -> tuple[int, socket.socket] | None:
    """Return the file of locks and a socket to be called on; None where there can be none."""
    try:
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    except OSError:
        return None
    try:
        return os.open(f"{file}.turn", os.O_RDWR | os.O_CREAT, 0o666), bell
    except OSError:  # a folder that cannot be written to: SQLite says it better
        bell.close()
        return None


def _wait(descriptor: int, bell: socket.socket, deadline: float) -> int | None:
    """Return the ticket whose turn has come; None where tickets cannot be drawn."""
    if not _lock_file(descriptor, deadline) or sys.platform != "linux":
        return None
    # Everybody draws a ticket, locks its byte, and waits for the byte of the ticket before. One who was killed or gave
    # up has let go of it.
    number = int.from_bytes(os.pread(descriptor, 8, 0), "big") % _ROUND
    os.pwrite(descriptor, (number + 1).to_bytes(8, "big"), 0)
    _lock_ticket(descriptor, number)
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    if not _lock_ticket(descriptor, number - 1):
        with contextlib.suppress(OSError):
            bell.bind(_address(descriptor, number))
    while not _lock_ticket(descriptor, number - 1) and (left := deadline - time.monotonic()) > 0:
        bell.settimeout(min(left, _UNCALLED))
        with contextlib.suppress(OSError):
            bell.recv(1)
    return number


def _address(descriptor: int, number: int) -> bytes:
    """Return where the holder of a ticket hears that it is next: a name of no file, which goes with the process."""
    place = os.fstat(descriptor)
    return f"\0labelaudit/{place.st_dev}/{place.st_ino}/{number}".encode()


def _ring(bell: socket.socket, address: bytes) -> None:
    with contextlib.suppress(OSError):  # nobody waits
        bell.sendto(b".", socket.MSG_DONTWAIT, address)


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


def _range(number: int) -> bytes:
    """Return C's ``struct flock`` for the byte of a ticket; the lock belongs to the open file, not to the process."""
    return struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, _TICKETS + number, 1, 0)
