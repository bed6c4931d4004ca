"""The review store: every question to it and every change of it, each one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from labelaudit.decisions import Action, Role
from labelaudit.errors import LabelAuditError, StoreError
from labelaudit.store import archive, schema
from labelaudit.store.access import check_allowed, person_of, require
from labelaudit.store.binding import CarriedOver, QueueItem, bind, load_queue
from labelaudit.store.chain import Ledger, check_chain, head_of
from labelaudit.store.claims import Hand, claim_cards, claim_named, free_ahead, purge_claims, renew_claims
from labelaudit.store.database import Database
from labelaudit.store.desk import Command, Desk, Outcome
from labelaudit.store.migrate import migrate
from labelaudit.store.persistence import compare_with_log, load_frame, rebuild, update_items
from labelaudit.store.projection import Binding, Person, Projection
from labelaudit.store.queue import Card, Counts, Filter, count_items, count_judged, has_shared_places, page_items
from labelaudit.store.records import Records, secret_gold
from labelaudit.store.team import Team

__all__ = ["Store"]

_RESCORED_AT_ONCE = 500


class Store:
    """A review store, open.

    Parameters
    ----------
    location : Path or str
        SQLite file, or database URL.
    backups : Path
        Folder for backups before migrations.
    patience : float
        Seconds to keep trying while the database is locked or away.
    clock : callable, optional
        Returns milliseconds since the epoch. Default: the server's clock for Postgres, else this machine's.

    Attributes
    ----------
    team : Team
        People, roles, assignments and rules.
    records : Records
        History and what statistics are made of.

    Raises
    ------
    StoreUnavailableError, StoreDamagedError, StoreError
        If it cannot be opened, is broken, or was written by a newer labelaudit.
    """

    def __init__(
        self,
        location: Path | str,
        *,
        backups: Path,
        patience: float = 10.0,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.database = Database(location, patience=patience)
        self.backups = backups
        self._clock = clock
        self._audit_id: str | None = None
        self.team = Team(self.database, self._now)
        self.records = Records(self.database)
        try:
            migrate(self.database, backups=backups)
        except LabelAuditError:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the audit

    @property
    def binding(self) -> Binding | None:
        """The audit this store belongs to; None if it is new."""
        return self.database.read(lambda connection: load_frame(connection, people=False).binding)

    @property
    def is_without_items(self) -> bool:
        """Whether the queue columns have not been loaded yet."""
        query = sa.select(schema.items.c.item_id).limit(1)
        return self.database.read(lambda connection: connection.execute(query).first()) is None

    def bind(self, binding: Binding, items: Iterable[QueueItem], *, person: str, client: str = "") -> CarriedOver:
        """Give the store its audit, or the next one; see :func:`labelaudit.store.binding.bind`."""
        queue = list(items)

        def work(connection: sa.Connection) -> CarriedOver:
            bound = load_frame(connection, people=False).binding
            if bound == binding:  # another process was faster, or the store was restored from its log
                if connection.execute(sa.select(schema.items.c.item_id).limit(1)).first() is None:
                    load_queue(connection, queue)
                    rebuild(connection)
                return CarriedOver(kept=count_judged(connection))
            if bound is not None:
                require(connection, person, Action.BIND)
            return bind(connection, self._now(connection), binding, queue, person=person, client=client)

        return self.database.write(work)

    def serve(self, audit_id: str) -> None:
        """Give out, and take decisions on, items of this audit only, whatever audit the store belongs to later."""
        self._audit_id = audit_id

    # -- the queue

    def count(self, filter: Filter, *, person: str = "") -> Counts:
        """Count the items of a queue by where they stand."""
        return self.database.read(lambda connection: count_items(connection, filter, person))

    def page(self, filter: Filter, order: str, *, person: str, after: str | None = None, limit: int = 50) -> list[Card]:
        """Return items of a queue; for reviewers without the state of items whose known answer is to measure them."""

        def work(connection: sa.Connection) -> list[Card]:
            self._frame(connection)
            cards = page_items(connection, filter, order, person, after=after, limit=limit)
            if person_of(connection, person).role is Role.LEAD:
                return cards
            golden = secret_gold(connection, person, [card.item_id for card in cards])
            return [
                replace(card, status="open", verdict=None, label=None) if card.item_id in golden else card
                for card in cards
            ]

        return self.database.read(work)

    def claim(self, filter: Filter, order: str, n: int, *, person: str, client: str) -> list[Card]:
        """Fill the hand of a client up to `n` items and return them all; see :func:`claim_cards`."""
        hand = Hand(filter=filter, order=order, n=n, person=person, client=client)
        ahead = self._look_ahead(hand)

        def work(connection: sa.Connection) -> list[Card]:
            now = self._now(connection)
            purge_claims(connection, now)
            renew_claims(connection, client, now)
            rules = self._frame(connection).rules
            _check_may_claim(person_of(connection, person), hand)
            return claim_cards(connection, hand, now, rules, ahead)

        return self.database.write(work)

    def claim_named(self, item_ids: Sequence[str], n: int, *, person: str, client: str) -> list[Card]:
        """Fill the hand of a client with the first of some items, and give back what else it holds.

        See :func:`labelaudit.store.claims.claim_named`: these may be decided already, and their cards are blind.
        """

        def work(connection: sa.Connection) -> list[Card]:
            now = self._now(connection)
            purge_claims(connection, now)
            renew_claims(connection, client, now)
            self._frame(connection)
            check_allowed(person_of(connection, person), Action.DECIDE)
            return claim_named(connection, item_ids, n, person=person, client=client, now=now)

        return self.database.write(work)

    def renew(self, client: str) -> None:
        """Make the leases of a client last five minutes from now."""

        def work(connection: sa.Connection) -> None:
            now = self._now(connection)
            purge_claims(connection, now)
            renew_claims(connection, client, now)

        self.database.write(work)

    def release(self, client: str, item_ids: Sequence[str] | None = None) -> int:
        """Give items back to the queue, all of the client's by default; return how many."""
        table = schema.claims
        condition = table.c.client == client
        if item_ids is not None:
            condition &= table.c.item_id.in_(item_ids)
        return self.database.write(lambda connection: connection.execute(sa.delete(table).where(condition)).rowcount)

    def rescore(self, suspicion: Mapping[str, float]) -> None:
        """Give items another suspicion, and put the whole queue of suspects in its order, ties by item id.

        Written in pieces, so that nobody's decision has to wait; for a moment the order is a mixture of old and new.
        """
        self._write_in_pieces(self._out_of_place(suspicion))
        # Where somebody else rescores at the same time, an item keeps the suspicion that was written last. Whoever ends
        # last finds places that two items share, and makes all of them follow from what is written.
        while self.database.read(has_shared_places):
            self._write_in_pieces(self._out_of_place({}))

    def _out_of_place(self, suspicion: Mapping[str, float]) -> list[dict[str, Any]]:
        """Return the new columns of items that get another suspicion or place; without `suspicion` only places."""
        items = schema.items
        query = sa.select(items.c.item_id, items.c.suspicion, items.c.suspicion_rank)
        before = {row.item_id: row for row in self.database.read(lambda connection: list(connection.execute(query)))}
        now = {item_id: suspicion.get(item_id, row.suspicion) for item_id, row in before.items()}
        order = sorted(now, key=lambda item_id: (now[item_id] is None, -(now[item_id] or 0.0), item_id))
        return [
            {"item_id": item_id, "suspicion_rank": rank, **({"suspicion": now[item_id]} if suspicion else {})}
            for rank, item_id in enumerate(order, start=1)
            if (now[item_id], rank) != (before[item_id].suspicion, before[item_id].suspicion_rank)
        ]

    def _write_in_pieces(self, changes: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(changes), _RESCORED_AT_ONCE):
            block = changes[start : start + _RESCORED_AT_ONCE]
            began = time.monotonic()
            self.database.write(partial(update_items, rows=block))
            # As long a pause as the work took: writers take turns, but whoever asks again at once gets most of them.
            time.sleep(time.monotonic() - began)

    # -- decisions

    def decide(
        self,
        commands: Sequence[Command],
        *,
        person: str,
        client: str,
        action: Action = Action.DECIDE,
        then_claim: tuple[Filter, str, int] | None = None,
    ) -> tuple[list[Outcome], list[Card]]:
        """Carry out a whole outbox in one transaction, and with `then_claim` fill the hand again in the same one.

        Returns
        -------
        outcomes : list of Outcome
            One for each command, in order.
        cards : list of Card
            The hand, with `then_claim`.

        Raises
        ------
        DecisionRefusedError
            If the person is unknown; anything else that is refused is an outcome.
        """
        hand = None
        if then_claim is not None:
            wanted, order, n = then_claim
            hand = Hand(filter=wanted, order=order, n=n, person=person, client=client)
        ahead = [] if hand is None else self._look_ahead(hand)

        def work(connection: sa.Connection) -> tuple[list[Outcome], list[Card]]:
            who = person_of(connection, person)
            frame = self._frame(connection)
            audit_id = "" if frame.binding is None else frame.binding.audit_id
            now = self._now(connection)
            ledger = Ledger(connection, now, audit_id)
            outcomes = Desk(connection, ledger, frame, who, client, now=now).carry_out(commands, action)
            renew_claims(connection, client, now)
            if hand is None:
                return outcomes, []
            _check_may_claim(who, hand)
            return outcomes, claim_cards(connection, hand, now, frame.rules, ahead)

        return self.database.write(work)

    # -- care

    def verify(self, *, expected_head: str | None = None) -> tuple[int, str]:
        """Check the chain of events, and that the present state is what the events say; return count and head.

        Raises
        ------
        StoreDamagedError
            Naming the first event that is changed, missing or out of place.
        StoreError
            If the events are whole but the present state is not what they say.
        """
        found = self.database.read(partial(check_chain, expected_head=expected_head))
        difference = self.database.read(compare_with_log)
        if difference is not None:
            raise StoreError(
                f"All events are whole, but {difference}.", "Make the state again with: labelaudit store rebuild"
            )
        return found

    def head(self) -> tuple[int, str]:
        """Return the number and the hash of the last event; two stores with the same head have the same log."""
        row = self.database.read(head_of)
        return int(row.seq), str(row.hash)

    def rebuild(self) -> None:
        """Make the present state again from the events."""
        self.database.write(rebuild)

    def backup(self, folder: Path | None = None) -> Path:
        """Write a copy into `folder` (default: the store's own folder of backups) and return its path."""
        return archive.backup(self.database, folder or self.backups)

    def export(self, path: Path) -> int:
        """Write the full log as JSON lines and return the number of events."""
        return archive.export_log(self.database, path)

    def restore(self, path: Path) -> int:
        """Fill this empty store with an exported log, if every event of it is whole, and return their number."""
        return archive.restore_log(self.database, archive.read_log(path))

    def copy_to(self, target: Store) -> int:
        """Copy everything but claims into an empty store and return the number of events."""
        return archive.copy_store(self.database, target.database)

    def _look_ahead(self, hand: Hand) -> list[str]:
        return self.database.read(lambda connection: free_ahead(connection, hand, self._now(connection)))

    # -- inside a transaction

    def _frame(self, connection: sa.Connection) -> Projection:
        """Return binding and rules; raise StoreError if the store went on with an audit that is not the one served.

        What is on the screens then is not what the items of the store are: content may have changed under the same id.
        """
        frame = load_frame(connection, people=False)
        if self._audit_id is not None and frame.binding is not None and frame.binding.audit_id != self._audit_id:
            raise StoreError(
                f"{self.database.name} has gone on with the audit {frame.binding.audit_id}; the one that is open here, "
                f"{self._audit_id}, came before it.",
                "Nothing was saved. Open the later audit: labelaudit review AUDIT",
            )
        return frame

    def _now(self, connection: sa.Connection) -> int:
        return self._clock() if self._clock is not None else self.database.now(connection)


def _check_may_claim(person: Person, hand: Hand) -> None:
    check_allowed(person, Action.ADJUDICATE if hand.filter.queue == "conflicts" else Action.DECIDE)
