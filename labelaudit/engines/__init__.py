"""Engines: where independent tasks run. One verb, results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from labelaudit.registry import Registry

__all__ = ["ENGINES", "Engine", "EngineMaker"]

T = TypeVar("T")
R = TypeVar("R")


@runtime_checkable
class Engine(Protocol):
    """Runs a function over tasks, here or elsewhere.

    The result must not depend on where or how many at once: each task runs with one BLAS and OpenMP thread, and gets
    nothing but the function and itself.

    Attributes
    ----------
    isolated : bool
        Whether each task has to itself what a process has once, such as global random generators and warning filters.
    """

    @property
    def isolated(self) -> bool:
        """Whether tasks do not share a process at the same time."""
        ...

    def map(
        self, function: Callable[[T], R], tasks: Sequence[T], *, on_done: Callable[[int, R], None] | None = None
    ) -> Iterator[R]:
        """Yield ``function(task)`` for each task, in the order of `tasks`.

        Parameters
        ----------
        function : callable
            Must be picklable where processes cannot be forked.
        tasks : sequence
            Tasks.
        on_done : callable, optional
            Called as ``on_done(index, result)`` in this process as soon as a task is finished, in any order.

        Raises
        ------
        EngineError
            If a worker process dies.
        Exception
            What `function` raised; no other task is started, and running ones are stopped.
        """
        ...


EngineMaker = Callable[[int], Engine]
"""What an engine plugin is: called with the number of workers (0: as many as there are cores), it gives an engine."""

ENGINES: Registry[EngineMaker] = Registry("engine", "labelaudit.engines", Callable)
"""Engines by name."""
