"""What engines share: tasks in turn, each with one BLAS and OpenMP thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

__all__ = ["cores", "ignore", "in_turn", "load_threaded_libraries", "one_thread"]

T = TypeVar("T")
R = TypeVar("R")


def in_turn(function: Callable[[T], R], tasks: Sequence[T], tell: Callable[[int, R], None]) -> Iterator[R]:
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


def cores() -> int:
    """Return how many cores this process may use, minding the limits of containers and CPU sets."""
    from joblib import cpu_count

    return int(cpu_count())


def ignore(index: int, result: object) -> None:
    """Do nothing."""
