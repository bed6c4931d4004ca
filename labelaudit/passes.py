"""Two passes over probabilities that may be larger than memory.

The first pass reads the probability of each given label, which gives the class thresholds (and, of several models, the
weights of their pool). The second reduces each row to its statistics. Everything after that is arithmetic on arrays of
length `n`; memory beyond these arrays is bounded by a budget, whatever the size of the sources.

Rows are reduced one by one and confidences are added up exactly, so the size of chunks and the number of threads change
no bit of the result.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from labelaudit.chunks import chunk_rows, read_chunk, row_slices, working_dtype
from labelaudit.class_statistics import ClassStatistics
from labelaudit.config import parse_memory
from labelaudit.errors import ConfigError
from labelaudit.kernels import MemberStatistics, RowStatistics, kernel_for
from labelaudit.pooling import equal_weights, mixture_weights
from labelaudit.probabilities import NormalizedProbs, check_block, check_shape, sum_tolerance
from labelaudit.scores import Evidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import ProbSource
    from labelaudit.scores import NeighborEvidence

__all__ = ["MemberKind", "gather_evidence"]

MemberKind = Literal["models", "repeats"]
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """How to walk over the rows of some sources."""

    sources: Sequence[ProbSource]
    names: Sequence[str]
    n: int
    n_classes: int
    dtype: np.dtype[Any]
    rows: int
    threads: int

    def map(self, function: Callable[[slice], _T]) -> Iterator[_T]:
        """Apply `function` to all slices on threads; results, and the first error, come in the order of the rows."""
        slices = row_slices(self.n, self.rows)
        if self.threads == 1:
            yield from map(function, slices)
            return
        with ThreadPoolExecutor(self.threads) as executor:
            yield from executor.map(function, slices)

    def read(self, rows: slice) -> Iterator[NDArray[np.floating]]:
        """Yield the chunk of each source."""
        for source, name in zip(self.sources, self.names, strict=True):
            yield read_chunk(source, rows, name)

    def recheck(self, rows: slice, member: int) -> None:
        """Look closely at a chunk that a kernel doubts: raise what is wrong with its first bad row."""
        chunk = np.asarray(self.sources[member][rows])
        check_block(chunk, start=rows.start, name=self.names[member])


def gather_evidence(
    labels: NDArray[np.int32],
    sources: Sequence[ProbSource],
    *,
    names: Sequence[str] | None = None,
    memory: str = "512MB",
    threads: int | None = None,
    normalize: bool = False,
    members: MemberKind = "models",
    neighbors: NeighborEvidence | None = None,
) -> Evidence:
    """Reduce one or several sources of probabilities to all that scores need.

    Parameters
    ----------
    labels : (n,) int32
        Class indices, −1 where unlabelled.
    sources : sequence of ProbSource, each (n, K)
        Out-of-sample probabilities: of one model, of several, or of several repeats of one.
    names : sequence of str, optional
        What the sources are called in messages.
    memory : str
        Budget for chunks and temporaries.
    threads : int, optional
        Default: one for each core this process may use.
    normalize : bool
        Scale rows that do not sum to 1 instead of refusing them.
    members : {"models", "repeats"}
        Models are weighted by expectation-maximisation (:func:`labelaudit.pooling.mixture_weights`), repeats equally.
    neighbors : NeighborEvidence, optional
        Passed on.

    Returns
    -------
    Evidence

    Raises
    ------
    ProbabilityError
        If a source has another shape than the labels or the first source, or a row that holds no probabilities.
    ConfigError
        If `memory` or `threads` make no sense.
    """
    plan = _plan(len(labels), sources, names, memory=memory, threads=threads, normalize=normalize)
    p_given = _given_probabilities(labels, plan)
    weights = _weights(labels, p_given, members)
    pooled = _pooled(iter(p_given), weights)
    statistics = ClassStatistics.of_confidence(labels, pooled, plan.n_classes)
    rows, expected = _reduce(labels, plan, statistics.thresholds, weights)
    return Evidence(
        rows=rows,
        statistics=statistics.with_joint(rows.given, rows.confident),
        members=_member_statistics(rows, expected, weights) if expected is not None else None,
        neighbors=neighbors,
    )


def _plan(
    n: int,
    sources: Sequence[ProbSource],
    names: Sequence[str] | None,
    *,
    memory: str,
    threads: int | None,
    normalize: bool,
) -> _Plan:
    names = names or [f"pred_probs[{m}]" if len(sources) > 1 else "pred_probs" for m in range(len(sources))]
    for source, name in zip(sources, names, strict=True):
        check_shape(source, n, int(sources[0].shape[1]) if source is not sources[0] else None, name=name)
    n_classes = int(sources[0].shape[1])
    threads = _available_cores() if threads is None else threads
    if threads < 1:
        raise ConfigError(f"There are to be {threads} threads.", "Give at least 1, or nothing for all cores.")
    if normalize:
        sources = [NormalizedProbs(source, name) for source, name in zip(sources, names, strict=True)]
    dtype = working_dtype(*(source.dtype for source in sources))
    rows = chunk_rows(n_classes, dtype.itemsize, memory=parse_memory(memory), threads=threads, sources=len(sources))
    return _Plan(sources=sources, names=names, n=n, n_classes=n_classes, dtype=dtype, rows=rows, threads=threads)


def _available_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _given_probabilities(labels: NDArray[np.int32], plan: _Plan) -> NDArray[np.floating]:
    """Return (M, n): each source's probability of the given label; anything finite where unlabelled."""
    p_given = np.empty((len(plan.sources), plan.n), dtype=plan.dtype)

    def gather(rows: slice) -> None:
        index = np.arange(rows.stop - rows.start)
        for m, chunk in enumerate(plan.read(rows)):
            p_given[m, rows] = chunk[index, labels[rows]]

    for _ in plan.map(gather):
        pass
    # What is no probability is reported by the second pass, which sees whole rows.
    return np.clip(np.nan_to_num(p_given, copy=False), 0.0, 1.0, out=p_given)


