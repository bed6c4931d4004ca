"""The people of a store, their parts of the queue, and the rules they review by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from labelaudit.decisions import Action, Role, Rules
from labelaudit.errors import DecisionRefusedError, UnknownNameError
from labelaudit.store.access import check_name, require, role_of, unknown_person
from labelaudit.store.chain import Ledger
from labelaudit.store.database import Database
from labelaudit.store.persistence import load_frame, refresh_needed, save_frame
from labelaudit.store.projection import Person, Projection
from labelaudit.store.queue import slice_token
from labelaudit.store.schema import items

__all__ = ["Team"]

_MOST = 1_000_000
"""Opinions on an item and items for one known answer: what no team has, and every database can count."""


class Team:
    """The people of a store; every change is an event, and only leads make one.

    Parameters
    ----------
    database : Database
        The store.
    now : callable
        Returns milliseconds since the epoch, given a connection.
    """

    def __init__(self, database: Database, now: Callable[[sa.Connection], int]) -> None:
        self._database = database
        self._now = now

    def people(self) -> list[Person]:
        """Everybody known, by name."""
        found = self._database.read(load_frame).people
        return [found[name] for name in sorted(found)]

    def enter(self, name: str) -> Person:
        """Return the person called `name`; the first to enter a new store becomes its lead.

        Raises
        ------
        DecisionRefusedError
            If others are known but not this one, or the person is no longer active.
        """
        known = self._database.read(load_frame).people
        if not known:
            self._bootstrap(name)
            known = self._database.read(load_frame).people
        person = known.get(name)
        if person is None:
            raise unknown_person(name, known)
        if not person.active:
            raise DecisionRefusedError(f"{name} is no longer active in this store.", "A lead can change that.")
        return person

    def require(self, name: str, action: Action) -> Person:
        """Return the person called `name`; raise DecisionRefusedError if they may not do `action`."""
        return self._database.read(lambda connection: require(connection, name, action))

    def _bootstrap(self, name: str) -> None:
        check_name(name)

        def work(connection: sa.Connection) -> None:
            frame = load_frame(connection)
            if not frame.people:
                after = {"name": name, "role": str(Role.LEAD), "active": True}
                self._set(connection, frame, Action.PERSON, person=name, client="", after=after)

        self._database.write(work)

    def set_person(self, name: str, role: Role | str, *, active: bool = True, by: str, client: str = "") -> Person:
        """Add a person, or change their role, or let them go (`active` False); only leads may.

        Raises
        ------
        DecisionRefusedError
            If `by` is no lead, or the store would be left without one.
        """
        check_name(name)
        person = Person(name, role_of(role), active)

        def work(connection: sa.Connection) -> Person:
            require(connection, by, Action.PERSON)
            frame = load_frame(connection)
            if frame.people.get(name) == person:
                return person
            left = {**frame.people, name: person}.values()
            if not any(other.role is Role.LEAD and other.active for other in left):
                raise DecisionRefusedError(
                    f"{name} is the only lead of this store.", "Make somebody else a lead first."
                )
            before = None if name not in frame.people else asdict(frame.people[name])
            self._set(connection, frame, Action.PERSON, person=by, client=client, after=asdict(person), before=before)
            return person

        return self._database.write(work)

    def assign(self, person: str, field: str, value: str, *, assigned: bool = True, by: str, client: str = "") -> None:
        """Give a person a part of the queue: `field` is ``class`` or ``slice:<group>``.

        Who has parts is shown only items of these.

        Raises
        ------
        DecisionRefusedError
            If `by` is no lead, or there is no such person.
        UnknownNameError
            If there is no such kind of part, no such class, or no item in the slice.
        """
        if field != "class" and not field.startswith("slice:"):
            raise UnknownNameError.among("part of a queue", field, ["class", "slice:<group>"])

        def work(connection: sa.Connection) -> None:
            require(connection, by, Action.ASSIGN)
            frame = load_frame(connection)
            if person not in frame.people:
                raise unknown_person(person, frame.people)
            if assigned:
                _check_part(connection, frame, field, value)
            if ((person, field, value) in frame.assignments) is not assigned:
                after = {"person": person, "field": field, "value": value, "assigned": assigned}
                self._set(connection, frame, Action.ASSIGN, person=by, client=client, after=after)

        self._database.write(work)

    def assignments(self) -> list[tuple[str, str, str]]:
        """All parts given to people, as (person, field, value)."""
        return sorted(self._database.read(load_frame).assignments)

    def rules(self) -> Rules:
        """How the team reviews."""
        return self._database.read(lambda connection: load_frame(connection, people=False).rules)

    def set_rules(self, rules: Rules, *, by: str, client: str = "") -> None:
        """Change how the team reviews; only leads may. Items already judged are looked at again under the new rules."""
        if not (1 <= rules.opinions <= _MOST and 0 <= rules.overlap <= 1 and 0 <= rules.gold_every <= _MOST):
            raise DecisionRefusedError(
                f"These rules cannot be followed: {rules}.",
                f"Opinions are 1 to {_MOST:,}, overlap is between 0 and 1, known answers are one in {_MOST:,} or more.",
            )

        def work(connection: sa.Connection) -> None:
            require(connection, by, Action.RULES)
            frame = load_frame(connection)
            if frame.rules != rules:
                after, before = asdict(rules), asdict(frame.rules)
                self._set(connection, frame, Action.RULES, person=by, client=client, after=after, before=before)
                refresh_needed(connection, rules)

        self._database.write(work)

    def _set(
        self,
        connection: sa.Connection,
        frame: Projection,
        action: Action,
        *,
        person: str,
        client: str,
        after: dict[str, Any],
        before: dict[str, Any] | None = None,
    ) -> None:
        audit_id = "" if frame.binding is None else frame.binding.audit_id
        ledger = Ledger(connection, self._now(connection), audit_id)
        frame.apply(ledger.append(action, person=person, client=client, before=before, after=after))
        ledger.flush()
        save_frame(connection, frame)


def _check_part(connection: sa.Connection, frame: Projection, field: str, value: str) -> None:
    """Raise UnknownNameError for a part that holds nothing: whoever was given it would wait before an empty queue."""
    if frame.binding is None:
        return
    if field == "class":
        if value not in frame.binding.classes:
            raise UnknownNameError.among("class", value, frame.binding.classes)
        return
    group = field.removeprefix("slice:")
    in_slice = sa.select(items.c.item_id).where(items.c.slices.contains(slice_token(group, value))).limit(1)
    if connection.execute(in_slice).first() is None:
        raise UnknownNameError(
            f"No item of this audit is in the slice {value!r} of {group!r}.",
            "Groups are named when the audit is made (--group); labelaudit report shows their slices.",
        )
