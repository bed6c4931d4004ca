"""Bring a store's tables up to date when it is opened, after a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from labelaudit.errors import StoreDamagedError, StoreError
from labelaudit.store import schema
from labelaudit.store.archive import backup
from labelaudit.store.database import Database

__all__ = ["MIGRATIONS", "migrate"]

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(
    database: Database, *, backups: Path, migrations: Path = MIGRATIONS, revision: str = schema.REVISION
) -> Path | None:
    """Create the tables or bring older ones up to date, in one transaction.

    Parameters
    ----------
    database : Database
        The store.
    backups : Path
        Folder for the backup that is made before existing tables are changed.
    migrations : Path
        Alembic's folder of migrations.
    revision : str
        Migration to reach.

    Returns
    -------
    Path or None
        The backup, if one was needed.

    Raises
    ------
    StoreError
        If a newer labelaudit has written the store.
    StoreDamagedError
        If tables are missing.
    """
    current = database.read(_current)
    if current == revision:
        database.read(_check_tables)
        return None
    saved = None
    if current is not None:
        _refuse_unknown(current, database, migrations)
        saved = backup(database, backups, note=f"before-{revision}")

    def upgrade(connection: sa.Connection) -> None:
        # Another process may have done it while this one waited for its turn to write.
        if _current(connection) != revision:
            _upgrade(connection, migrations, revision)

    database.write(upgrade)
    return saved


def _current(connection: sa.Connection) -> str | None:
    names = set(sa.inspect(connection).get_table_names())
    if "alembic_version" in names:
        found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        if found is not None:
            return str(found)
    if names & set(schema.metadata.tables):
        raise StoreDamagedError(
            "The database holds tables of a review store, but not the number of its schema.",
            "Restore the newest backup, or name an empty database.",
        )
    return None


def _check_tables(connection: sa.Connection) -> None:
    missing = set(schema.metadata.tables) - set(sa.inspect(connection).get_table_names())
    if missing:
        raise StoreDamagedError(
            f"The review store lacks the tables {', '.join(sorted(missing))}.", "Restore the newest backup."
        )


def _configuration(migrations: Path) -> Any:
    from alembic.config import Config

    configuration = Config()
    # Alembic reads "%" in options as the start of a substitution.
    configuration.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return configuration


def _refuse_unknown(current: str, database: Database, migrations: Path) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_configuration(migrations)).walk_revisions()}
    if current not in known:
        raise StoreError(
            f"The review store {database.name} was written by a newer labelaudit (schema {current}).",
            "Update this one: pip install --upgrade labelaudit. Nothing was changed.",
        )


def _upgrade(connection: sa.Connection, migrations: Path, revision: str) -> None:
    from alembic import command

    configuration = _configuration(migrations)
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)
