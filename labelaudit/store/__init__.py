"""The review store: events for ever, the present state, claims and people. The only room that knows SQL."""

from __future__ import annotations

from labelaudit.store.binding import CarriedOver, QueueItem
from labelaudit.store.chain import Event
from labelaudit.store.desk import Command, Outcome
from labelaudit.store.projection import Binding, Person
from labelaudit.store.queue import ORDERS, QUEUES, Card, Counts, Filter
from labelaudit.store.repository import Store

__all__ = [
    "ORDERS",
    "QUEUES",
    "Binding",
    "Card",
    "CarriedOver",
    "Command",
    "Counts",
    "Event",
    "Filter",
    "Outcome",
    "Person",
    "QueueItem",
    "Store",
]
