"""Projection and tables: load a part, save what changed, write all, compare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa

from labelaudit.decisions import Role, Rules, opinions_needed
from labelaudit.errors import StoreDamagedError
from labelaudit.store import schema
from labelaudit.store.bulk import collector_paused, indexes_apart, names_of, replace_rows, update_rows
from labelaudit.store.chain import stored_deeds
from labelaudit.store.projection import Binding, Done, Person, Projection, Standing, item_row
from labelaudit.store.statements import NamedStatement, Statement

__all__ = [
    "compare_with_log",
    "fold_log",
    "load_frame",
    "load_items",
    "rebuild",
    "refresh_needed",
    "save_changes",
    "save_frame",
    "update_items",
]

_ITEMS_NAMED = NamedStatement(lambda names: sa.select(schema.items).where(schema.items.c.item_id.in_(names)))
_OPINIONS_ON = NamedStatement(lambda names: sa.select(schema.opinions).where(schema.opinions.c.item_id.in_(names)))
_SETTINGS = Statement(sa.select(schema.settings))
_REMOVE_OPINION = Statement(
    sa.delete(schema.opinions).where(
        schema.opinions.c.item_id == sa.bindparam("of_item"), schema.opinions.c.slot == sa.bindparam("of_slot")
    )
)

_STATE_NAMES = ("item_id", "needed", "given_opinions", "status", "verdict", "label", "version")
"""Columns of the state of an item, in the order of :func:`~labelaudit.store.projection.item_row`."""
_STATES = sa.select(*(schema.items.c[name] for name in _STATE_NAMES))


def load_frame(connection: sa.Connection, *, people: bool = True) -> Projection:
    """Load what is small: binding and rules, and unless told otherwise people and assignments."""
    projection = Projection()
    values = {row.key: row.value for row in _SETTINGS.rows(connection)}
    projection.rules = _rules_of(values.get("rules", "{}"))
    projection.binding = _binding_of(values.get("binding", "null"))
    if people:
        for row in connection.execute(sa.select(schema.people)):
            projection.people[row.name] = Person(row.name, Role(row.role), bool(row.active))
        for row in connection.execute(sa.select(schema.assignments)):
            projection.assignments.add((row.person, row.field, row.value))
    return projection


@lru_cache(maxsize=64)
def _rules_of(text: str) -> Rules:
    return Rules(**json.loads(text))


@lru_cache(maxsize=64)
def _binding_of(text: str) -> Binding | None:
    values = json.loads(text)
    return None if values is None else Binding.from_dict(values)


def load_items(connection: sa.Connection, projection: Projection, item_ids: Iterable[str]) -> dict[str, Any]:
    """Load the opinions on some items into `projection`; return the rows of the table ``items`` by id."""
    wanted = [item_id for item_id in dict.fromkeys(item_ids) if item_id not in projection.opinions]
    found: dict[str, Any] = {}
    for row in _ITEMS_NAMED.rows(connection, wanted):
        found[row.item_id] = row
        projection.opinions.setdefault(row.item_id, {})
        projection.versions[row.item_id] = row.version
    for row in _OPINIONS_ON.rows(connection, wanted):
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
    _REMOVE_OPINION.run_many(connection, removed)
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
    update_items(connection, states)
    done = [projection.actions[key] for key in sorted(projection.changed_actions)]
    _upsert(connection, schema.actions, done, ("id",))
    projection.changed_slots.clear()
    projection.changed_actions.clear()


def save_frame(connection: sa.Connection, projection: Projection) -> None:
    """Write people, assignments, rules and binding."""
    replace_rows(connection, schema.people, _people_rows(projection))
    replace_rows(connection, schema.assignments, projection.assignments)
    replace_rows(connection, schema.settings, projection.settings().items())


def refresh_needed(connection: sa.Connection, rules: Rules) -> None:
    """Bring the number of needed opinions, and what follows from it, up to date on all items."""
    standings: dict[str, dict[str, Standing]] = {}
    for row in connection.execute(sa.select(schema.opinions)):
        standings.setdefault(row.item_id, {})[row.slot] = Standing.from_row(row)
    ids = connection.scalars(sa.select(schema.items.c.item_id)).all()
    update_items(
        connection, [item_row(item_id, standings.get(item_id, {}), opinions_needed(item_id, rules)) for item_id in ids]
    )


def fold_log(connection: sa.Connection) -> Projection:
    """Make the projection from the log alone."""
    projection = Projection()
    for event in stored_deeds(connection):
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
    with collector_paused():
        projection = fold_log(connection)
        replace_rows(connection, schema.opinions, _opinion_rows(projection))
        replace_rows(connection, schema.actions, projection.actions.values())
        stored = connection.execute(_STATES).all()
        derived = (tuple(_state_of(projection, row.item_id).values()) for row in stored)
        changed = [state for row, state in zip(stored, derived, strict=True) if tuple(row) != state]
        with indexes_apart(connection, schema.items) if len(changed) > len(stored) // 10 else nullcontext():
            update_rows(connection, schema.items, changed, names=_STATE_NAMES)
    save_frame(connection, projection)
    return projection


def compare_with_log(connection: sa.Connection) -> str | None:
    """Return None if every projected table is what the log says, else the first difference in words."""
    with collector_paused():
        return _first_difference(connection, fold_log(connection))


def _first_difference(connection: sa.Connection, projection: Projection) -> str | None:
    states = connection.execute(_STATES).all()
    expected: list[tuple[sa.Table, Iterable[Any], Iterable[Sequence[Any]]]] = [
        (schema.items, states, (tuple(_state_of(projection, row.item_id).values()) for row in states)),
        (schema.opinions, _all_rows(connection, schema.opinions), _opinion_rows(projection)),
        (schema.actions, _all_rows(connection, schema.actions), projection.actions.values()),
        (schema.people, _all_rows(connection, schema.people), _people_rows(projection)),
        (schema.assignments, _all_rows(connection, schema.assignments), projection.assignments),
        (schema.settings, _all_rows(connection, schema.settings), projection.settings().items()),
    ]
    for table, rows, wanted in expected:
        stored, derived = set(map(tuple, rows)), set(map(tuple, wanted))
        if stored != derived:
            different = stored ^ derived
            count = "1 row" if len(different) == 1 else f"{len(different)} rows"
            return f"the table '{table.name}' differs from the log in {count}, such as {min(map(str, different))}"
    return None


def _state_of(projection: Projection, item_id: str) -> dict[str, Any]:
    return item_row(
        item_id,
        projection.opinions.get(item_id, {}),
        opinions_needed(item_id, projection.rules),
        projection.versions.get(item_id, 0),
    )


def _all_rows(connection: sa.Connection, table: sa.Table) -> Iterable[Any]:
    return connection.execute(sa.select(table))


def _people_rows(projection: Projection) -> list[tuple[str, str, bool]]:
    return [(person.name, str(person.role), person.active) for person in projection.people.values()]


def _opinion_rows(projection: Projection) -> list[tuple[Any, ...]]:
    return [
        standing.as_row(item_id, slot)
        for item_id, slots in projection.opinions.items()
        for slot, standing in slots.items()
    ]


def update_items(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Change columns of some items; every row names its item and the same columns."""
    if not rows:
        return
    update = _item_update(tuple(name for name in rows[0] if name != "item_id"))
    update.run_many(connection, [{f"to_{name}": value for name, value in row.items()} for row in rows])


@cache
def _item_update(names: tuple[str, ...]) -> Statement:
    values: dict[str, Any] = {name: sa.bindparam(f"to_{name}") for name in names}
    return Statement(sa.update(schema.items).where(schema.items.c.item_id == sa.bindparam("to_item_id")).values(values))


def _upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]], key: tuple[str, ...]) -> None:
    if rows:
        named = [dict(zip(names_of(table), row, strict=True)) for row in rows]
        _upsert_into(connection.dialect.name, table, key).run_many(connection, named)


@cache
def _upsert_into(dialect: str, table: sa.Table, key: tuple[str, ...]) -> Statement:
    from sqlalchemy.dialects import postgresql, sqlite

    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    changes = {name: insert.excluded[name] for name in names_of(table) if name not in key}
    return Statement(insert.on_conflict_do_update(index_elements=list(key), set_=changes))
