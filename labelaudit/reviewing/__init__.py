"""Reviewing an audit: open its queue, claim items, decide, take back, adjudicate, and see how it goes.

::

    from labelaudit.reviewing import Decision, Verdict, new_id, open_queue

    queue = open_queue("tickets.audit", person="ann")
    for card in queue.claim(6):
        queue.decide([Decision(id=new_id(), item_id=card.item_id, verdict=Verdict.KEEP, version=card.version)])

The rules are in :mod:`labelaudit.decisions`, what is promised in ``docs/store.md``.
"""

from __future__ import annotations

from labelaudit.decisions import Decision, Redo, Role, Rules, Undo, Verdict, active_milliseconds
from labelaudit.one_sided import Lean, OneSidedness
from labelaudit.reviewing.carrying import carry_over, check_carry_over
from labelaudit.reviewing.judged import judged_before
from labelaudit.reviewing.opening import check_reviews, open_queue, open_store, queue_items, store_location
from labelaudit.reviewing.queue import Answer, Progress, Queue, new_id
from labelaudit.reviewing.statistics import ClassStatistics, PersonStatistics, Share, Statistics
from labelaudit.store import ORDERS, QUEUES, Card, CarriedOver, Counts, Event, Filter, Outcome, Store

__all__ = [
    "ORDERS",
    "QUEUES",
    "Answer",
    "Card",
    "CarriedOver",
    "ClassStatistics",
    "Counts",
    "Decision",
    "Event",
    "Filter",
    "Lean",
    "OneSidedness",
    "Outcome",
    "PersonStatistics",
    "Progress",
    "Queue",
    "Redo",
    "Role",
    "Rules",
    "Share",
    "Statistics",
    "Store",
    "Undo",
    "Verdict",
    "active_milliseconds",
    "carry_over",
    "check_carry_over",
    "check_reviews",
    "judged_before",
    "new_id",
    "open_queue",
    "open_store",
    "queue_items",
    "store_location",
]
