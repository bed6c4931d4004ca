"""Above which suspicion a label is worth a flag; `docs/ranking.md` gives the reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labelaudit.class_statistics import ClassStatistics
from labelaudit.kernels import lookups_for
from labelaudit.kernels.row_statistics import CONFIDENT_SLACK
from labelaudit.threads import map_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels import RowStatistics

__all__ = ["Contradictions", "middle_line", "worth_flagging"]


class Contradictions(NamedTuple):
    """How many labels contradict the model, among all rows and among those of which it is confident.

    A row is confident where its greatest probability reaches the threshold of that class in confident learning: the
    mean probability of the given label over the rows labelled so (Northcutt et al. 2021).
    """

    n_rows: int
    n_contradicting: int
    n_confident: int
    n_confident_contradicting: int

    @classmethod
    def of(cls, rows: RowStatistics, *, threads: int | None = None) -> Contradictions:
        """Count them among labelled rows; the number of threads never changes the result."""
        lookups = lookups_for(len(rows) * rows.n_classes)
        thresholds = ClassStatistics.of_confidence(rows.given, rows.p_given, rows.n_classes, lookups).thresholds

        def count(part: slice) -> NDArray[np.int64]:
            counts = np.zeros((2, 2), dtype=np.int64)
            lookups.count_reaching(counts, rows.take(part), thresholds - CONFIDENT_SLACK)
            return counts

        counts = np.sum(list(map_blocks(count, len(rows), threads)), axis=0)
        return cls(*(int(chosen.sum()) for chosen in (counts, counts[1], counts[:, 1], counts[1, 1])))

    @property
    def expected(self) -> int:
        """Contradictions to expect among all rows if there were as many everywhere as among the confident ones."""
        return round(self.n_rows * self.n_confident_contradicting / self.n_confident) if self.n_confident else 0


def middle_line(queue: NDArray[np.float64], expected_errors: float, seen: Contradictions) -> float:
    """Return the suspicion above which labels are flagged while nothing is known of them but probabilities.

    Of three answers to how many it should be the one in the middle: all that are more likely wrong than right, as many
    as promise the highest F1, and as many as contradict the model where it is confident, scaled to all rows. Never more
    than contradict it at all.

    Parameters
    ----------
    queue : (m,) float64
        The greatest suspicions, falling, 0..1: of one more row than contradict the model, or of all.
    expected_errors : float
        Sum of suspicion over all rows.
    seen : Contradictions
        Of the same rows.

    Returns
    -------
    float
        From 0 to 1. Rows of equal suspicion are flagged together or not at all.
    """

    def first_beyond(n_flags: int) -> float:
        return float(queue[n_flags]) if n_flags < len(queue) else 0.0

    answers = 0.5, worth_flagging(queue, expected_errors), first_beyond(seen.expected)
    return max(sorted(answers)[1], first_beyond(seen.n_contradicting))


def worth_flagging(chances: NDArray[np.float64], expected_errors: float | None = None) -> float:
    """Return the chance above which flags have the highest expected F1: half of that F1.

    The first `k` places are expected to have an F1 of about ``2 Σₖ s / (k + Σ s)``. A further place raises it as long
    as its own chance exceeds half of it (Lipton, Elkan and Naryanaswamy 2014). That is one half where chances are near
    0 or 1. It is less where little is certain, or where fewer errors are expected than there are: the first places are
    worth a look even if none of them is more likely wrong than right.

    Parameters
    ----------
    chances : (n,) float64
        Chance that the label at each place of the queue is wrong, never rising, 0..1, not all of them 0.
    expected_errors : float, optional
        ``Σ s`` where these are only the first places. Default: their sum.

    Returns
    -------
    float
        At most one half, and less than the first chance.
    """
    if len(chances) == 0:
        return 0.5
    total = float(chances.sum()) if expected_errors is None else expected_errors
    expected_f1 = 2.0 * np.cumsum(chances) / (np.arange(1, len(chances) + 1) + total)
    return float(expected_f1.max()) / 2.0
