"""The loop: a batch goes out, answers come back as reviews, and two audits are compared."""

from __future__ import annotations

from labelaudit.loop.comparing import Comparison, Move, compare
from labelaudit.loop.findings import Finding
from labelaudit.loop.importing import Imported, import_answers
from labelaudit.loop.tracking import BatchStatus, batch_status, seconds_per_answer, settled_items

__all__ = [
    "BatchStatus",
    "Comparison",
    "Finding",
    "Imported",
    "Move",
    "batch_status",
    "compare",
    "import_answers",
    "seconds_per_answer",
    "settled_items",
]
