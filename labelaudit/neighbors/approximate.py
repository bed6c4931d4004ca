"""Approximate nearest neighbours by an inverted file (the optional extra ``ann``)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import util
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import MissingExtraError
from labelaudit.neighbors.exact import threads_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.neighbors.space import VectorSpace

__all__ = ["InvertedFile", "is_installed"]

_BLOCK = 16_384
_TRAINING_POINTS = 50  # for each cell: enough for cells of even size, and training stays a small part of the search
_TRAINING_ROUNDS = 10


def is_installed() -> bool:
    """Return whether the package behind the approximate index can be imported."""
    return util.find_spec("faiss") is not None


@dataclass(frozen=True, eq=False)
class InvertedFile:
    """Vectors in the cells of a k-means; a search looks into the few cells nearest to the query.

    The inverted file is that of Sivic & Zisserman (2003). It was chosen over graph indices because it gives the same
    result whatever the number of threads, which graphs built in parallel do not. The index holds a float32 copy of
    all vectors in memory.
    """

    index: Any
    rows: NDArray[np.int32]
    space: VectorSpace
    threads: int

    @classmethod
    def build(cls, space: VectorSpace, *, threads: int | None) -> InvertedFile:
        """Build the index over the usable rows.

        Raises
        ------
        MissingExtraError
            If faiss is not installed.
        """
        try:
            import faiss
        except ImportError as error:
            raise MissingExtraError.of("An approximate neighbour index", "faiss-cpu", "ann") from error
        rows = np.flatnonzero(space.usable).astype(np.int32)
        n_columns = int(space.source.shape[1])
        # About √n cells of √n rows balance the two parts of a search; four times as many suit a search of all rows.
        n_cells = max(1, min(int(4 * math.sqrt(len(rows))), len(rows) // _TRAINING_POINTS))
        n_threads = threads_within(1, memory=2**40, threads=threads)
        faiss.omp_set_num_threads(n_threads)
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(n_columns), n_columns, n_cells, faiss.METRIC_L2)
        index.cp.seed, index.cp.niter, index.cp.max_points_per_centroid = 0, _TRAINING_ROUNDS, _TRAINING_POINTS
        index.cp.min_points_per_centroid = 1  # few points are no reason to write to stderr
        sample = np.random.default_rng(0).choice(len(rows), min(len(rows), n_cells * _TRAINING_POINTS), replace=False)
        index.train(space.around_middle(rows[np.sort(sample)]))
        for start in range(0, len(rows), _BLOCK):
            index.add(space.around_middle(rows[start : start + _BLOCK]))
        return cls(index, rows, space, n_threads)

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return int(self.index.nlist)

    def candidates(self, rows: NDArray[np.intp], k: int, *, probes: int) -> NDArray[np.int32]:
        """Return (q, k) nearest others of each of `rows` in the `probes` nearest cells; −1 where there are fewer."""
        import faiss

        faiss.omp_set_num_threads(self.threads)
        self.index.nprobe = min(probes, self.n_cells)
        found = np.full((len(rows), k), -1, dtype=np.int32)
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            _, positions = self.index.search(self.space.around_middle(part), k + 1)
            others = np.where(positions >= 0, self.rows[positions], -1)
            found[start : start + len(part)] = _without(part, others)
        found[~self.space.usable[rows]] = -1
        return found


def _without(rows: NDArray[np.intp], others: NDArray[np.int32]) -> NDArray[np.int32]:
    """Drop each row from its own list, or the last entry where it is not in it (crowded out by copies)."""
    own = others == rows[:, None]
    own[~own.any(axis=1), -1] = True
    kept: NDArray[np.int32] = others[~own].reshape(len(rows), -1)
    return kept
