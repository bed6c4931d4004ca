"""The loop: a batch goes out, answers come back as reviews, and two audits are compared."""

from __future__ import annotations

from labelaudit.loop.comparing import Comparison, Move, compare
from labelaudit.loop.findings import Finding
from labelaudit.loop.importing import Imported, import_answers
from labelaudit.loop.tracking import BatchStatus, Candidates, batch_status, candidates, seconds_per_answer

__all__ = [
    "BatchStatus",
    "Candidates",
    "Comparison",
    "Finding",
    "Imported",
    "Move",
    "batch_status",
    "candidates",
    "compare",
    "import_answers",
    "seconds_per_answer",
]
