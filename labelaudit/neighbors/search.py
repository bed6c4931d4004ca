"""The nearest neighbours of every item."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from labelaudit.config import parse_memory
from labelaudit.errors import ConfigError, MissingExtraError
from labelaudit.neighbors.approximate import InvertedFile, is_installed
from labelaudit.neighbors.copies import first_copies
from labelaudit.neighbors.exact import exact_candidates
from labelaudit.neighbors.space import Reordered, open_space

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.neighbors.space import VectorSpace

__all__ = ["EXACT_UP_TO", "Neighbors", "find_neighbors"]

EXACT_UP_TO = 100_000
"""Largest number of items that ``approximate="auto"`` searches exactly; `docs/neighbors.md` has the times behind
it."""

_SPARE = 8  # candidates beyond k, so that rounding in float32 products cannot push a true neighbour out
_LARGEST = float(np.finfo(np.float32).max)  # infinite means that there is no neighbour
_RECALL_ITEMS = 1000
_RECALL_WANTED = 0.95


@dataclass(frozen=True, eq=False, kw_only=True)
class Neighbors:
    """The `k` nearest neighbours of `n` items, nearest first; ties go to the lower row, or as `order` says.

    Attributes
    ----------
    indices : (n, k) int32
        Rows of the neighbours; −1 where an item has fewer. No item is its own neighbour.
    distances : (n, k) float32
        Their distances, in the metric asked for (cosine: 0..2); infinite where there is no neighbour.
    copy_of : (n,) int32
        Lowest row with exactly the same vector, which is the item's own row if it is the first or only one; −1 for
        items without a usable vector.
    exact : bool
        Whether the search was exact.
    recall : float
        Share of the true neighbours that were found: 1 if exact, else measured on a sample of the items.
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]
    copy_of: NDArray[np.int32]
    exact: bool
    recall: float

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def k(self) -> int:
        """Number of neighbours asked for."""
        return int(self.indices.shape[1])


def find_neighbors(
    vectors: Any,
    *,
    k: int = 10,
    metric: str = "cosine",
    threads: int | None = None,
    memory: str = "512MB",
    approximate: Literal["auto"] | bool = "auto",
    order: NDArray[np.intp] | None = None,
) -> Neighbors:
    """Find the nearest neighbours of every row among all other rows.

    The result depends on nothing but the vectors, `k`, `metric` and whether the search is approximate: not on threads
    or memory. Rows with NaN or infinities, and zero vectors under the cosine metric (they have no direction), have no
    neighbours and are nobody's.

    Parameters
    ----------
    vectors : (n, d) array of numbers
        Embeddings or features; may be a memory map, which stays on disk unless the search is approximate.
    k : int
        Neighbours of each item.
    metric : {"cosine", "euclidean"}
        How distance is measured.
    threads : int, optional
        Threads at most; default: as many as the process may use.
    memory : str
        Budget for temporaries, such as ``"512MB"``; the least possible is about 40 MB. An approximate index also
        holds the vectors as float32.
    approximate : {"auto", True, False}
        ``"auto"`` searches exactly up to `EXACT_UP_TO` items and approximately above.
    order : (n,) intp, optional
        A permutation of the rows, such as that which sorts the items' ids. Of equally far items the one that comes
        first in it is the nearer, so that shuffled data give the same neighbours. Default: the order of the rows.

    Returns
    -------
    Neighbors

    Raises
    ------
    ConfigError
        If `k`, `threads` or `approximate` is out of range, or `order` is no permutation.
    UnknownNameError
        If there is no such metric.
    DataError
        If `vectors` is not a two-dimensional array of numbers.
    MissingExtraError
        If the search is approximate and faiss is not installed.

    Examples
    --------
    >>> found = find_neighbors([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], k=1)
    >>> found.indices.ravel().tolist(), found.exact
    ([1, 0, 1], True)
    """
    _check(k, threads, approximate)
    if order is not None:
        ordered = Reordered(np.asanyarray(vectors), _checked_order(order, len(vectors)))
        options: dict[str, Any] = {"threads": threads, "memory": memory, "approximate": approximate}
        return _put_back(find_neighbors(ordered, k=k, metric=metric, **options), ordered.order)
    space = open_space(vectors, metric)
    budget = parse_memory(memory)
    wanted = max(0, min(k + _SPARE, int(space.usable.sum()) - 1))
    exact = wanted == 0 or not _goes_approximate(approximate, len(space))
    if exact:
        rows = np.arange(len(space))
        candidates, recall = exact_candidates(space, rows, wanted, memory=budget, threads=threads), 1.0
    else:
        candidates, recall = _approximate(space, wanted, k, memory=budget, threads=threads)
    indices, distances = _nearest_first(space, candidates, k)
    return Neighbors(indices=indices, distances=distances, copy_of=first_copies(space), exact=exact, recall=recall)


