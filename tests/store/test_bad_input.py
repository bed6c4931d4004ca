"""Broken, locked, full, foreign and unreachable stores: clear words, and nothing half-written."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import time
import uuid

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from labelaudit.decisions import Decision, Verdict
from labelaudit.errors import LabelAuditError, StoreDamagedError, StoreError, StoreUnavailableError, UsageError
from labelaudit.store import Filter, Store, schema
from labelaudit.store.database import Database
from labelaudit.store.filesystems import refuse_network_file_system
from labelaudit.store.migrate import MIGRATIONS, _configuration, migrate
from tests.store.conftest import filled
from tests.store.processes import Child


@pytest.fixture
def file(tmp_path):
    """A SQLite store with one decision."""
    place = tmp_path / "store.sqlite"
    with Store(place, backups=tmp_path / "backups") as store:
        filled(store, 5)
        decide(store, "i000000")
    return place


def decide(store, item_id):
    command = Decision(id=str(uuid.uuid4()), item_id=item_id, verdict=Verdict.KEEP)
    return store.decide([command], person="bob", client="tab")


def reopened(file, **options):
    return Store(file, backups=file.parent / "backups", **options)


def test_a_locked_store_says_so_and_works_again_when_it_is_free(file):
    with reopened(file, patience=0.3) as store:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked by another program"):
            decide(store, "i000001")
        other.execute("ROLLBACK")
        other.close()
        assert store.count(Filter()).decided == 1
        decide(store, "i000001")
        assert store.count(Filter()).decided == 2


def test_a_full_disk_leaves_what_was_there(file):
    with reopened(file) as store:
        with store.database._engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        note = "x" * 9_000
        commands = [
            Decision(id=str(uuid.uuid4()), item_id=f"i{k:06d}", verdict=Verdict.KEEP, note=note) for k in range(1, 5)
        ]
        with pytest.raises(StoreUnavailableError, match=r"disk of the review store .* is full"):
            store.decide(commands, person="bob", client="tab")
        assert store.count(Filter()).decided == 1
    with reopened(file) as store:
        store.verify()


def test_a_store_that_may_not_be_written_says_so(file):
    def work(say):
        file.chmod(0o444)
        file.parent.chmod(0o555)
        if os.geteuid() == 0:
            for folder in file.parent.parents[:-2]:  # pytest's folders are closed to others
                folder.chmod(0o755)
            os.seteuid(65534)
        try:
            with reopened(file, patience=0.2) as store:
                decide(store, "i000001")
        except StoreUnavailableError as error:
            say(str(error))

    said = Child(work).join()
    file.parent.chmod(0o755)
    file.chmod(0o644)
    assert "cannot be written to" in said[0]
    with reopened(file) as store:
        assert store.count(Filter()).decided == 1


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", StoreError, "newer labelaudit .schema 9999"),
        ("DROP TABLE alembic_version", StoreDamagedError, "not the number of its schema"),
        ("DROP TABLE opinions", StoreDamagedError, "lacks the tables opinions"),
    ],
)
def test_newer_and_damaged_schemas_are_refused(file, statement, kind, message):
    with sqlite3.connect(file) as connection:
        connection.execute(statement)
    before = file.read_bytes()
    with pytest.raises(kind, match=message):
        reopened(file)
    assert file.read_bytes() == before


def test_a_file_that_lost_all_its_bytes_is_not_begun_anew(file):
    file.write_bytes(b"")
    reopened(file).close()  # made just now: another process may be about to fill it
    file.write_bytes(b"")
    os.utime(file, (time.time() - 3600,) * 2)
    with pytest.raises(StoreDamagedError, match="no bytes are left of it"):
        reopened(file)
    assert file.read_bytes() == b""


@pytest.mark.parametrize("content", [b"no database at all" * 100, None])
def test_a_damaged_file_is_refused(file, content):
    if content is None:
        content = bytearray(file.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(StoreDamagedError, match="restore the newest backup"):
        reopened(file)


def test_an_event_that_makes_no_sense_is_named(file):
    with reopened(file) as store:
        with store.database._engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER events_no_update")
            connection.execute(sa.update(schema.events).where(schema.events.c.seq == 6).values(after='{"verdict":"x"}'))
        with pytest.raises(StoreDamagedError, match=r"Event 6 .* cannot be understood"):
            store.rebuild()
        assert store.count(Filter()).decided == 1


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        ("mysql://host/db", UsageError, "cannot live in 'mysql'"),
        ("nonsense", UsageError, "is no database URL"),
        ("sqlite://", UsageError, "needs a file"),
        ("sqlite:////no/such/folder/store.sqlite", StoreUnavailableError, "/no/such/folder does not exist"),
    ],
)
def test_places_where_no_store_can_be(url, kind, message, tmp_path):
    with pytest.raises(kind, match=message):
        Store(url, backups=tmp_path)


def test_a_server_that_is_not_there_is_named_without_the_password(tmp_path):
    pytest.importorskip("psycopg")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(StoreUnavailableError, match="cannot be reached") as caught:
        Store(f"postgresql://ann:secret@127.0.0.1:{port}/reviews", backups=tmp_path, patience=0.3)
    assert "secret" not in str(caught.value)
    assert f"127.0.0.1:{port}/reviews" in str(caught.value)


@pytest.mark.slow
def test_a_database_that_does_not_exist_is_not_waited_for(postgres, tmp_path):
    url = sa.engine.make_url(postgres.new_store()).set(database="nowhere")
    with pytest.raises(StoreUnavailableError, match='"nowhere" does not exist'):
        Store(url.render_as_string(hide_password=False), backups=tmp_path, patience=600)


@pytest.mark.parametrize(
    ("mounts", "refused"),
    [
        ("/dev/sda1 / ext4 rw 0 0\nserver:/x {folder} nfs4 rw 0 0\n", "nfs4"),
        ("/dev/sda1 / ext4 rw 0 0\nme@host: {folder} fuse.sshfs rw 0 0\n", "fuse.sshfs"),
        ("C: / 9p rw 0 0\n", "9p"),
        ("//nas/y / cifs rw 0 0\n/dev/sda1 {folder} ext4 rw 0 0\n", None),
        ("overlay / overlay rw 0 0\nx {folder}/deeper nfs rw 0 0\n", None),
        ("x / fuse.fuse-overlayfs rw 0 0\n", None),
        ("x /caf\udce9\u2028 ext4 rw 0 0\nserver:/x {folder} nfs rw 0 0\n", "nfs"),
    ],
)
def test_network_file_systems_are_refused(tmp_path, mounts, refused):
    folder = tmp_path / "shared drive"
    folder.mkdir()
    table = tmp_path / "mounts"
    table.write_bytes(os.fsencode(mounts.format(folder=str(folder).replace(" ", "\\040"))))
    if refused is None:
        refuse_network_file_system(folder / "store.sqlite", table)
        return
    with pytest.raises(StoreUnavailableError, match=f"network file system .{refused}"):
        refuse_network_file_system(folder / "store.sqlite", table)


def test_without_a_table_of_mounts_nothing_is_refused(tmp_path):
    refuse_network_file_system(tmp_path / "store.sqlite", tmp_path / "no table")


# -- migrations


def test_the_migrations_make_the_tables_that_the_code_names(store):
    heads = ScriptDirectory.from_config(_configuration(MIGRATIONS)).get_heads()
    assert heads == [schema.REVISION]
    with store.database._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []


@pytest.fixture
def next_migration(tmp_path):
    """The migrations with another one, as a later version would bring it."""
    folder = tmp_path / "migrations of 100%"
    shutil.copytree(MIGRATIONS, folder)

    def write(statement):
        (folder / "versions" / "next.py").write_text(
            f"from alembic import op\nrevision, down_revision = 'next', '{schema.REVISION}'\n\n"
            f"def upgrade():\n    op.execute('ALTER TABLE people ADD COLUMN mail TEXT')\n    {statement}\n"
        )
        return folder

    return write


def test_an_older_store_is_backed_up_and_brought_up_to_date(location, tmp_path, next_migration):
    with Store(location, backups=tmp_path / "backups") as store:
        filled(store, 5)
        count = store.verify()[0]
    database = Database(location)
    saved = migrate(database, backups=tmp_path / "backups", migrations=next_migration("pass"), revision="next")
    names = database.read(lambda connection: {c["name"] for c in sa.inspect(connection).get_columns("people")})
    database.close()
    assert "mail" in names
    if saved.suffix == ".sqlite":
        with Store(saved, backups=tmp_path) as copy:
            assert copy.verify()[0] == count
    else:
        assert len(saved.read_text().splitlines()) == count
    with pytest.raises(StoreError, match="newer labelaudit"):
        Store(location, backups=tmp_path / "backups")


def test_slices_of_an_older_store_are_found_again(location, tmp_path):
    database = Database(location)
    migrate(database, backups=tmp_path, revision="0001")

    def fill(connection):
        columns = "row, content_hash, is_suspect, is_ambiguous, suspicion_rank, ambiguity_rank, chance_rank, item_id"
        for k, slices in enumerate([[("channel", "chat"), ("region", "a b")], [("channel", "chatty")], []], start=1):
            values = f"{k}, 'h{k}', true, false, {k}, {k}, {k}, 'i{k}'"
            connection.exec_driver_sql(f"INSERT INTO items ({columns}) VALUES ({values})")
            for name, value in slices:
                connection.exec_driver_sql(f"INSERT INTO item_groups VALUES ('i{k}', '{name}', '{value}')")

    database.write(fill)
    database.close()
    with Store(location, backups=tmp_path) as store:
        store.team.enter("ann")
        for group, expected in {
            ("channel", "chat"): ["i1"],
            ("channel", "chatty"): ["i2"],
            ("region", "a"): [],
        }.items():
            assert [card.item_id for card in store.page(Filter(group=group), "chance", person="ann")] == expected


def test_skips_of_an_older_store_no_longer_count_as_turned_down(location, tmp_path):
    with Store(location, backups=tmp_path) as store:
        filled(store, 5)
        said = [("i000000", Verdict.SKIP, ""), ("i000001", Verdict.KEEP, '"verdict":"skip"')]
        commands = [Decision(id=f"{k}", item_id=i, verdict=v, note=note) for k, (i, v, note) in enumerate(said)]
        store.decide(commands, person="bob", client="tab")
        with store.database._engine.begin() as connection:
            connection.execute(sa.update(schema.actions).values(accepted=False))
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    with Store(location, backups=tmp_path) as store:
        store.verify()
        assert [(row.shown, row.accepted) for row in store.records.first_answers()] == [(1, 0)]


def test_a_migration_that_fails_leaves_the_store_as_it_was(location, tmp_path, next_migration):
    with Store(location, backups=tmp_path / "backups") as store:
        filled(store, 5)
    database = Database(location)
    with pytest.raises(LabelAuditError, match="damaged"):
        migrate(
            database,
            backups=tmp_path / "backups",
            migrations=next_migration("op.execute('SELECT nonsense FROM nowhere')"),
            revision="next",
        )
    database.close()
    with Store(location, backups=tmp_path / "backups") as store:
        store.verify()
        decide(store, "i000000")


def test_processes_that_open_a_new_store_together_make_it_once(location, tmp_path):
    def work(say):
        with Store(location, backups=tmp_path, patience=60) as store:
            say(store.team.enter("ann").role)

    children = [Child(work) for _ in range(6)]
    assert [child.join() for child in children] == [["lead"]] * 6
    with Store(location, backups=tmp_path) as store:
        assert store.verify()[0] == 1
