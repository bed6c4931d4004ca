"""Two passes over probabilities that may be larger than memory, and one more over those of several models.

The first pass reads the probability of each given label, which gives the class thresholds (and, of several models, the
weights of their pool). The second reduces each row to its statistics. Of several models a third gives the entropy of
their logarithmic pool, whose weights are learned from some rows. Everything after that is arithmetic on arrays of
length `n`; memory beyond these arrays is bounded by a budget, whatever the size of the sources.

Rows are reduced one by one and confidences are added up exactly, so the size of chunks and the number of threads change
no bit of the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Literal

import numpy as np

from labelaudit import large_pages
from labelaudit.chunks import row_slices
from labelaudit.class_statistics import ClassStatistics
from labelaudit.errors import ConfigError
from labelaudit.kernels import LogPool, MemberStatistics, RowStatistics, is_compiled, kernel_for, lookups_for
from labelaudit.kernels.arithmetic import sums_over_classes
from labelaudit.kernels.row_statistics import PROBABILITY_FLOOR
from labelaudit.pooling import equal_weights, log_pool_weights, mixture_weights
from labelaudit.probabilities import sum_tolerance
from labelaudit.sampling import gathered, sampled_rows
from labelaudit.scores import Evidence
from labelaudit.walk import Walk, pooled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import ProbSource
    from labelaudit.scores import NeighborEvidence

__all__ = ["MemberKind", "gather_evidence", "walk_for_evidence"]

_ROWS_OF_A_PART = 2**17  # rows whose confidences one thread adds up

MemberKind = Literal["models", "repeats"]


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
        Models are weighted by what they say of the given labels (:mod:`labelaudit.pooling`), repeats equally.
    neighbors : NeighborEvidence, optional
        Passed on.

    Returns
    -------
    Evidence

    Raises
    ------
    ProbabilityError
        If a source has another shape than the labels or the first source, or changes while it is read, or a row holds
        no probabilities; the first such row is named.
    ConfigError
        If an option makes no sense.
    """
    walk = Walk.over(sources, len(labels), names=names, memory=memory, threads=threads, normalize=normalize)
    return walk_for_evidence(labels, walk, members=members, neighbors=neighbors)


def walk_for_evidence(
    labels: NDArray[np.int32],
    walk: Walk,
    *,
    members: MemberKind = "models",
    neighbors: NeighborEvidence | None = None,
) -> Evidence:
    """Do as :func:`gather_evidence` over a walk that is planned already."""
    p_given = _given_probabilities(labels, walk)
    weights = _weights(labels, p_given, members)
    statistics = _class_statistics(labels, pooled(iter(p_given), weights, walk.dtype), walk)
    rows, expected = _reduce(labels, walk, statistics.thresholds, weights)
    log_pool = _log_pool(rows, walk, weights) if expected is not None and members == "models" else None
    return Evidence(
        rows=rows,
        statistics=statistics.with_joint(rows.given, rows.confident, lookups_for(walk.n_values)),
        members=_member_statistics(rows, expected, weights, log_pool) if expected is not None else None,
        neighbors=neighbors,
    )


def _given_probabilities(labels: NDArray[np.int32], walk: Walk) -> NDArray[np.floating]:
    """Return (M, n): each source's probability of the given label, 0..1; any where unlabelled.

    What is no probability is reported by the second pass, which sees whole rows.
    """
    p_given = large_pages.empty((len(walk.sources), walk.n), walk.dtype)
    lookups = lookups_for(walk.n_values)

    def gather(rows: slice) -> None:
        for m, chunk in enumerate(walk.read(rows)):
            lookups.take_given(p_given[m, rows], labels[rows], chunk)

    walk.each(gather, on_threads=is_compiled(walk.n_values))
    return p_given


def _weights(labels: NDArray[np.int32], p_given: NDArray[np.floating], members: MemberKind) -> NDArray[np.float64]:
    if members not in {"models", "repeats"}:
        raise ConfigError(f"Members are to be {members!r}.", "They are 'models' or 'repeats'.")
    if members == "repeats" or len(p_given) == 1:
        return equal_weights(len(p_given))
    return mixture_weights(p_given[:, labels >= 0])


