"""How many label errors there are: a confidence interval from items that were drawn at random and looked at.

Predicted probabilities cannot tell how many errors there are, and neither can the decisions of a queue, which shows
only what it suspects. A random check can, whatever the suspicion is worth: suspicion only decides how the check is
spread, so that a bad one costs width and not truth. Without a check there is no interval.
"""

from labelaudit.residual.check import RandomCheck, draw_check, second_looks
from labelaudit.residual.estimate import ErrorEstimate, estimate_errors
from labelaudit.residual.summary import CheckSummary, summarize_check

__all__ = [
    "CheckSummary",
    "ErrorEstimate",
    "RandomCheck",
    "draw_check",
    "estimate_errors",
    "second_looks",
    "summarize_check",
]
