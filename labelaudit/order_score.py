"""The order score: the sum of the terms of suspicion, and the terms that explanations follow from, in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelaudit import large_pages
from labelaudit.kernels import is_compiled
from labelaudit.suspicion import TELL_WHICH, Weighing, log_margin
from labelaudit.threads import columns_in_blocks, map_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from labelaudit.kernels import RowStatistics

__all__ = ["Scored", "scored"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scored:
    """Terms and order score of `n` rows.

    Attributes
    ----------
    terms : dict of str to (n,) float
        Where the rows are of corrected probabilities, their margin is split into the model's own and what recalibration
        adds, so that reasons can tell them apart.
    score : (n,) float64
        Sum of the terms.
    n_above : list of int
        How many sums of the terms that tell how many labels are wrong, not which, exceed each cut.
    """

    terms: dict[str, NDArray[np.floating]]
    score: NDArray[np.float64]
    n_above: list[int]


def scored(weighing: Weighing, said: RowStatistics | None = None, *, threads: int | None = None) -> Scored:
    """Compute the terms of all rows and add them up.

    Parameters
    ----------
    weighing : Weighing
        What was learned from the rows.
    said : RowStatistics, optional
        Where its rows are of corrected probabilities: what the model says of the same items.
    threads : int, optional
        Default: one for each core. Never changes the result.
    """
    rows = weighing.rows
    table = np.empty((0, 0)) if weighing.confusion is None else weighing.confusion.table
    is_large = is_compiled(len(rows) * rows.n_classes) and rows.p_given.dtype == np.float32
    if is_large and table is not None and weighing.votes is None:
        return _scored_compiled(weighing, table, said, threads)
    return _scored_in_numpy(weighing, said, threads)


def _scored_in_numpy(weighing: Weighing, said: RowStatistics | None, threads: int | None) -> Scored:
    cuts = weighing.calibration.cut, weighing.calibration.cut_if_all
    above = []

    def columns(part: slice) -> Iterator[tuple[str, NDArray[np.floating]]]:
        terms = dict(weighing.terms(part))
        score = np.zeros(len(terms["margin"]))
        for name in (name for name in terms if name not in TELL_WHICH):
            score += terms[name]
        above.append([np.count_nonzero(score > cut) for cut in cuts])
        for name in (name for name in terms if name in TELL_WHICH):
            score += terms[name]
        if said is not None:
            own = log_margin(said.take(part))
            terms |= {"margin": own, "recalibration": terms["margin"] - own}
        yield from terms.items()
        yield "score", score

    found = columns_in_blocks(columns, len(weighing.rows), threads)
    return Scored(score=found.pop("score"), terms=found, n_above=np.sum(above, axis=0).tolist())


def _scored_compiled(
    weighing: Weighing, table: NDArray[np.floating], said: RowStatistics | None, threads: int | None
) -> Scored:
    from labelaudit.kernels.compiled_terms import Columns, Constants, write_terms

    rows, n = weighing.rows, len(weighing.rows)
    absent = {
        name for name, is_absent in (("confusion", len(table) == 0), ("recalibration", said is None)) if is_absent
    }
    names = [name for name in Columns._fields if name not in {"score", *absent}]
    terms = dict(zip(names, large_pages.empty((len(names), n), np.float32), strict=True))
    whole = Columns(large_pages.empty(n, np.float64), **terms, **dict.fromkeys(absent, np.empty(0, np.float32)))
    constants = Constants(
        spread_share=np.float32(weighing.spread_share),
        doubt=np.float32(weighing.doubt),
        largest_entropy=np.float32(weighing.largest_entropy),
        confusion=table.astype(np.float32, copy=False),
        cuts=np.array([weighing.calibration.cut, weighing.calibration.cut_if_all]),
    )

    def write(part: slice) -> NDArray[np.int64]:
        return write_terms(whole.take(part), rows.take(part), None if said is None else said.take(part), constants)

    above = np.sum(list(map_blocks(write, n, threads)), axis=0).tolist()
    return Scored(terms=terms, score=whole.score, n_above=above)
