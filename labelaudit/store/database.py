"""One database, SQLite or Postgres: transactions that are retried where that is safe, and errors in plain words."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from labelaudit.errors import MissingExtraError, StoreDamagedError, StoreError, StoreUnavailableError, UsageError
from labelaudit.store.filesystems import refuse_network_file_system
from labelaudit.store.turn import turn

__all__ = ["Database"]

T = TypeVar("T")

_WRITERS_LOCK = "SELECT pg_advisory_xact_lock(hashtext('labelaudit'), hashtext(current_schema()))"
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "cache_size = -32000",
    # Whoever commits the last of so many pages writes them all back while the others wait. Decisions change the same
    # pages again and again: of 64 MB in the log that takes 30 to 45 ms once in 600 rounds, of 16 MB 13 to 20 ms in 140.
    "wal_autocheckpoint = 16000",
    "journal_size_limit = 67108864",  # a rebuild leaves a log of hundreds of megabytes behind
)
_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.5
_NEW_S = 60
"""Seconds for which a file of no bytes may be one that another process is about to fill."""


class Database:
    """Where a store lives.

    Parameters
    ----------
    url : str or Path
        ``postgresql+psycopg://user@host/name``, ``sqlite:///path``, or the path of a SQLite file.
    patience : float
        Seconds to keep trying while the database is locked or its server is away.

    Raises
    ------
    UsageError
        If the URL is of neither kind.
    MissingExtraError
        If it is Postgres and its driver is not installed.
    StoreUnavailableError
        If a SQLite file would lie on a network file system or in no folder.
    StoreDamagedError
        If a SQLite file has lost all it held.
    """

    def __init__(self, url: str | Path, *, patience: float = 10.0) -> None:
        self.url = _parsed(url)
        self.patience = patience
        self.file = Path(self.url.database or "") if self.url.get_backend_name() == "sqlite" else None
        if self.file is None:
            self._engine = _postgres_engine(self.url)
        else:
            refuse_network_file_system(self.file)
            self._engine = _sqlite_engine(self.url)
        self._driver_error: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        self._writing = self._engine.execution_options(writing=True)
        # SQLite reads one snapshot for a whole transaction by itself; Postgres has to be asked.
        self._reading = (
            self._engine if self.is_sqlite else self._engine.execution_options(isolation_level="REPEATABLE READ")
        )

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a SQLite file."""
        return self.file is not None

    @property
    def name(self) -> str:
        """The database in messages: its file, or its URL without the password."""
        return str(self.file) if self.file is not None else self.url.render_as_string(hide_password=True)

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` on one unchanging view of the database."""
        return self._patiently(self._reading, work)

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` as one transaction, whole or not at all, while nobody else writes.

        It is run again if the database was busy or its server went away, also when the outcome of a commit is unknown;
        so it must find out for itself what is already there, which events do by their ids.

        Raises
        ------
        StoreUnavailableError
            If the database stays locked or away, is read-only, or is full; nothing was written.
        StoreDamagedError
            If the file or its tables are broken.
        """
        return self._patiently(self._writing, work)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def now(self, connection: sa.Connection) -> int:
        """Return milliseconds since the epoch: the server's clock where several machines write, else this one's."""
        if self.is_sqlite:
            return time.time_ns() // 1_000_000
        return int(connection.scalar(sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")) or 0)

    def _patiently(self, engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
        deadline = time.monotonic() + self.patience
        pause = _FIRST_PAUSE
        file = self.file if engine is self._writing else None
        while True:
            try:
                own_turn = contextlib.nullcontext() if file is None else turn(file, deadline)
                with engine.connect() as connection, own_turn, connection.begin():
                    return work(connection)
            except (DBAPIError, PoolTimeoutError, self._driver_error) as error:
                cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
                if not self._is_passing(cause) or time.monotonic() + pause > deadline:
                    raise self._in_words(cause) from error
            # Waiting writers come back at different moments, or they would meet again.
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _is_passing(self, error: BaseException) -> bool:
        if isinstance(error, PoolTimeoutError):
            return True
        if self.is_sqlite:
            return _sqlite_code(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"))
        state, driver = _sqlstate(error), self._engine.dialect.loaded_dbapi
        # No state: the server was not reached or hung up. 08: connection; 40: lost a race; 57P: shutting down or
        # starting; 55P03: waited too long for a lock; 25P03: our own limit on an idle transaction.
        is_operational = isinstance(error, driver.OperationalError | driver.InterfaceError)
        refused_login = "password authentication failed" in str(error) or "does not exist" in str(error)
        return (state is None and is_operational and not refused_login) or (state or "").startswith(
            ("08", "40", "57P", "55P03", "25P03")
        )

    def _in_words(self, error: BaseException) -> StoreError:
        if isinstance(error, PoolTimeoutError):
            return StoreUnavailableError(
                f"All connections to {self.name} are in use.", "Nothing was saved; try again in a moment."
            )
        return _sqlite_error(error, self.name) if self.is_sqlite else _postgres_error(error, self.name)


def _parsed(url: str | Path) -> sa.URL:
    if isinstance(url, Path):
        return sa.URL.create("sqlite", database=str(url))
    try:
        parsed = sa.engine.make_url(url)
    except sa.exc.ArgumentError as error:
        raise UsageError(
            f"{url!r} is no database URL.", "Write postgresql+psycopg://user@host/name or sqlite:///path."
        ) from error
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise UsageError(
            f"A review store cannot live in {parsed.drivername!r}.",
            "Write postgresql+psycopg://user@host/name or sqlite:///path.",
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise UsageError("A review store needs a file.", "Write sqlite:///path, with a third slash.")
    return parsed


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    folder = Path(url.database or "").parent
    if not folder.is_dir():
        raise StoreUnavailableError(f"The folder {folder} does not exist.", "Create it, or name another place.")
    _refuse_emptied(Path(url.database or ""))
    # Waiting is done above, in short steps: SQLite's own way of waiting lets the same writer lose again and again.
    engine = sa.create_engine(url, connect_args={"timeout": 0}, pool_size=5, max_overflow=20, pool_timeout=5)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin below, not where the driver guesses
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        driver: Any = connection.connection.dbapi_connection
        driver.execute("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _refuse_emptied(file: Path) -> None:
    """Refuse a file of no bytes, which SQLite would take for a new database, unless it was made just now."""
    with contextlib.suppress(FileNotFoundError):
        found = file.stat()
        if found.st_size == 0 and time.time() - found.st_mtime > _NEW_S:
            raise StoreDamagedError(
                f"The review store {file} is empty: no bytes are left of it.",
                "Restore the newest backup: see 'Backup and restore' in docs/store.md. If nothing was ever decided,"
                " delete the file.",
            )


def _postgres_engine(url: sa.URL) -> sa.Engine:
    # A client that dies or hangs inside a transaction must not hold up the others for ever.
    limits = "-c lock_timeout=10s -c idle_in_transaction_session_timeout=30s"
    options = f"{url.query.get('options', '')} {limits}".strip()
    try:
        engine = sa.create_engine(
            url,
            connect_args={"connect_timeout": 5, "options": options},
            isolation_level="READ COMMITTED",
            pool_timeout=5,
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("A Postgres store", "psycopg", "postgres") from error

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # What BEGIN IMMEDIATE is to SQLite: writers of one store (a schema) follow one another, so that what a
        # transaction has read is still true when it writes. The lock ends with the transaction.
        if connection.get_execution_options().get("writing", False):
            connection.exec_driver_sql(_WRITERS_LOCK)

    return engine


def _sqlite_code(error: BaseException) -> str:
    return str(getattr(error, "sqlite_errorname", ""))


def _sqlite_error(error: BaseException, name: str) -> StoreError:
    code = _sqlite_code(error)
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
        return StoreUnavailableError(
            f"The review store {name} is locked by another program.",
            "Nothing was saved. Close the program that holds it (a backup, a database browser) and try again.",
        )
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return StoreUnavailableError(
            f"The review store {name} cannot be written to ({error}).",
            "Nothing was saved. Give yourself the right to write to the file and its folder.",
        )
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return StoreUnavailableError(
            f"The disk of the review store {name} is full or failing ({error}).",
            "Nothing was saved; what was saved before is safe. Free some space and try again.",
        )
    return StoreDamagedError(
        f"The review store {name} is damaged ({error}).",
        "Move it aside and restore the newest backup: see 'Backup and restore' in docs/store.md.",
    )


def _sqlstate(error: BaseException) -> str | None:
    state = getattr(error, "sqlstate", None)
    return None if state is None else str(state)


def _postgres_error(error: BaseException, name: str) -> StoreError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    state = _sqlstate(error) or ""
    if state.startswith(("53", "25006", "42501")):
        return StoreUnavailableError(
            f"The review store {name} cannot be written to ({reason}).", "Nothing was saved; ask its administrator."
        )
    if state.startswith(("42", "22", "23", "P0", "XX")):
        return StoreDamagedError(
            f"The review store {name} is damaged ({reason}).",
            "Restore the newest backup: see 'Backup and restore' in docs/store.md.",
        )
    return StoreUnavailableError(
        f"The review store {name} cannot be reached ({reason}).",
        "Nothing was saved. Check that the server runs and that the address and password are right, then try again.",
    )
