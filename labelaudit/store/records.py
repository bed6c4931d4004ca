"""What a store remembers: history, opinions that stand, work done. Questions only."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from labelaudit.decisions import GOLD, RULING, Action, Opinion, Role, Status, Verdict
from labelaudit.store import schema
from labelaudit.store.access import person_of
from labelaudit.store.chain import Event
from labelaudit.store.database import Database
from labelaudit.store.projection import Standing
from labelaudit.store.queue import Filter, conditions, in_states
from labelaudit.store.statements import NamedStatement

__all__ = ["Decided", "Records", "mean_seconds", "secret_gold"]

_JUDGED = sa.select(schema.opinions.c.item_id).where(schema.opinions.c.slot == sa.bindparam("the_person"))
_SECRET_AMONG = NamedStatement(
    lambda names: sa.select(schema.opinions.c.item_id).where(
        schema.opinions.c.slot == GOLD,
        schema.opinions.c.item_id.in_(names),
        schema.opinions.c.item_id.not_in(_JUDGED),
    )
)
_ANSWERS = NamedStatement(
    lambda names: (
        sa.select(schema.events.c.seq, schema.events.c.item_id, schema.events.c.person, schema.events.c.after)
        .join_from(schema.events, schema.actions, schema.events.c.id == schema.actions.c.id)
        .where(
            schema.events.c.item_id.in_(names),
            schema.events.c.audit_id == sa.bindparam("the_audit", type_=sa.Text),
            schema.events.c.action == str(Action.DECIDE),
            schema.actions.c.undone.is_(None),
        )
    )
)
_JUDGEMENTS = (str(Action.DECIDE), str(Action.ADJUDICATE), str(Action.GOLD))
_JUDGED_BY = NamedStatement(
    lambda names: sa.select(schema.events.c.item_id, schema.events.c.after).where(
        schema.events.c.item_id.in_(names),
        schema.events.c.person == sa.bindparam("the_person", type_=sa.Text),
        schema.events.c.action.in_(_JUDGEMENTS),
    )
)
_RULED = NamedStatement(
    lambda names: sa.select(schema.opinions.c.item_id).where(
        schema.opinions.c.slot == RULING, schema.opinions.c.item_id.in_(names)
    )
)
_RECORDED = NamedStatement(lambda names: sa.select(schema.events.c.id).where(schema.events.c.id.in_(names)))


@dataclass(frozen=True)
class Decided:
    """What was decided on an item: the opinion that holds, who holds it, and when the last of them said so."""

    opinion: Opinion
    people: tuple[str, ...]
    at: int


class Records:
    """Questions to the memory of a store.

    Parameters
    ----------
    database : Database
        The store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def history(
        self, *, viewer: str, item_id: str | None = None, of_person: str | None = None, limit: int | None = None
    ) -> list[Event]:
        """Return events, latest first.

        Reviewers see their own events, and those of others on items that are no longer theirs to judge blindly: decided
        ones, and ones that they have judged. Known answers are for leads.
        """
        table = schema.events

        def work(connection: sa.Connection) -> list[Event]:
            query = sa.select(table).order_by(table.c.seq.desc()).limit(limit)
            if item_id is not None:
                query = query.where(table.c.item_id == item_id)
            if of_person is not None:
                query = query.where(table.c.person == of_person)
            if person_of(connection, viewer).role is Role.REVIEWER:
                query = query.where(_visible_to(viewer))
            return [Event(**row._asdict()) for row in connection.execute(query)]

        return self._database.read(work)

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids of decisions that are recorded already."""
        return self._database.read(lambda connection: {row.id for row in _RECORDED.rows(connection, ids)})

    def standings(self) -> list[Any]:
        """Return every opinion that stands, by item and slot: rows of ``opinions`` with ``suggested_label``."""
        said, items = schema.opinions, schema.items
        query = (
            sa.select(said, items.c.suggested_label)
            .join_from(said, items, said.c.item_id == items.c.item_id, isouter=True)
            .order_by(said.c.item_id, said.c.slot)
        )
        return self._database.read(lambda connection: list(connection.execute(query)))

    def answers_to(
        self, batch_ids: Collection[str], item_ids: Iterable[str], *, audit_id: str
    ) -> dict[str, dict[str, Opinion]]:
        """Return the last answer of each person that came back with some batches of an audit, by item and person.

        What was decided otherwise is left out, and what was taken back; an answer stays what it was if its person says
        something else of the item later, on the page.
        """

        def work(connection: sa.Connection) -> list[Any]:
            return sorted(_ANSWERS.rows(connection, item_ids, the_audit=audit_id))

        found: dict[str, dict[str, Opinion]] = {}
        for row in self._database.read(work):
            said = json.loads(row.after)
            if said.get("batch") in batch_ids:
                found.setdefault(row.item_id, {})[row.person] = Opinion.from_dict(said)
        return found

    def judged_by(self, person: str, item_ids: Iterable[str], *, besides: Collection[str]) -> set[str]:
        """Return those of some items that a person ever judged otherwise than as answers to the batches `besides`.

        What was taken back counts, and what was said in an earlier audit: the person has met the item.
        """

        def work(connection: sa.Connection) -> list[Any]:
            return list(_JUDGED_BY.rows(connection, item_ids, the_person=person))

        return {row.item_id for row in self._database.read(work) if json.loads(row.after).get("batch") not in besides}

    def adjudicated(self, item_ids: Iterable[str]) -> set[str]:
        """Return those of some items that a lead has settled."""
        return self._database.read(lambda connection: {row.item_id for row in _RULED.rows(connection, item_ids)})

    def opinions_on(self, item_ids: Sequence[str]) -> dict[str, list[Standing]]:
        """Return what people said of items and stands, earliest first; neither rulings of leads nor known answers."""
        query = (
            sa.select(schema.opinions)
            .where(schema.opinions.c.item_id.in_(item_ids), schema.opinions.c.slot == schema.opinions.c.person)
            .order_by(schema.opinions.c.at, schema.opinions.c.person)
        )
        found: dict[str, list[Standing]] = {}
        for row in self._database.read(lambda connection: list(connection.execute(query))):
            found.setdefault(row.item_id, []).append(Standing.from_row(row))
        return found

    def decided(self) -> dict[str, Decided]:
        """Return what was decided on each decided item, by whom and when, by item id."""
        query = (
            sa.select(schema.opinions)
            .join_from(schema.opinions, schema.items, schema.opinions.c.item_id == schema.items.c.item_id)
            .where(schema.items.c.status == str(Status.DECIDED))
            .order_by(schema.opinions.c.item_id, schema.opinions.c.slot)
        )
        slots: dict[str, dict[str, Standing]] = {}
        for row in self._database.read(lambda connection: list(connection.execute(query))):
            slots.setdefault(row.item_id, {})[row.slot] = Standing.from_row(row)
        return {item_id: _decided(standings) for item_id, standings in slots.items()}

    def resolved(self, *, viewer: str | None = None) -> list[Any]:
        """Return the decided items with what was decided: rows with the columns of ``items``.

        With a `viewer` who is no lead without the items whose known answer is still to measure them.
        """
        items = schema.items
        query = sa.select(items).where(items.c.status == str(Status.DECIDED)).order_by(items.c.item_id)

        def work(connection: sa.Connection) -> list[Any]:
            found = list(connection.execute(query))
            if viewer is None or person_of(connection, viewer).role is Role.LEAD:
                return found
            secret = secret_gold(connection, viewer, [row.item_id for row in found])
            return [row for row in found if row.item_id not in secret]

        return self._database.read(work)

    def undecided(self) -> list[Any]:
        """Return where all other items stand: rows with ``item_id``, ``status`` and ``suspicion`` as last scored."""
        items = schema.items
        columns = (items.c.item_id, items.c.status, items.c.suspicion)
        query = sa.select(*columns).where(items.c.status != str(Status.DECIDED)).order_by(items.c.item_id)
        return self._database.read(lambda connection: list(connection.execute(query)))

    def verdicts(self, filter: Filter, person: str) -> dict[str, int]:
        """Count the decided items of a queue by verdict."""
        items = schema.items
        query = (
            sa.select(items.c.verdict, sa.func.count())
            .where(in_states(filter, [Status.DECIDED]), *conditions(filter, person))
            .group_by(items.c.verdict)
        )
        return self._database.read(lambda connection: {row[0]: int(row[1]) for row in connection.execute(query)})

    def expected_errors(self, filter: Filter, person: str) -> float:
        """Return the expected number of wrong labels among the items of a queue that are still open."""
        items = schema.items
        query = sa.select(sa.func.coalesce(sa.func.sum(items.c.suspicion), 0.0)).where(
            in_states(filter, [Status.OPEN]), *conditions(filter, person)
        )
        return self._database.read(lambda connection: float(connection.execute(query).scalar_one()))

    def work_done(self) -> list[Any]:
        """Return a row a person and class: ``person``, ``given_label``, ``decisions``, ``timed``, ``active_ms``.

        Timed are the decisions of which it is known how long they took: one made for many items at once, on the
        command line or imported without a time is not.
        """
        done, items = schema.actions, schema.items
        query = (
            sa.select(
                done.c.person,
                items.c.given_label,
                sa.func.count().label("decisions"),
                sa.func.count(sa.case((done.c.active_ms > 0, 1))).label("timed"),
                sa.func.sum(done.c.active_ms).label("active_ms"),
            )
            .join_from(done, items, done.c.item_id == items.c.item_id)
            .where(done.c.slot == done.c.person)
            .group_by(done.c.person, items.c.given_label)
        )
        return self._database.read(lambda connection: list(connection.execute(query)))

    def first_answers(self) -> list[Any]:
        """Return a row a person and way of showing: ``person``, ``blind``, ``shown``, ``accepted``.

        Counted are first answers on items with a suggestion: later ones of the same person are changed minds, and a
        skip is no answer.
        """
        done = schema.actions
        earliest = (
            sa.select(sa.func.min(done.c.seq))
            .where(done.c.slot == done.c.person, done.c.accepted.is_not(None))
            .group_by(done.c.person, done.c.item_id)
        )
        query = (
            sa.select(
                done.c.person,
                done.c.blind,
                sa.func.count().label("shown"),
                sa.func.sum(sa.case((done.c.accepted.is_(True), 1), else_=0)).label("accepted"),
            )
            .where(done.c.seq.in_(earliest))
            .group_by(done.c.person, done.c.blind)
        )
        return self._database.read(lambda connection: list(connection.execute(query)))


def mean_seconds(work: Sequence[Any]) -> float | None:
    """Return the mean seconds of the timed decisions in rows of :meth:`Records.work_done`; None if there are none."""
    timed = sum(int(row.timed) for row in work)
    return sum(int(row.active_ms) for row in work) / 1000 / timed if timed else None


def _decided(standings: dict[str, Standing]) -> Decided:
    for slot in (RULING, GOLD):
        if slot in standings:
            ruling = standings[slot]
            return Decided(ruling.opinion, (ruling.person,), ruling.at)
    agreed = [standing for standing in standings.values() if standing.opinion.verdict is not Verdict.SKIP]
    people = tuple(standing.person for standing in agreed)
    return Decided(agreed[0].opinion, people, max(standing.at for standing in agreed))


def _visible_to(viewer: str) -> sa.ColumnElement[bool]:
    events, items, opinions = schema.events, schema.items, schema.opinions
    # Looked up event by event: of all open items few are named by the events of a page.
    is_open = sa.exists().where(items.c.item_id == events.c.item_id, items.c.status == str(Status.OPEN))
    is_judged = sa.exists().where(opinions.c.item_id == events.c.item_id, opinions.c.slot == viewer)
    undone = events.alias()
    is_gold = (events.c.action == str(Action.GOLD)) | sa.exists().where(
        undone.c.id == events.c.target, undone.c.action == str(Action.GOLD)
    )
    return (events.c.person == viewer) | ~(is_gold | (is_open & ~is_judged))


def secret_gold(connection: sa.Connection, person: str, item_ids: Sequence[str]) -> set[str]:
    """Return which of `item_ids` have a known answer that is still to measure `person`."""
    return {row.item_id for row in _SECRET_AMONG.rows(connection, item_ids, the_person=person)}
