"""Events and the chain of hashes that proves that none was changed, removed, added or moved."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from labelaudit.decisions import Action
from labelaudit.errors import StoreDamagedError
from labelaudit.store import schema
from labelaudit.store.statements import Statement

__all__ = ["GENESIS", "Deed", "Event", "Ledger", "as_json", "check_chain", "head_of", "stored_deeds", "stored_events"]

GENESIS = "0" * 64
"""What the first event names as the hash of the one before it."""

_BLOCK = 20_000
_HEAD = Statement(sa.select(schema.head).where(schema.head.c.id == 1))
_ADD = Statement(sa.insert(schema.events))
_MOVE_HEAD = Statement(
    sa.update(schema.head)
    .where(schema.head.c.id == 1)
    .values({name: sa.bindparam(f"to_{name}") for name in ("seq", "hash", "at")})
)


class Event(NamedTuple):
    """Something that happened, as it is kept for ever: a row of the table ``events``.

    Attributes
    ----------
    seq : int
        1, 2, 3, … without a gap.
    id : str
        UUID, made by the client where a client asked for it.
    at : int
        Milliseconds since the epoch; never less than that of the event before.
    person, client : str
        Who, and in which browser tab or process.
    action : str
        An :class:`~labelaudit.decisions.Action`.
    audit_id : str
        The audit it was made on.
    item_id, content_hash : str, optional
        The item, and its content at that moment.
    before, after : str, optional
        JSON of what held before and after.
    active_ms : int, optional
        Milliseconds of work.
    target : str, optional
        Id of the event that is undone or redone.
    bulk : str, optional
        Shared by the events of one bulk action.
    previous_hash, hash : str
        64 hexadecimal digits: of the event before, and of this one.
    """

    seq: int
    id: str
    at: int
    person: str
    client: str
    action: str
    audit_id: str
    item_id: str | None
    content_hash: str | None
    before: str | None
    after: str | None
    active_ms: int | None
    target: str | None
    bulk: str | None
    previous_hash: str
    hash: str

    def as_dict(self) -> dict[str, Any]:
        """Return the columns."""
        return self._asdict()

    def as_plain(self) -> dict[str, Any]:
        """Return the columns with `before` and `after` as values instead of JSON."""
        parsed = {side: None if text is None else json.loads(text) for side, text in self._sides()}
        return {**self.as_dict(), **parsed}

    def _sides(self) -> tuple[tuple[str, str | None], ...]:
        return ("before", self.before), ("after", self.after)


class Deed(NamedTuple):
    """What the present state follows from: an event without its proof and without what held before; same names."""

    seq: int
    id: str
    at: int
    person: str
    action: str
    item_id: str | None
    after: str | None
    active_ms: int | None
    target: str | None
    bulk: str | None


# json.dumps makes an encoder at every call.
_ONE_FORM = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_LIST_FORM = json.JSONEncoder(separators=(",", ":"))


def as_json(value: Any) -> str:
    """Return the one JSON form of `value` that is hashed: sorted keys, ASCII, no blanks."""
    return _ONE_FORM.encode(value)


def _hash(values: tuple[Any, ...]) -> str:
    """SHA-256 over the JSON list of all columns but the hash itself, which include the hash of the event before."""
    return hashlib.sha256(_LIST_FORM.encode(values).encode("ascii")).hexdigest()


class Ledger:
    """Appends events inside one write transaction, in which it is the only writer.

    Parameters
    ----------
    connection : Connection
        Inside a transaction of :meth:`Database.write`, of which there is one at a time.
    now : int
        Milliseconds since the epoch.
    audit_id : str
        The audit that events are made on.
    """

    def __init__(self, connection: sa.Connection, now: int, audit_id: str) -> None:
        self._connection = connection
        self.audit_id = audit_id
        row = head_of(connection)
        self.seq, self._hash, last = int(row.seq), str(row.hash), int(row.at)
        # A clock that was set back must not turn the order of history round.
        self._at = max(now, last)
        self._pending: list[Event] = []

    def append(
        self,
        action: Action,
        *,
        person: str,
        client: str = "",
        id: str | None = None,
        item_id: str | None = None,
        content_hash: str | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        active_ms: int | None = None,
        target: str | None = None,
        bulk: str | None = None,
    ) -> Event:
        """Add an event to the end; it is written by :meth:`flush`."""
        self.seq += 1
        values: tuple[Any, ...] = (
            self.seq,
            id or str(uuid.uuid4()),
            self._at,
            person,
            client,
            str(action),
            self.audit_id,
            item_id,
            content_hash,
            None if before is None else as_json(before),
            None if after is None else as_json(after),
            active_ms,
            target,
            bulk,
            self._hash,
        )
        self._hash = _hash(values)
        event = Event._make((*values, self._hash))
        self._pending.append(event)
        return event

    def flush(self) -> None:
        """Write the events that were added, and the head."""
        if not self._pending:
            return
        _ADD.run_many(self._connection, [event.as_dict() for event in self._pending])
        _MOVE_HEAD.run(self._connection, to_seq=self.seq, to_hash=self._hash, to_at=self._at)
        self._pending.clear()


def head_of(connection: sa.Connection) -> Any:
    """Return the row of the table ``head``; raise StoreDamagedError if it is lost."""
    row = _HEAD.first(connection)
    if row is None:
        raise StoreDamagedError("The review store has lost its head row.", "Restore the newest backup.")
    return row


def stored_events(connection: sa.Connection) -> Iterator[Event]:
    """Yield the events in order, block by block."""
    return map(Event._make, _log(connection, Event._fields))


def stored_deeds(connection: sa.Connection) -> Iterator[Deed]:
    """Yield the events in order without what no state follows from, which takes half as long to read."""
    return map(Deed._make, _log(connection, Deed._fields))


def _log(connection: sa.Connection, names: Sequence[str]) -> Iterator[sa.Row[Any]]:
    table, after = schema.events, 0
    query = sa.select(*(table.c[name] for name in names)).order_by(table.c.seq).limit(_BLOCK)
    while rows := connection.execute(query.where(table.c.seq > after)).all():
        yield from rows
        after = rows[-1].seq


def check_chain(connection: sa.Connection, *, expected_head: str | None = None) -> tuple[int, str]:
    """Check that every event is there, unchanged and in its place.

    Parameters
    ----------
    connection : Connection
        Inside a transaction.
    expected_head : str, optional
        Hash of an event that was noted down elsewhere; it must be in the chain. Without one, somebody who rewrites the
        whole chain and its head goes unnoticed.

    Returns
    -------
    count : int
        Number of events.
    head : str
        Hash of the last one.

    Raises
    ------
    StoreDamagedError
        Naming the first event that is changed, missing or out of place.
    """
    seq, previous, at = 0, GENESIS, 0
    noted = expected_head in {None, GENESIS}
    for event in stored_events(connection):
        _check_event(event, seq, previous, at)
        seq, previous, at = event.seq, event.hash, event.at
        noted = noted or event.hash == expected_head
    row = connection.execute(sa.select(schema.head.c.seq, schema.head.c.hash)).first()
    if row is None or (row.seq, row.hash) != (seq, previous):
        recorded = "no head at all" if row is None else f"{row.seq} events"
        raise _broken(f"The log ends after {seq} events, but the store has recorded {recorded}")
    if not noted:
        raise _broken(f"The noted hash {expected_head} is not in the chain")
    return seq, previous


def _check_event(event: Event, seq: int, previous: str, at: int) -> None:
    if event.seq != seq + 1:
        missing = f"event {seq + 1}" if event.seq == seq + 2 else f"events {seq + 1} to {event.seq - 1}"
        raise _broken(
            f"In the log {missing} of the review store cannot be found" if event.seq > seq else "Numbers repeat"
        )
    if _hash(event[:-1]) != event.hash:
        raise _broken(f"Event {event.seq} ({event.action} by {event.person}) was changed after it was written")
    if event.previous_hash != previous or event.at < at:
        raise _broken(f"Event {event.seq} does not follow on event {seq}: one of them was put in afterwards or moved")


def _broken(what: str) -> StoreDamagedError:
    return StoreDamagedError(
        f"{what}.", "Restore the newest backup that verifies: see 'Backup and restore' in docs/store.md."
    )
