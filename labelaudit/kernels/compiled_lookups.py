"""The lookups compiled: without the GIL and without temporaries, the bits of :mod:`labelaudit.kernels.lookups`.

Importing this module imports numba, so it is imported where there is enough data to be worth it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels import lookups
from labelaudit.kernels.compiling import compiled, read_only
from labelaudit.kernels.lookups import LIMB_BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.lookups import MarginPlan

__all__ = ["add_confidence", "count_pairs", "take_given", "take_margins"]

_LIMB = 2.0**LIMB_BITS


def take_given(out: NDArray[np.floating], labels: NDArray[np.int32], pred_probs: NDArray[np.floating]) -> None:
    """Look up the given probabilities; parameters as :func:`labelaudit.kernels.lookups.take_given`."""
    if pred_probs.flags.c_contiguous:
        _take_given(out, read_only(labels), read_only(pred_probs))
    else:  # to copy all columns for one value of each row is worse than to wait
        lookups.take_given(out, labels, pred_probs)


def add_confidence(sums: NDArray[np.int64], labels: NDArray[np.int32], p_given: NDArray[np.floating]) -> None:
    """Add up counts and confidences; parameters as :func:`labelaudit.kernels.lookups.add_confidence`."""
    _add_confidence(sums, read_only(labels), read_only(p_given))


def count_pairs(cells: NDArray[np.int64], first: NDArray[np.int32], second: NDArray[np.int32]) -> None:
    """Count pairs of classes; parameters as :func:`labelaudit.kernels.lookups.count_pairs`."""
    _count_pairs(cells, read_only(first), read_only(second))


def take_margins(
    out: NDArray[np.floating],
    rows: slice,
    labels: NDArray[np.int32],
    pred_probs: NDArray[np.floating],
    plan: MarginPlan,
) -> None:
    """Read margins; parameters as :func:`labelaudit.kernels.lookups.take_margins`."""
    if pred_probs.flags.c_contiguous:
        wanted = (read_only(array) for array in plan._replace(place=plan.place[rows]))
        _take_margins(out, read_only(labels), read_only(pred_probs), *wanted)
    else:
        lookups.take_margins(out, rows, labels, pred_probs, plan)


@compiled
def _take_given(out, labels, p):
    for i in range(len(labels)):
        value = p[i, max(labels[i], 0)]
        bounded = value if value > 0 else p.dtype.type(0)  # NaN is not
        out[i] = bounded if bounded < 1 else p.dtype.type(1)


@compiled
def _add_confidence(sums, labels, p_given):
    for i in range(len(labels)):
        k = labels[i]
        if k >= 0:
            scaled = np.float64(p_given[i]) * _LIMB
            high = np.floor(scaled)
            sums[0, k] += 1
            sums[1, k] += np.int64(high)
            sums[2, k] += np.int64(np.rint((scaled - high) * _LIMB))


@compiled
def _count_pairs(cells, first, second):
    for i in range(len(first)):
        if first[i] >= 0 and second[i] >= 0:
            cells[first[i], second[i]] += 1


@compiled
def _take_margins(out, labels, p, place, columns, first, width, stride):
    for i in range(len(labels)):
        if place[i] >= 0:
            k = labels[i]
            for t in range(width[k]):
                out[place[i] + t * stride[k]] = p[i, k] - p[i, columns[first[k] + t]]
