"""``labelaudit store``: care of the review store."""

from __future__ import annotations

from pathlib import Path

import click

from labelaudit.cli._review import AuditGroup, audit_argument, me, person_option, store_option

__all__ = ["command"]


@click.group(
    cls=AuditGroup,
    short_help="Verify, back up, rebuild, export, restore, copy the reviews.",
    epilog="""\b
Examples:
  labelaudit store verify tickets.audit
  labelaudit store backup tickets.audit --to /backups
  labelaudit store export tickets.audit log.jsonl
  labelaudit store copy-to tickets.audit postgresql+psycopg://team@db/tickets
  labelaudit store carry old.audit new.audit""",
)
def command() -> None:
    """Take care of the reviews of an audit; docs/store.md says what is promised."""


@command.command(short_help="Prove that no event was changed, removed or moved.")
@audit_argument
@click.option("--head", metavar="HASH", help="Hash that an earlier run printed: it must be part of the log.")
@store_option
def verify(audit: str, head: str | None, url: str | None) -> None:
    """Check every event of AUDIT, and that the present state is what the events say.

    Note the printed hash somewhere else and give it with --head next time: then even somebody who can rewrite the whole
    database cannot change what came before it.
    """
    from labelaudit.reviewing import open_store

    with open_store(audit, store=url) as store:
        count, last = store.verify(expected_head=head)
    click.echo(f"{count} events, all whole. Head: {last}")


@command.command(short_help="Write a copy while others go on working.")
@audit_argument
@click.option("--to", "folder", type=click.Path(file_okay=False), help="Folder.  [default: reviews/backups in AUDIT]")
@store_option
def backup(audit: str, folder: str | None, url: str | None) -> None:
    """Write a backup of the reviews of AUDIT and print its path."""
    from labelaudit.reviewing import open_store

    with open_store(audit, store=url) as store:
        click.echo(store.backup(None if folder is None else Path(folder)))


@command.command(short_help="Make the present state again from the log.")
@audit_argument
@store_option
def rebuild(audit: str, url: str | None) -> None:
    """Make the present state of the reviews of AUDIT again from the events."""
    from labelaudit.reviewing import open_store

    with open_store(audit, store=url) as store:
        store.rebuild()
    click.echo("The present state was made again from the log.")


@command.command(short_help="Write the full log as JSON lines.")
@audit_argument
@click.argument("file", type=click.Path(dir_okay=False))
@store_option
def export(audit: str, file: str, url: str | None) -> None:
    """Write every event of AUDIT to FILE, one JSON object a line."""
    from labelaudit.reviewing import open_store

    with open_store(audit, store=url) as store:
        count = store.export(Path(file))
    click.echo(f"{count} events written to {file}.")


@command.command(short_help="Fill an empty store from a log.")
@audit_argument
@click.argument("file", type=click.Path(dir_okay=False))
@person_option
@store_option
def restore(audit: str, file: str, person: str | None, url: str | None) -> None:
    """Fill the empty store of AUDIT with the events in FILE, a log that 'store export' or a Postgres backup wrote."""
    from labelaudit.reviewing import open_queue, open_store

    with open_store(audit, store=url, create=True) as store:
        count = store.restore(Path(file))
    # Opening the queue loads the items, which are in the audit and not in the log.
    open_queue(audit, person=me(person), store=url).close()
    click.echo(f"{count} events restored.")


@command.command(name="copy-to", short_help="Move to another database.")
@audit_argument
@click.argument("target", metavar="URL")
@store_option
def copy_to(audit: str, target: str, url: str | None) -> None:
    """Copy the reviews of AUDIT into the empty database URL, SQLite to Postgres or back, and check the copy."""
    from labelaudit.reviewing import open_store

    with open_store(audit, store=url) as store, open_store(audit, store=target, create=True) as other:
        count = store.copy_to(other)
        _, last = other.verify(expected_head=store.verify()[1])
    click.echo(f"{count} events copied and verified. Head: {last}")
    place = other.database.url.render_as_string(hide_password=True)
    click.echo(f"From now on give --store '{place}', or set LABELAUDIT_STORE to it.")


@command.command(short_help="Take decisions along to a later audit.")
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@person_option
@store_option
def carry(old: str, new: str, person: str | None, url: str | None) -> None:
    """Take the decisions on the audit OLD along to NEW, an audit of grown or corrected data.

    They hold where content and label are the same, or the label is the one that was decided on; the rest is asked
    again.
    """
    from labelaudit.reviewing import carry_over

    done = carry_over(old, new, person=me(person), store=url)
    kept = "1 judged item" if done.kept == 1 else f"{done.kept:,} judged items"
    click.echo(f"{kept} carried over, {done.set_aside:,} set aside because they changed or are gone.")
