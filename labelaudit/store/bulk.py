"""Whole tables at once, in the driver's own way: for a rebuild, a first opening, a copy."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

__all__ = ["collector_paused", "indexes_apart", "insert_rows", "names_of", "replace_rows", "update_rows"]

_ROWS_AT_ONCE = 20_000


def names_of(table: sa.Table) -> tuple[str, ...]:
    """Return the names of the columns in their order."""
    return tuple(column.name for column in table.c)


def insert_rows(
    connection: sa.Connection, table: sa.Table, rows: Iterable[Sequence[Any]], *, names: Sequence[str] | None = None
) -> int:
    """Add `rows`, with values for the columns `names` (default: all, in the table's order), and return how many.

    The rows go to the driver as they are: a million of them made into parameters one by one takes SQLAlchemy longer
    than SQLite needs to store them.
    """
    named = names_of(table) if names is None else names
    quote, mark = _writing(connection)
    columns, marks = ", ".join(map(quote, named)), ", ".join(mark for _ in named)
    statement = f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({marks})"  # noqa: S608 -- names of the schema
    return _run(connection, statement, rows)


def update_rows(
    connection: sa.Connection, table: sa.Table, rows: Iterable[Sequence[Any]], *, names: Sequence[str]
) -> int:
    """Change the rows whose key is the first of `names`; a row gives that key, then the new values of the others."""
    quote, mark = _writing(connection)
    key, *others = map(quote, names)
    changes = ", ".join(f"{name} = {mark}" for name in others)
    statement = f"UPDATE {quote(table.name)} SET {changes} WHERE {key} = {mark}"  # noqa: S608 -- names of the schema
    return _run(connection, statement, ((*values, found) for found, *values in rows))


def _writing(connection: sa.Connection) -> tuple[Callable[[str], str], str]:
    """Return how the database quotes a name, and how its driver marks a value."""
    return connection.dialect.identifier_preparer.quote, "?" if connection.dialect.name == "sqlite" else "%s"


def _run(connection: sa.Connection, statement: str, rows: Iterable[Sequence[Any]]) -> int:
    source, count = iter(rows), 0
    while block := list(map(tuple, islice(source, _ROWS_AT_ONCE))):
        connection.exec_driver_sql(statement, block)
        count += len(block)
    return count


def replace_rows(
    connection: sa.Connection,
    table: sa.Table,
    rows: Iterable[Sequence[Any]],
    *,
    names: Sequence[str] | None = None,
) -> None:
    """Make `rows` the content of a table, inside the transaction of `connection`."""
    named = names_of(table) if names is None else names
    # In the order of the key its index grows at the end instead of everywhere.
    key = itemgetter(*(named.index(column.name) for column in table.primary_key))
    connection.execute(sa.delete(table))
    with indexes_apart(connection, table):
        insert_rows(connection, table, sorted(rows, key=key), names=named)


@contextlib.contextmanager
def indexes_apart(connection: sa.Connection, table: sa.Table) -> Iterator[None]:
    """Make the indexes of a SQLite table again behind a change of most of its rows, which is quicker than row by row.

    On Postgres that would shut out readers until the end of the transaction; SQLite's see the state before it.
    """
    indexes = sorted(table.indexes, key=lambda index: str(index.name)) if connection.dialect.name == "sqlite" else []
    for index in indexes:
        index.drop(connection, checkfirst=True)
    yield
    for index in indexes:
        index.create(connection)


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking millions of live objects again and again while they are made."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
