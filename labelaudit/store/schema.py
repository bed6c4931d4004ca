"""The tables of the review store.

::

    events       what happened, append-only, hash-chained       the truth
    head         number and hash of the last event, one row     what `verify` and writers hold on to
    items        the audit's queue columns, and beside them     from the audit; the state is projected
                 the present state of each item
    opinions     what stands on each item, by slot              projected
    actions      decisions that can be undone                   projected
    people, assignments, settings                               projected
    claims       leases of items                                short-lived, not history

Projected tables hold nothing that the events do not; ``labelaudit store rebuild`` makes them again.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

__all__ = [
    "REVISION",
    "actions",
    "assignments",
    "claims",
    "events",
    "head",
    "items",
    "metadata",
    "opinions",
    "people",
    "settings",
]

REVISION = "0003"
"""Migration that this code works with."""

metadata = MetaData()

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False, unique=True),
    Column("at", BigInteger, nullable=False),
    Column("person", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("audit_id", Text, nullable=False),
    Column("item_id", Text),
    Column("content_hash", Text),
    Column("before", Text),
    Column("after", Text),
    Column("active_ms", Integer),
    Column("target", String(64)),
    Column("bulk", String(64)),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("events_by_item", "item_id", "seq"),
    Index("events_by_person", "person", "seq"),
)

head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
)

_FILTERED = ("is_suspect", "is_ambiguous", "given_label", "suggested_label", "kind", "verdict", "slices")

items = Table(
    "items",
    metadata,
    Column("item_id", Text, primary_key=True),
    Column("row", BigInteger, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("given_label", Text),
    Column("suggested_label", Text),
    Column("suggested_probability", Float),
    Column("suspicion", Float),
    Column("ambiguity", Float),
    Column("is_suspect", Boolean, nullable=False),
    Column("is_ambiguous", Boolean, nullable=False),
    Column("kind", Text),
    Column("suspicion_rank", BigInteger, nullable=False),
    Column("ambiguity_rank", BigInteger, nullable=False),
    Column("chance_rank", BigInteger, nullable=False),
    Column("needed", Integer, nullable=False, server_default="1"),
    Column("given_opinions", Integer, nullable=False, server_default="0"),
    Column("status", String(16), nullable=False, server_default="open"),
    Column("verdict", String(16)),
    Column("label", Text),
    Column("version", BigInteger, nullable=False, server_default="0"),
    # The slices that the item is in, as labelaudit.store.queue.slice_token writes them.
    Column("slices", Text, nullable=False, server_default=""),
    # One index for each order. The state first, because finished items pile up at the head of every order; behind the
    # place all that a filter asks for, so that only rows are looked up that are shown.
    Index("items_by_suspicion", "status", "suspicion_rank", *_FILTERED, "suspicion"),
    Index("items_by_ambiguity", "status", "ambiguity_rank", *_FILTERED),
    Index("items_by_chance", "status", "chance_rank", *_FILTERED),
)

opinions = Table(
    "opinions",
    metadata,
    Column("item_id", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("labels", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("given_label", Text),
    Column("outcome", Text, nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("item_id", "slot"),
    Index("opinions_by_slot", "slot", "verdict"),
)

actions = Table(
    "actions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("person", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("bulk", String(64), nullable=False),
    Column("active_ms", Integer, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("accepted", Boolean),
    Column("undone", BigInteger),
    Column("undone_by", Text),
    Index("actions_by_person", "person", "undone", "seq"),
    Index("actions_undone", "undone_by", "undone"),
    Index("actions_by_bulk", "bulk"),
    Index("actions_by_item", "item_id", "slot", "seq"),
)

people = Table(
    "people",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", String(16), nullable=False),
    Column("active", Boolean, nullable=False),
)

assignments = Table(
    "assignments",
    metadata,
    Column("person", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("person", "field", "value"),
)

settings = Table(
    "settings",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

claims = Table(
    "claims",
    metadata,
    Column("item_id", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("blind", Boolean, nullable=False),
    PrimaryKeyConstraint("item_id", "client"),
    Index("claims_by_client", "client"),
)
