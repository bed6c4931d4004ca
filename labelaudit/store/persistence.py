"""Projection and tables: load a part, save what changed, write all, compare."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from labelaudit.decisions import Role, Rules, opinions_needed
from labelaudit.errors import StoreDamagedError
from labelaudit.store import schema
from labelaudit.store.chain import stored_events
from labelaudit.store.projection import Binding, Done, Person, Projection, Standing, item_row

__all__ = [
    "compare_with_log",
    "fold_log",
    "load_frame",
    "load_items",
    "rebuild",
    "refresh_needed",
    "save_changes",
    "save_frame",
]

_BLOCK = 500
"""Values in one IN list; well below what any SQLite accepts."""

_ROWS_AT_ONCE = 20_000

# Built once: SQLAlchemy takes as long to build a statement as SQLite to run it.
_NAMES: sa.BindParameter[Any] = sa.bindparam("names", expanding=True)
_ITEMS_NAMED = sa.select(schema.items).where(schema.items.c.item_id.in_(_NAMES))
_OPINIONS_ON = sa.select(schema.opinions).where(schema.opinions.c.item_id.in_(_NAMES))
_SETTINGS = sa.select(schema.settings)
_REMOVE_OPINION = sa.delete(schema.opinions).where(
    schema.opinions.c.item_id == sa.bindparam("of_item"), schema.opinions.c.slot == sa.bindparam("of_slot")
)

_UNTOUCHED = {"needed": 1, "given_opinions": 0, "status": "open", "verdict": None, "label": None, "version": 0}
"""State of an item before the first event, as the table has it by default."""

_STATE = ("item_id", "needed", "given_opinions", "status", "verdict", "label", "version")


def blocks(values: Iterable[str]) -> Iterator[Sequence[str]]:
    """Cut `values` into pieces for IN lists."""
    everything = list(values)
    return (everything[start : start + _BLOCK] for start in range(0, len(everything), _BLOCK))


def load_frame(connection: sa.Connection, *, people: bool = True) -> Projection:
    """Load what is small: binding and rules, and unless told otherwise people and assignments."""
    projection = Projection()
    values = {row.key: row.value for row in connection.execute(_SETTINGS)}
    if "rules" in values:
        projection.rules = Rules(**json.loads(values["rules"]))
    if json.loads(values.get("binding", "null")) is not None:
        projection.binding = Binding.from_dict(json.loads(values["binding"]))
    if people:
        for row in connection.execute(sa.select(schema.people)):
            projection.people[row.name] = Person(row.name, Role(row.role), bool(row.active))
        for row in connection.execute(sa.select(schema.assignments)):
            projection.assignments.add((row.person, row.field, row.value))
    return projection


def load_items(connection: sa.Connection, projection: Projection, item_ids: Iterable[str]) -> dict[str, Any]:
    """Load the opinions on some items into `projection`; return the rows of the table ``items`` by id."""
    wanted = [item_id for item_id in dict.fromkeys(item_ids) if item_id not in projection.opinions]
    found: dict[str, Any] = {}
    for block in blocks(wanted):
        for row in connection.execute(_ITEMS_NAMED, {"names": block}):
            found[row.item_id] = row
            projection.opinions.setdefault(row.item_id, {})
            projection.versions[row.item_id] = row.version
        for row in connection.execute(_OPINIONS_ON, {"names": block}):
            projection.opinions.setdefault(row.item_id, {})[row.slot] = Standing.from_row(row)
    return found


def load_actions(connection: sa.Connection, projection: Projection, where: sa.ColumnElement[bool]) -> list[Done]:
    """Load actions into `projection`, which knows better about those it has already; return them, latest first."""
    query = sa.select(schema.actions).where(where).order_by(schema.actions.c.seq.desc())
    loaded = []
    for row in connection.execute(query):
        done = Done(**{**row._asdict(), "blind": bool(row.blind)})
        loaded.append(projection.actions.setdefault(done.id, done))
    return loaded


def save_changes(connection: sa.Connection, projection: Projection) -> None:
    """Write the slots, item states and actions that changed since loading or the last call."""
    removed, kept = [], []
    for item_id, slot in sorted(projection.changed_slots):
        standing = projection.opinions[item_id].get(slot)
        if standing is None:
            removed.append({"of_item": item_id, "of_slot": slot})
        else:
            kept.append(standing.as_row(item_id, slot))
    if removed:
        connection.execute(_REMOVE_OPINION, removed)
    _upsert(connection, schema.opinions, kept, ("item_id", "slot"))
    states = [
        item_row(
            item_id,
            projection.opinions[item_id],
            opinions_needed(item_id, projection.rules),
            projection.versions[item_id],
        )
        for item_id in sorted({item_id for item_id, _ in projection.changed_slots})
    ]
    _update_items(connection, states)
    done = [projection.actions[key].as_row() for key in sorted(projection.changed_actions)]
    _upsert(connection, schema.actions, done, ("id",))
    projection.changed_slots.clear()
    projection.changed_actions.clear()


def save_frame(connection: sa.Connection, projection: Projection) -> None:
    """Write people, assignments, rules and binding."""
    _replace(connection, schema.people, [asdict(person) for person in projection.people.values()])
    names = ("person", "field", "value")
    _replace(
        connection,
        schema.assignments,
        [dict(zip(names, entry, strict=True)) for entry in sorted(projection.assignments)],
    )
    settings = [{"key": key, "value": value} for key, value in projection.settings().items()]
    _replace(connection, schema.settings, settings)


def refresh_needed(connection: sa.Connection, rules: Rules) -> None:
    """Bring the number of needed opinions, and what follows from it, up to date on all items."""
    standings: dict[str, dict[str, Standing]] = {}
    for row in connection.execute(sa.select(schema.opinions)):
        standings.setdefault(row.item_id, {})[row.slot] = Standing.from_row(row)
    ids = connection.scalars(sa.select(schema.items.c.item_id)).all()
    _update_items(
        connection, [item_row(item_id, standings.get(item_id, {}), opinions_needed(item_id, rules)) for item_id in ids]
    )


def fold_log(connection: sa.Connection) -> Projection:
    """Make the projection from the log alone."""
    projection = Projection()
    for event in stored_events(connection):
        try:
            projection.apply(event)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreDamagedError(
                f"Event {event.seq} of the review store cannot be understood ({type(error).__name__}: {error}).",
                "Check the log with: labelaudit store verify",
            ) from error
    return projection


def rebuild(connection: sa.Connection) -> Projection:
    """Make the projected tables again from the log."""
    with _collector_paused():
        projection = fold_log(connection)
        _replace(connection, schema.opinions, _opinion_rows(projection))
        _replace(connection, schema.actions, projection.action_rows())
    save_frame(connection, projection)
    connection.execute(sa.update(schema.items).values(_UNTOUCHED))
    ids = connection.scalars(sa.select(schema.items.c.item_id))
    # Most items are as the table has them by default, unless the rules ask for more than one opinion.
    touched = (item_id for item_id in ids if item_id in projection.versions or projection.rules.opinions > 1)
    _update_items(connection, [_state_of(projection, item_id) for item_id in touched])
    return projection


def compare_with_log(connection: sa.Connection) -> str | None:
    """Return None if every projected table is what the log says, else the first difference in words."""
    projection = fold_log(connection)
    ids = connection.scalars(sa.select(schema.items.c.item_id)).all()
    expected: list[tuple[sa.Table, tuple[str, ...], list[dict[str, Any]]]] = [
        (schema.items, _STATE, [_state_of(projection, item_id) for item_id in ids]),
        (schema.opinions, _names(schema.opinions), _opinion_rows(projection)),
        (schema.actions, _names(schema.actions), projection.action_rows()),
        (schema.people, _names(schema.people), [asdict(person) for person in projection.people.values()]),
        (
            schema.settings,
            _names(schema.settings),
            [{"key": key, "value": value} for key, value in projection.settings().items()],
        ),
    ]
    for table, names, rows in expected:
        stored = {tuple(row) for row in connection.execute(sa.select(*(table.c[name] for name in names)))}
        derived = {tuple(row[name] for name in names) for row in rows}
        if stored != derived:
            example = min(map(str, stored ^ derived))
            return f"{len(stored ^ derived)} rows of the table '{table.name}' differ from the log, such as {example}"
    return None


def _state_of(projection: Projection, item_id: str) -> dict[str, Any]:
    return item_row(
        item_id,
        projection.opinions.get(item_id, {}),
        opinions_needed(item_id, projection.rules),
        projection.versions.get(item_id, 0),
    )


def _opinion_rows(projection: Projection) -> list[dict[str, Any]]:
    return [
        standing.as_row(item_id, slot)
        for item_id, slots in projection.opinions.items()
        for slot, standing in slots.items()
    ]


def _names(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.c)


def _update_items(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    query = _item_update(tuple(name for name in rows[0] if name != "item_id"))
    connection.execute(query, [{f"to_{name}": value for name, value in row.items()} for row in rows])


@cache
def _item_update(names: tuple[str, ...]) -> sa.Update:
    values: dict[str, Any] = {name: sa.bindparam(f"to_{name}") for name in names}
    return sa.update(schema.items).where(schema.items.c.item_id == sa.bindparam("to_item_id")).values(values)


def _replace(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    connection.execute(sa.delete(table))
    key = itemgetter(*(column.name for column in table.primary_key))
    # In the order of the key an index grows at its end instead of everywhere.
    rows.sort(key=key)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        connection.execute(sa.insert(table), rows[start : start + _ROWS_AT_ONCE])


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking millions of live objects again and again while they are made."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _upsert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]], key: tuple[str, ...]) -> None:
    if rows:
        connection.execute(_upsert_into(connection.dialect.name, table, key), rows)


@cache
def _upsert_into(dialect: str, table: sa.Table, key: tuple[str, ...]) -> sa.Insert:
    from sqlalchemy.dialects import postgresql, sqlite

    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    changes = {name: insert.excluded[name] for name in _names(table) if name not in key}
    return insert.on_conflict_do_update(index_elements=list(key), set_=changes)