def _class_statistics(labels: NDArray[np.int32], p_given: NDArray[np.floating], walk: Walk) -> ClassStatistics:
    lookups = lookups_for(walk.n_values)

    def of(rows: slice) -> ClassStatistics:
        return ClassStatistics.of_confidence(labels[rows], p_given[rows], walk.n_classes, lookups)

    parts = walk.on_threads(of, row_slices(walk.n, _ROWS_OF_A_PART))
    return reduce(ClassStatistics.merge, parts, of(slice(0, 0)))


def _reduce(
    labels: NDArray[np.int32], walk: Walk, thresholds: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[RowStatistics, NDArray[np.floating] | None]:
    """Return the statistics of all rows, and the members' expected entropy where there are several."""
    kernel = kernel_for(walk.n_values)
    statistics = RowStatistics.allocate(walk.n, walk.n_classes, walk.dtype)
    expected = np.zeros(walk.n, dtype=walk.dtype) if len(weights) > 1 else None
    tolerance = max(sum_tolerance(source.dtype) for source in walk.sources)

    def members(rows: slice, expected: NDArray[np.floating]) -> Iterator[NDArray[np.floating]]:
        entropy = np.empty_like(expected[rows])
        for m, chunk in enumerate(walk.read(rows)):
            if kernel.row_entropy(entropy, chunk, sum_tolerance(walk.sources[m].dtype)) >= 0:
                walk.recheck(rows, m)
            expected[rows] += entropy * weights[m]
            yield chunk

    def reduce_rows(rows: slice) -> None:
        chunks = walk.read(rows) if expected is None else members(rows, expected)
        block = pooled(chunks, weights, walk.dtype)
        if kernel.reduce_chunk(statistics.take(rows), labels[rows], block, thresholds, tolerance) >= 0:
            walk.recheck(rows, 0)

    walk.each(reduce_rows, on_threads=is_compiled(walk.n_values))
    return statistics, expected


def _log_pool(rows: RowStatistics, walk: Walk, weights: NDArray[np.float64]) -> LogPool:
    """Return what the models' logarithmic pool says of all rows, which have been checked by now."""
    sample = sampled_rows(rows, walk.n_classes * len(weights), threads=walk.threads)
    powers = log_pool_weights(gathered(walk, sample), rows.given[sample], weights).astype(walk.dtype)
    found = LogPool(entropy=large_pages.empty(walk.n, walk.dtype), other_share=large_pages.empty(walk.n, walk.dtype))

    def write(part: slice) -> None:
        # Class by class, as sums along short rows are slow.
        logs = np.zeros((walk.n_classes, part.stop - part.start), dtype=walk.dtype)
        for power, chunk in zip(powers, walk.read(part), strict=True):
            logs += power * np.log(np.maximum(chunk.T, PROBABILITY_FLOOR, dtype=walk.dtype))
        top = logs.argmax(axis=0)
        logs -= logs.max(axis=0)
        p = np.exp(logs)
        total = sums_over_classes(p)
        found.entropy[part] = np.maximum(np.log(total) - sums_over_classes(p * logs) / total, 0.0)
        p[top, np.arange(len(top))] = 0.0
        second = p.max(axis=0)  # against 1, which the first was
        found.other_share[part] = np.where(top == rows.given[part], second, 1.0) / (1.0 + second)

    walk.each(write, on_threads=is_compiled(walk.n_values))
    return found


def _member_statistics(
    rows: RowStatistics,
    expected: NDArray[np.floating],
    weights: NDArray[np.float64],
    log_pool: LogPool | None,
) -> MemberStatistics:
    return MemberStatistics(
        total=rows.entropy,
        expected=expected,
        mutual_information=np.maximum(rows.entropy - expected, 0.0),
        weights=weights,
        log_pool=log_pool,
    )
