"""What engines of this machine share: how many at once, and tasks in turn, each with one BLAS and OpenMP thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

__all__ = ["WorkersHere", "load_threaded_libraries", "one_thread"]

T = TypeVar("T")
R = TypeVar("R")


class WorkersHere(ABC):
    """Runs tasks on up to `workers` workers of this machine; with one, in this process and thread.

    Parameters
    ----------
    workers : int
        Tasks at once; 0 for as many as there are cores.
    """

    def __init__(self, workers: int = 0) -> None:
        self.workers = workers or _cores()

    def map(
        self, function: Callable[[T], R], tasks: Sequence[T], *, on_done: Callable[[int, R], None] | None = None
    ) -> Iterator[R]:
        """Yield ``function(task)`` for each task in order; see :class:`labelaudit.engines.Engine`."""
        tell = on_done or _ignore
        if self.workers == 1 or len(tasks) < 2:
            return _in_turn(function, tasks, tell)
        return self.at_once(function, tasks, tell)

    @abstractmethod
    def at_once(self, function: Callable[[T], R], tasks: Sequence[T], tell: Callable[[int, R], None]) -> Iterator[R]:
        """Yield the results in order; tell of each task as soon as it is finished."""


def _in_turn(function: Callable[[T], R], tasks: Sequence[T], tell: Callable[[int, R], None]) -> Iterator[R]:
    """Run the tasks one after another in this process."""
    for index, task in enumerate(tasks):
        with one_thread():
            result = function(task)
        tell(index, result)
        yield result


def one_thread() -> AbstractContextManager[Any]:
    """Keep BLAS and OpenMP to one thread, as `with` block."""
    from threadpoolctl import threadpool_limits

    load_threaded_libraries()
    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


def load_threaded_libraries() -> None:
    """Load scipy's BLAS and scikit-learn's OpenMP: a limit reaches only what is loaded when it is set.

    A task that was the first to import them would run on all cores.
    """
    import scipy.linalg  # noqa: F401
    import sklearn  # noqa: F401


def _cores() -> int:
    """Return how many cores this process may use, minding the limits of containers and CPU sets."""
    from joblib import cpu_count

    return int(cpu_count())


def _ignore(index: int, result: object) -> None:
    """Do nothing."""
