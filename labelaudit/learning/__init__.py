"""A queue that learns: every batch of decisions re-scores the items that nobody has looked at yet.

:func:`rescore` is a pure function of an audit and the ordered decisions, so its result can be recomputed at any time
and is never the only copy of anything. The method and its limits are described in ``docs/learning.md``.
"""

from labelaudit.learning.mixture import Rescored, batch_ends, rescore
from labelaudit.learning.neighborhood import MOST_PROBABILITIES

__all__ = ["MOST_PROBABILITIES", "Rescored", "batch_ends", "rescore"]
