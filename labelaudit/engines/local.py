"""Tasks in processes of this machine.

Each task gets a process of its own: tasks are few and take seconds, so nothing is gained by keeping processes, and
with one process a task a killed one is told at once from a slow one. Where processes can be forked (Linux) a task
sees the data of this process without a copy; elsewhere function and task are pickled.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from labelaudit.engines._here import WorkersHere, load_threaded_libraries, one_thread
from labelaudit.errors import EngineError

if TYPE_CHECKING:
    from multiprocessing.context import ForkProcess, SpawnProcess

    Process = ForkProcess | SpawnProcess

__all__ = ["PLUGIN", "LocalEngine"]

T = TypeVar("T")
R = TypeVar("R")

_SIGKILL = 9  # which the module signal does not name on Windows


class LocalEngine(WorkersHere):
    """Runs tasks in up to `workers` processes; with one worker, in this process.

    Parameters
    ----------
    workers : int
        Processes at once; 0 for as many as there are cores.
    """

    isolated = True

    def at_once(self, function: Callable[[T], R], tasks: Sequence[T], tell: Callable[[int, R], None]) -> Iterator[R]:
        """Yield the results in order; tell of each task as soon as it is finished."""
        return _at_once(function, tasks, tell, self.workers)


PLUGIN = LocalEngine


class _Running(NamedTuple):
    position: int
    process: Process
    results: Connection


def _at_once(
    function: Callable[[T], R], tasks: Sequence[T], tell: Callable[[int, R], None], workers: int
) -> Iterator[R]:
    load_threaded_libraries()  # before processes are forked, so that not each of them has to
    waiting = deque(range(len(tasks)))
    running: list[_Running] = []
    finished: dict[int, R] = {}
    following = 0
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                index = waiting.popleft()
                running.append(_start(index, function, tasks[index]))
            for worker in _ready(running):
                running.remove(worker)
                finished[worker.position] = _result(worker)
                tell(worker.position, finished[worker.position])
            while following in finished:
                yield finished.pop(following)
                following += 1
    finally:
        # Reached by an error, by Ctrl-C and by a caller that stops early: nothing may be left behind.
        for worker in running:
            worker.process.kill()
        for worker in running:
            worker.process.join()
            worker.results.close()


def _start(index: int, function: Callable[[T], R], task: T) -> _Running:
    # Forked children only compute on arrays, so locks that other threads of this process hold do not concern them.
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    results, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, function, task), daemon=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
        process.start()
    sender.close()
    return _Running(index, process, results)


def _ready(running: list[_Running]) -> list[_Running]:
    # A pipe is ready when it holds a result, and also when its process is gone.
    ready = set(wait([worker.results for worker in running]))
    return [worker for worker in running if worker.results in ready]


def _result(worker: _Running) -> Any:
    try:
        succeeded, value = worker.results.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join()
        raise _death(worker.process.exitcode) from None
    finally:
        worker.results.close()
    worker.process.join()
    if not succeeded:
        raise value
    return value


def _death(exitcode: int | None) -> EngineError:
    if exitcode == -_SIGKILL:
        return EngineError(
            "A worker process was killed, most likely because memory ran out.",
            "Use fewer at once (--workers 1), or close other programs.",
        )
    return EngineError(
        f"A worker process ended without a result (exit code {exitcode}).",
        "Run with --workers 1 to see where it happens: a library crashed.",
    )


def _work(sender: Connection, function: Callable[[Any], Any], task: Any) -> None:
    """Run one task in a child process and send (succeeded, result or exception)."""
    # Ctrl-C reaches the whole process group: the parent decides, and stops its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    outcome: tuple[bool, Any]
    try:
        with one_thread():
            outcome = (True, function(task))
    except Exception as error:  # noqa: BLE001 - any exception belongs to the parent, which raises it again
        outcome = (False, error)
    try:
        sender.send(outcome)
    except BrokenPipeError:
        pass  # the parent is gone
    except Exception as error:  # noqa: BLE001 - pickling runs foreign code
        sender.send((False, EngineError(f"The result of a worker cannot be sent: {error!r}; it was {outcome[1]!r}.")))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
