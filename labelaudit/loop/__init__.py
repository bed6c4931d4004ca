"""The loop: a batch goes out, answers come back as reviews, and two audits are compared."""

from __future__ import annotations

from labelaudit.loop.check_queue import ON_PAGE, CheckQueue, CheckSheet, Waiting, ask_again, start_check
from labelaudit.loop.checking import (
    CheckPrice,
    CheckStanding,
    check_price,
    check_standing,
    draw_random_check,
    draw_second_looks,
    withdraw_other_checks,
)
from labelaudit.loop.comparing import Comparison, Move, compare
from labelaudit.loop.findings import Finding
from labelaudit.loop.importing import Imported, import_answers
from labelaudit.loop.tracking import BatchStatus, Candidates, batch_status, candidates, seconds_per_answer

__all__ = [
    "ON_PAGE",
    "BatchStatus",
    "Candidates",
    "CheckPrice",
    "CheckQueue",
    "CheckSheet",
    "CheckStanding",
    "Comparison",
    "Finding",
    "Imported",
    "Move",
    "Waiting",
    "ask_again",
    "batch_status",
    "candidates",
    "check_price",
    "check_standing",
    "compare",
    "draw_random_check",
    "draw_second_looks",
    "import_answers",
    "seconds_per_answer",
    "start_check",
    "withdraw_other_checks",
]
