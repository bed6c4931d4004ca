"""Copies of a store: backups, the log as JSON lines, and a move to another database."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from labelaudit.atomic import atomic_file
from labelaudit.errors import OutputError, StoreDamagedError, StoreError
from labelaudit.store import schema
from labelaudit.store.bulk import insert_rows
from labelaudit.store.chain import Event, as_json, check_chain, stored_events
from labelaudit.store.database import Database
from labelaudit.store.persistence import rebuild

__all__ = ["backup", "copy_store", "export_log", "read_log", "restore_log"]

_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")


def backup(database: Database, folder: Path, *, note: str = "") -> Path:
    """Write a copy of the store into `folder` while others go on writing, and return its path.

    A SQLite store is copied as a file that can be put in the place of the original. Of a Postgres store the whole log
    is written as JSON lines; ``labelaudit store restore`` makes a store of it.

    Raises
    ------
    OutputError
        If the folder cannot be written to; nothing half-written is left.
    """
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S")
    name = "-".join(part for part in ("store", stamp, note) if part)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot make the folder {folder}: {error.strerror}.", "Choose another one.") from error
    ending = ".sqlite" if database.is_sqlite else ".jsonl"
    path, number = folder / f"{name}{ending}", 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}{ending}"
    if database.file is None:
        export_log(database, path)
    else:
        _copy_file(database, path)
    return path


def _copy_file(database: Database, path: Path) -> None:
    def copy(connection: sa.Connection) -> None:
        source: Any = connection.connection.dbapi_connection
        try:
            with contextlib.closing(sqlite3.connect(temporary)) as target:
                source.backup(target)
                # One file, without a log beside it, is easier to carry about.
                target.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            if not getattr(error, "sqlite_errorname", "").startswith(_NO_ROOM):
                raise  # of the store itself, which the database puts into words
            raise OutputError(f"Cannot write the backup {path}: {error}.", "Free some space and try again.") from error
        finally:
            for ending in ("-journal", "-wal", "-shm"):
                Path(f"{temporary}{ending}").unlink(missing_ok=True)

    with atomic_file(path) as temporary:
        database.read(copy)


def export_log(database: Database, path: Path) -> int:
    """Write every event as one JSON object a line, in order, and return how many."""

    def write(connection: sa.Connection) -> int:
        count = 0
        with temporary.open("w", encoding="ascii", newline="\n") as file:
            for event in stored_events(connection):
                file.write(json.dumps(event.as_plain(), separators=(",", ":")) + "\n")
                count += 1
        return count

    with atomic_file(path) as temporary:
        return database.read(write)


def read_log(path: Path) -> Iterator[Event]:
    """Return the events of a file that :func:`export_log` wrote, one by one.

    Raises
    ------
    StoreError
        If there is no such file.
    StoreDamagedError
        With the line that is no event.
    """
    if not path.is_file():
        raise StoreError(f"The log {path} cannot be read: there is no such file.", "Check the path.")
    return _events_in(path)


def _events_in(path: Path) -> Iterator[Event]:
    try:
        with path.open(encoding="ascii") as file:
            for number, line in enumerate(file, start=1):
                yield _event_of(line, path, number)
    except OSError as error:
        raise StoreError(f"The log {path} cannot be read: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise StoreDamagedError(f"{path} is no log of a review store.", "Name a file made by store export.") from error


def _event_of(line: str, path: Path, number: int) -> Event:
    try:
        values = json.loads(line)
        for side in ("before", "after"):
            if values[side] is not None:
                values[side] = as_json(values[side])
        return Event(**values)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreDamagedError(
            f"{path}, line {number}: this is no event of a review store ({type(error).__name__}: {error}).",
            "Use an unchanged export or backup.",
        ) from error


def restore_log(database: Database, log: Iterable[Event]) -> int:
    """Fill an empty store with the events of a log and project them; return how many.

    The queue columns are not in the log: bind the store to its audit afterwards.

    Raises
    ------
    StoreError
        If the store is not empty.
    StoreDamagedError
        If an event of the log was changed, removed, added or moved; nothing is restored.
    """

    def fill(connection: sa.Connection) -> int:
        _refuse_full(connection, database)
        count = _insert_events(connection, iter(log))
        check_chain(connection)
        rebuild(connection)
        return count

    return database.write(fill)


def copy_store(source: Database, target: Database) -> int:
    """Copy a whole store, claims apart, into an empty one, SQLite or Postgres either way; return the number of events.

    Raises
    ------
    StoreError
        If the target is not empty.
    """

    def copy(reading: sa.Connection) -> int:
        def fill(writing: sa.Connection) -> int:
            _refuse_full(writing, target)
            _copy_rows(reading, writing, schema.items)
            count = _insert_events(writing, stored_events(reading))
            rebuild(writing)
            return count

        return target.write(fill)

    return source.read(copy)


def _refuse_full(connection: sa.Connection, database: Database) -> None:
    if connection.execute(sa.select(schema.events.c.seq).limit(1)).first() is not None:
        raise StoreError(
            f"The review store {database.name} holds decisions already.", "Name an empty database or a new file."
        )


def _insert_events(connection: sa.Connection, log: Iterator[Event]) -> int:
    count = insert_rows(connection, schema.events, log, names=Event._fields)
    last = connection.execute(sa.select(schema.events).order_by(schema.events.c.seq.desc()).limit(1)).first()
    if last is not None:
        connection.execute(sa.update(schema.head).values(seq=last.seq, hash=last.hash, at=last.at))
    return count


def _copy_rows(reading: sa.Connection, writing: sa.Connection, table: sa.Table) -> None:
    writing.execute(sa.delete(table))
    insert_rows(writing, table, reading.execute(sa.select(table)))
