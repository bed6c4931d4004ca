"""Walking over the rows of one or several sources, chunk by chunk, on threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from labelaudit.chunks import chunk_rows, read_chunk, row_slices, working_dtype
from labelaudit.config import parse_memory
from labelaudit.errors import ConfigError, ProbabilityError
from labelaudit.probabilities import NormalizedProbs, check_block, check_shape
from labelaudit.threads import available_cores, on_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import ProbSource

__all__ = ["Walk", "pooled"]

_WORTH_A_THREAD = 2**17  # probabilities that take longer than starting a thread

_T = TypeVar("_T")
_Item = TypeVar("_Item")


@dataclass(frozen=True, eq=False, kw_only=True)
class Walk:
    """How to walk over the rows of some sources of equal shape.

    Attributes
    ----------
    sources : tuple of ProbSource, each (n, K)
        What is read.
    names : tuple of str
        What the sources are called in messages.
    dtype : numpy dtype
        Precision to compute in, float32 or float64.
    rows : int
        Rows of a chunk.
    threads : int
        Chunks in work at once.
    memory : int
        Budget in bytes.
    """

    sources: tuple[ProbSource, ...]
    names: tuple[str, ...]
    dtype: np.dtype[Any]
    rows: int
    threads: int
    memory: int

    @classmethod
    def over(
        cls,
        sources: Sequence[ProbSource],
        n: int,
        *,
        names: Sequence[str] | None = None,
        memory: str = "512MB",
        threads: int | None = None,
        normalize: bool = False,
    ) -> Walk:
        """Plan a walk over `sources` of `n` rows each.

        Raises
        ------
        ProbabilityError
            If there is no source, or one has other rows than `n`, or other columns than the first.
        ConfigError
            If `memory` or `threads` make no sense.
        """
        if not sources:
            raise ProbabilityError("There are no predicted probabilities.", "Give at least one (n, K) array.")
        names = names or _names(len(sources))
        for m, (source, name) in enumerate(zip(sources, names, strict=True)):
            check_shape(source, n, int(sources[0].shape[1]) if m else None, name=name)
        threads = available_cores() if threads is None else threads
        if threads < 1:
            raise ConfigError(f"There are to be {threads} threads.", "Give at least 1, or nothing for all cores.")
        if normalize:
            sources = [NormalizedProbs(source, name) for source, name in zip(sources, names, strict=True)]
        dtype = working_dtype(*(source.dtype for source in sources))
        budget = parse_memory(memory)
        n_classes = int(sources[0].shape[1])
        rows = chunk_rows(n_classes, dtype.itemsize, memory=budget, threads=threads, sources=len(sources))
        rows = min(rows, max(-(-n // threads), _WORTH_A_THREAD // n_classes, 1))
        return cls(sources=tuple(sources), names=tuple(names), dtype=dtype, rows=rows, threads=threads, memory=budget)

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.sources[0].shape[0])

    @property
    def n_classes(self) -> int:
        """Number of classes ``K``."""
        return int(self.sources[0].shape[1])

    @property
    def n_values(self) -> int:
        """Number of probabilities in all sources."""
        return self.n * self.n_classes * len(self.sources)

    def on_threads(self, function: Callable[[_Item], _T], items: Iterable[_Item]) -> Iterator[_T]:
        """Apply `function` to all items on threads; results, and the first error, come in the order of the items."""
        return on_threads(function, items, self.threads)

    def map(self, function: Callable[[slice], _T]) -> Iterator[_T]:
        """Apply `function` to the slices of all chunks on threads, in the order of the rows."""
        return self.on_threads(function, row_slices(self.n, self.rows))

    def each(self, function: Callable[[slice], None], *, on_threads: bool = True) -> None:
        """Apply `function` to all slices, on threads or, where these would only wait for each other, in turn."""
        for _ in self.map(function) if on_threads else map(function, row_slices(self.n, self.rows)):
            pass

    def read(self, rows: slice) -> Iterator[NDArray[np.floating]]:
        """Yield the chunk of each source, in its own precision of float32 or float64."""
        for source, name in zip(self.sources, self.names, strict=True):
            yield read_chunk(source, rows, name)

    def pooled(self, rows: slice, weights: NDArray[np.float64]) -> NDArray[np.floating]:
        """Return the weighted sum of all sources' chunks; a sole source is returned as it is."""
        return pooled(self.read(rows), weights, self.dtype)

    def recheck(self, rows: slice, member: int) -> None:
        """Look closely at a chunk that a kernel doubts: raise what is wrong with its first bad row."""
        chunk = np.asarray(self.sources[member][rows])
        check_block(chunk, start=rows.start, name=self.names[member])


def pooled(
    parts: Iterator[NDArray[np.floating]], weights: NDArray[np.float64], dtype: np.dtype[Any]
) -> NDArray[np.floating]:
    """Return ``Σ_m w_m part_m`` while holding one part at a time; a sole part is returned as it is."""
    if len(weights) == 1:
        return next(parts)
    scales = weights.astype(dtype)
    total: NDArray[np.floating] = scales[0] * next(parts)
    for scale, part in zip(scales[1:], parts, strict=True):
        total += scale * part
    return total


def _names(n_sources: int) -> list[str]:
    return ["pred_probs"] if n_sources == 1 else [f"pred_probs[{m}]" for m in range(n_sources)]
