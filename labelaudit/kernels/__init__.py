"""The row reduction: each chunk of probabilities is read once and leaves a handful of numbers for each row."""

from __future__ import annotations

from labelaudit.kernels.blocked import reduce_chunk, row_entropy
from labelaudit.kernels.member_statistics import MemberStatistics
from labelaudit.kernels.row_statistics import RowStatistics

__all__ = ["MemberStatistics", "RowStatistics", "reduce_chunk", "row_entropy"]
