"""Tasks on threads of this process: for tasks that are over before a process of their own would have started.

Threads gain only where tasks spend their time in NumPy, SciPy and other libraries that let go of the interpreter, and
tasks must leave alone what a process has once: global random generators, the list of warning filters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import partial
from typing import TypeVar

from labelaudit.engines._here import WorkersHere, load_threaded_libraries

__all__ = ["PLUGIN", "ThreadEngine"]

T = TypeVar("T")
R = TypeVar("R")


class ThreadEngine(WorkersHere):
    """Runs tasks on up to `workers` threads.

    Parameters
    ----------
    workers : int
        Threads at once; 0 for as many as there are cores.
    """

    @property
    def isolated(self) -> bool:
        """Whether no two tasks run at the same time, since all share this process."""
        return self.workers == 1

    def at_once(self, function: Callable[[T], R], tasks: Sequence[T], tell: Callable[[int, R], None]) -> Iterator[R]:
        """Yield the results in order; tell of each task as soon as it is finished."""
        return _at_once(function, tasks, tell, self.workers)


PLUGIN = ThreadEngine


def _at_once(
    function: Callable[[T], R], tasks: Sequence[T], tell: Callable[[int, R], None], workers: int
) -> Iterator[R]:
    from threadpoolctl import ThreadpoolController

    finished: dict[int, R] = {}
    following = 0
    load_threaded_libraries()
    libraries = ThreadpoolController()  # looking for them takes as long as a small task: once for all threads
    # BLAS has one limit for the process, OpenMP one for each thread.
    pool = ThreadPoolExecutor(
        min(workers, len(tasks)), initializer=partial(libraries.limit, limits=1, user_api="openmp")
    )
    try:
        with libraries.limit(limits=1):
            running: dict[Future[R], int] = {pool.submit(function, task): i for i, task in enumerate(tasks)}
            for future in as_completed(running):
                index = running[future]
                finished[index] = future.result()
                tell(index, finished[index])
                while following in finished:
                    yield finished.pop(following)
                    following += 1
    finally:
        # Reached by an error, by Ctrl-C and by a caller that stops early: what has not begun never will.
        pool.shutdown(wait=True, cancel_futures=True)
