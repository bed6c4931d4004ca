"""Work on threads: NumPy and the compiled kernels let go of the interpreter, so no processes are needed.

How many threads there are never changes a result.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from queue import SimpleQueue
from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from labelaudit import large_pages

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["available_cores", "columns_in_blocks", "in_blocks", "map_blocks", "on_threads", "side_by_side"]

_ROWS = 131_072
"""Rows of a block: few blocks, as threads wait for the interpreter's lock between the steps of each, but no more rows
than leave temporaries near the cache. The same for all numbers of threads, so that sums of blocks are, too."""

_T = TypeVar("_T")
_Other = TypeVar("_Other")
_Item = TypeVar("_Item")


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_threads(function: Callable[[_Item], _T], items: Iterable[_Item], threads: int) -> Iterator[_T]:
    """Apply `function` to all items on threads; results, and the first error, come in the order of the items.

    The caller is one of the threads and begins at once; the others are helpers that wait for work, as starting a thread
    for each call, and giving back its memory, takes longer than many a call has to do. Calls may be nested: one that
    finds all helpers busy does its work alone.
    """
    items = list(items)
    n_helpers = min(threads, len(items)) - 1
    if n_helpers <= 0:
        yield from map(function, items)
        return
    work = _Work(function, items)
    _helpers.ask(work, n_helpers)
    try:
        work.do()
    except BaseException:
        work.stopped = True  # the caller was interrupted
        raise
    finally:
        work.close()
    yield from work.results()


class _Work(Generic[_Item, _T]):
    """Items that threads take in turn, until there are none or one fails."""

    def __init__(self, function: Callable[[_Item], _T], items: Sequence[_Item]) -> None:
        self.function = function
        self.items = items
        self.stopped = False
        self._turns = count()  # its next() cannot be interrupted by another thread
        self._done: dict[int, _T] = {}
        self._errors: dict[int, BaseException] = {}
        self._helping = 0
        self._closed = False
        self._change = Condition()

    def do(self) -> None:
        """Take items and work on them."""
        for turn in self._turns:
            if self.stopped or turn >= len(self.items):
                return
            try:
                self._done[turn] = self.function(self.items[turn])
            except BaseException as error:  # noqa: BLE001 -- whatever it is, the caller raises it
                self._errors[turn] = error
                self.stopped = True

    def help(self) -> None:
        """Do as the caller does, if it is still at work."""
        with self._change:
            if self._closed:
                return
            self._helping += 1
        self.do()
        with self._change:
            self._helping -= 1
            self._change.notify()

    def close(self) -> None:
        """Let nobody begin to help, and wait for those who do."""
        with self._change:
            self._closed = True
            while self._helping:
                self._change.wait()

    def results(self) -> Iterator[_T]:
        """Yield the results in the order of the items; the first error takes the place of all."""
        if self._errors:  # items before it were taken before it, so that no earlier one is missed
            raise self._errors[min(self._errors)]
        for turn in range(len(self.items)):
            yield self._done[turn]


class _Helpers:
    """Threads that wait for work: as many as the call that asked for most."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Be without threads, as in a child process, which has none of its parent's."""
        self._asked: SimpleQueue[_Work[Any, Any]] = SimpleQueue()
        self._n_threads = 0
        self._lock = Lock()

    def ask(self, work: _Work[Any, Any], n: int) -> None:
        """Let up to `n` threads help with some work."""
        with self._lock:
            for _ in range(self._n_threads, n):
                Thread(target=self._serve, daemon=True).start()
            self._n_threads = max(self._n_threads, n)
        for _ in range(n):
            self._asked.put(work)

    def _serve(self) -> None:
        while True:
            self._asked.get().help()  # by no name, which would keep what is finished in memory


_helpers = _Helpers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.begin)


def in_blocks(
    function: Callable[[slice], NDArray[Any]], n: int, threads: int | None = None, dtype: DTypeLike = np.float64
) -> NDArray[Any]:
    """Compute an array block by block, as arithmetic on one item at a time allows.

    Parameters
    ----------
    function : callable
        Takes a slice of rows and returns their values; row by row, so that the blocks change nothing.
    n : int
        Number of rows.
    threads : int, optional
        Default: one for each core this process may use.
    dtype : dtype
        Of the result.

    Returns
    -------
    (n,) array of `dtype`

    Examples
    --------
    >>> x = np.arange(4.0)
    >>> in_blocks(lambda rows: 2.0 * x[rows], 4).tolist()
    [0.0, 2.0, 4.0, 6.0]
    """
    out = large_pages.empty(n, dtype)

    def fill(rows: slice) -> None:
        out[rows] = function(rows)

    for _ in map_blocks(fill, n, threads):
        pass
    return out


def columns_in_blocks(
    function: Callable[[slice], Iterable[tuple[str, NDArray[Any]]]], n: int, threads: int | None = None
) -> dict[str, NDArray[Any]]:
    """Compute several arrays block by block: what they share is read once, and temporaries stay in the cache.

    Parameters
    ----------
    function : callable
        Takes a slice of rows and yields the names and values of the columns; row by row, so that the blocks change
        nothing. It is tried on no rows, to see which columns there are.
    n : int
        Number of rows.
    threads : int, optional
        Default: one for each core this process may use.

    Returns
    -------
    dict of str to (n,) array
        All columns of one type lie in one piece of memory.

    Examples
    --------
    >>> x = np.arange(4.0)
    >>> columns_in_blocks(lambda rows: [("double", 2 * x[rows]), ("square", x[rows] ** 2)], 4)["square"].tolist()
    [0.0, 1.0, 4.0, 9.0]
    """
    types = {name: values.dtype for name, values in function(slice(0, 0))}
    columns: dict[str, NDArray[Any]] = {}
    for dtype in dict.fromkeys(types.values()):
        some = [name for name in types if types[name] == dtype]
        columns |= zip(some, large_pages.empty((len(some), n), dtype), strict=True)

    def fill(rows: slice) -> None:
        for name, values in function(rows):
            columns[name][rows] = values

    for _ in map_blocks(fill, n, threads):
        pass
    return {name: columns[name] for name in types}


def map_blocks(function: Callable[[slice], _T], n: int, threads: int | None = None) -> Iterator[_T]:
    """Apply `function` to the slices that cover ``0 .. n``, on threads (default: one for each core), in their order."""
    blocks = [slice(start, min(start + _ROWS, n)) for start in range(0, max(n, 1), _ROWS)]
    return on_threads(function, blocks, threads or available_cores())


def side_by_side(
    first: Callable[[], _T], second: Callable[[], _Other], *, n: int, threads: int | None = None
) -> tuple[_T, _Other]:
    """Call functions that work on arrays of `n` rows side by side, or in turn where a thread is not worth starting."""
    tasks: list[Callable[[], Any]] = [first, second]
    found, other = on_threads(lambda task: task(), tasks, (threads or available_cores()) if n > _ROWS else 1)
    return found, other
