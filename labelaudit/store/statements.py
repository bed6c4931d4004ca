"""Statements that every claim and decision runs: built by SQLAlchemy, compiled once, run by the driver itself.

Whoever writes keeps the other writers waiting. SQLAlchemy takes 30 to 50 µs to run a statement for which SQLite needs
3, and two dozen of them are a reviewer's round; handed to the driver, they take as long as the database does.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

__all__ = ["NamedStatement", "Statement"]

_SIZES = (1, 8, 64, 512)
"""Lengths of IN lists; 512 values are well below what any SQLite accepts."""


class Statement:
    """A statement that is run often.

    Parameters
    ----------
    clause : select, insert, update or delete
        In SQLAlchemy's terms, with a bind parameter for each value that changes from run to run.

    Notes
    -----
    Values and rows are the driver's: truth values come from SQLite as 0 and 1. What the driver raises comes as it is;
    :class:`~labelaudit.store.database.Database` puts it into words.
    """

    def __init__(self, clause: sa.Select[Any] | sa.Insert | sa.Update | sa.Delete) -> None:
        self._clause = clause
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}
        names = clause.selected_columns.keys() if isinstance(clause, sa.Select) else ()
        self._row = _row_with(names)

    def rows(self, connection: sa.Connection, **values: Any) -> list[Any]:
        """Run a select and return its rows as named tuples."""
        return list(map(self._row._make, self._cursor(connection, values).fetchall()))

    def first(self, connection: sa.Connection, **values: Any) -> Any | None:
        """Run a select and return its first row as a named tuple; None if there is none."""
        row = self._cursor(connection, values).fetchone()
        return None if row is None else self._row._make(row)

    def run(self, connection: sa.Connection, **values: Any) -> None:
        """Run a change."""
        self._cursor(connection, values)

    def run_many(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a change once for each of `rows`, which give all its values by name."""
        if rows:
            text, _ = self._compiled_for(connection)
            _driver(connection).cursor().executemany(text, rows)

    def _cursor(self, connection: sa.Connection, values: dict[str, Any]) -> Any:
        text, constants = self._compiled_for(connection)
        return _driver(connection).cursor().execute(text, {**constants, **values})

    def _compiled_for(self, connection: sa.Connection) -> tuple[str, dict[str, Any]]:
        """Return the text for the connection's database, and the values in it that never change."""
        found = self._compiled.get(connection.dialect.name)
        if found is None:
            # By name on either database; on SQLite SQLAlchemy would else number them.
            dialect = sqlite.dialect(paramstyle="named") if connection.dialect.name == "sqlite" else connection.dialect
            compiled = self._clause.compile(dialect=dialect)
            given = {name for name, parameter in compiled.binds.items() if parameter.required}
            # Writes out IN lists of constants, such as the items of a selection.
            expanded = compiled.construct_expanded_state(dict.fromkeys(given), escape_names=False)
            constants = {name: value for name, value in expanded.parameters.items() if name not in given}
            found = self._compiled[connection.dialect.name] = expanded.statement, constants
        return found


class NamedStatement:
    """A statement on the rows that a list of names picks, which may be long.

    Parameters
    ----------
    build : callable
        Given bind parameters for the names, returns the statement with them in an IN list.
    """

    def __init__(self, build: Callable[[Sequence[sa.BindParameter[Any]]], sa.Select[Any] | sa.Delete]) -> None:
        self._build = build
        self._by_size: dict[int, Statement] = {}

    def rows(self, connection: sa.Connection, names: Iterable[str], **values: Any) -> Iterator[Any]:
        """Run a select on all `names` and yield its rows as named tuples."""
        for statement, named in self._blocks(names):
            yield from statement.rows(connection, **named, **values)

    def run(self, connection: sa.Connection, names: Iterable[str], **values: Any) -> None:
        """Run a change on all `names`."""
        for statement, named in self._blocks(names):
            statement.run(connection, **named, **values)

    def _blocks(self, names: Iterable[str]) -> Iterator[tuple[Statement, dict[str, str]]]:
        source = iter(names)
        while block := list(islice(source, _SIZES[-1])):
            # Filled up with a name that is there already, so that a few lengths of list serve for all.
            size = next(size for size in _SIZES if size >= len(block))
            block += block[-1:] * (size - len(block))
            yield self._of_size(size), {f"name_{k}": name for k, name in enumerate(block)}

    def _of_size(self, size: int) -> Statement:
        if size not in self._by_size:
            parameters = [sa.bindparam(f"name_{k}", type_=sa.Text) for k in range(size)]
            self._by_size[size] = Statement(self._build(parameters))
        return self._by_size[size]


def _row_with(names: Sequence[str]) -> Any:
    # A function of its own: the fields are known only now, so no type checker can follow.
    return namedtuple("Row", names)


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.dbapi_connection