def _check(k: int, threads: int | None, approximate: object) -> None:
    if k < 1:
        raise ConfigError(f"The number of neighbours is {k}.", "It must be at least 1.")
    if threads is not None and threads < 1:
        raise ConfigError(f"The number of threads is {threads}.", "It must be at least 1, or None for all cores.")
    if approximate not in ("auto", True, False):
        raise ConfigError(f"The option 'approximate' is {approximate!r}.", "It must be 'auto', True or False.")


def _checked_order(order: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    order = np.asarray(order, dtype=np.intp)
    if order.shape != (n,) or not np.array_equal(np.sort(order), np.arange(n)):
        raise ConfigError(f"The order is no permutation of the {n} rows.", "Give each row's index exactly once.")
    return order


def _put_back(found: Neighbors, order: NDArray[np.intp]) -> Neighbors:
    """Translate neighbours of reordered rows into those of the rows as they were."""
    place = np.argsort(order)
    row_of = np.append(order, -1).astype(np.int32)  # index −1 stays −1
    return replace(
        found,
        indices=row_of[found.indices[place]],
        distances=found.distances[place],
        copy_of=row_of[found.copy_of[place]],
    )


def _goes_approximate(approximate: Literal["auto"] | bool, n: int) -> bool:
    if approximate != "auto":
        return bool(approximate)
    if n > EXACT_UP_TO and not is_installed():
        missing = MissingExtraError.of(f"An approximate search among {n:,} items", "faiss-cpu", "ann")
        raise MissingExtraError(
            missing.problem, f"{missing.fix} Or turn neighbours off, or search with approximate=False."
        )
    return n > EXACT_UP_TO


def _approximate(
    space: VectorSpace, wanted: int, k: int, *, memory: int, threads: int | None
) -> tuple[NDArray[np.int32], float]:
    """Search with as few cells as reach the wanted recall on a sample of the items."""
    index = InvertedFile.build(space, threads=threads)
    usable = np.flatnonzero(space.usable)
    sample = np.sort(np.random.default_rng(0).choice(usable, min(_RECALL_ITEMS, len(usable)), replace=False))
    truth = exact_candidates(space, sample, min(k, wanted), memory=memory, threads=threads)
    probes = 8
    while True:
        found = index.candidates(sample, wanted, probes=probes)
        recall = float(np.mean((truth[:, :, None] == found[:, None, :]).any(axis=2)))
        if recall >= _RECALL_WANTED or probes >= index.n_cells:
            break
        probes *= 2
    return index.candidates(np.arange(len(space)), wanted, probes=probes), recall


def _nearest_first(
    space: VectorSpace, candidates: NDArray[np.int32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Order candidates by their distance, ties by row, and keep `k`."""
    indices = np.full((len(candidates), k), -1, dtype=np.int32)
    distances = np.full((len(candidates), k), np.inf, dtype=np.float32)
    kept = min(k, candidates.shape[1])
    for start in range(0, len(candidates), 4096):
        rows = slice(start, start + 4096)
        part = candidates[rows]
        gaps = np.where(part >= 0, space.distances(rows, part), np.inf)
        # Ties are of float32: in float64 the rounding of the centre would decide between equals.
        order = np.lexsort((part, gaps.astype(np.float32)), axis=1)[:, :kept]
        indices[rows, :kept] = np.take_along_axis(part, order, axis=1)
        near = np.take_along_axis(gaps, order, axis=1)
        distances[rows, :kept] = np.where(np.isinf(near), near, np.minimum(near * space.unit, _LARGEST))
    return indices, distances