def _weights(labels: NDArray[np.int32], p_given: NDArray[np.floating], members: MemberKind) -> NDArray[np.float64]:
    if members == "models":
        return mixture_weights(p_given[:, labels >= 0])
    if members == "repeats":
        return equal_weights(len(p_given))
    raise ConfigError(f"Members are to be {members!r}.", "They are 'models' or 'repeats'.")


def _pooled(parts: Iterator[NDArray[np.floating]], weights: NDArray[np.float64]) -> NDArray[np.floating]:
    """Return ``Σ_m w_m part_m``, one part at a time; a sole part is returned as it is."""
    first = next(parts)
    if len(weights) == 1:
        return first
    total = first * first.dtype.type(weights[0])
    for weight, part in zip(weights[1:], parts, strict=True):
        total += part * part.dtype.type(weight)
    return total


def _reduce(
    labels: NDArray[np.int32], plan: _Plan, thresholds: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[RowStatistics, NDArray[np.floating] | None]:
    """Return the statistics of all rows, and the members' expected entropy where there are several."""
    kernel = kernel_for(plan.n * plan.n_classes * len(plan.sources))
    statistics = RowStatistics.allocate(plan.n, plan.n_classes, plan.dtype)
    expected = np.zeros(plan.n, dtype=plan.dtype) if len(weights) > 1 else None
    tolerance = max(sum_tolerance(source.dtype) for source in plan.sources)

    def members(rows: slice, expected: NDArray[np.floating]) -> Iterator[NDArray[np.floating]]:
        entropy = np.empty_like(expected[rows])
        for m, chunk in enumerate(plan.read(rows)):
            if kernel.row_entropy(entropy, chunk, sum_tolerance(plan.sources[m].dtype)) >= 0:
                plan.recheck(rows, m)
            expected[rows] += entropy * weights[m]
            yield chunk

    def reduce(rows: slice) -> None:
        chunks = plan.read(rows) if expected is None else members(rows, expected)
        pooled = _pooled(chunks, weights)
        if kernel.reduce_chunk(statistics.take(rows), labels[rows], pooled, thresholds, tolerance) >= 0:
            plan.recheck(rows, 0)

    for _ in plan.map(reduce):
        pass
    return statistics, expected


def _member_statistics(
    rows: RowStatistics, expected: NDArray[np.floating], weights: NDArray[np.float64]
) -> MemberStatistics:
    return MemberStatistics(
        total=rows.entropy,
        expected=expected,
        mutual_information=np.maximum(rows.entropy - expected, 0.0),
        weights=weights,
    )
