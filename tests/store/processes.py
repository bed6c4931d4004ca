"""Processes that work on a store and are killed at it."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from labelaudit.store import Store


class Child:
    """A forked process that runs `work(say)`; what it says by `say(line)` can be read here, also after its death."""

    def __init__(self, work: Callable[[Callable[[str], None]], None]) -> None:
        self._reading, writing = os.pipe()
        self._read = b""
        self.pid = os.fork()
        if self.pid:
            os.close(writing)
            return
        status = 1
        try:
            os.close(self._reading)
            # A line is one write of less than a page: it arrives whole or not at all.
            work(lambda line: os.write(writing, f"{line}\n".encode()) and None)
            status = 0
        except BaseException:  # noqa: BLE001 -- whatever it is, it must be seen here: this process ends below
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)

    def wait_for_line(self) -> str:
        """Wait until the child has said something, and return its first line."""
        while b"\n" not in self._read:
            if not self._more():
                raise RuntimeError("the child ended without a word")
        return self._read.split(b"\n")[0].decode()

    def kill(self) -> list[str]:
        """Kill -9 the child and return what it had said."""
        os.kill(self.pid, signal.SIGKILL)
        return self._end()[1]

    def join(self) -> list[str]:
        """Wait for the end of the child and return what it said; raise if it failed."""
        status, lines = self._end()
        if status:
            raise RuntimeError(f"the child ended with status {status}")
        return lines

    def _more(self) -> bool:
        piece = os.read(self._reading, 65536)
        self._read += piece
        return bool(piece)

    def _end(self) -> tuple[int, list[str]]:
        while self._more():
            pass
        os.close(self._reading)
        _, status = os.waitpid(self.pid, 0)
        return status, self._read.decode().splitlines()


def run_all(works: Sequence[Callable[[Callable[[str], None]], None]]) -> list[list[str]]:
    """Run works at the same time and return what each said."""
    return [child.join() for child in [Child(work) for work in works]]


def opened(location: Path | str, tmp: Path, **options: float) -> Store:
    """Open a store in this process."""
    return Store(location, backups=tmp / "backups", **options)  # type: ignore[arg-type]


def pause(seconds: float) -> None:
    """Sleep, also for less than the scheduler's grain."""
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        time.sleep(min(left, 0.001))
