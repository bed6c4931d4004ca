"""``labelaudit status``: where every batch is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from labelaudit.cli._review import audit_argument, store_option

if TYPE_CHECKING:
    from labelaudit.loop import BatchStatus

__all__ = ["command"]


@click.command(
    short_help="Tell where every batch is.",
    epilog="""\b
Examples:
  labelaudit status tickets.audit
  labelaudit status tickets.audit --format json
  labelaudit status tickets.audit --withdraw b-6ec2a7238c""",
)
@audit_argument
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="[default: table]")
@click.option("--withdraw", metavar="ID", help="Take a batch back that nobody will answer: its items are free again.")
@store_option
def command(audit: str, form: str, withdraw: str | None, url: str | None) -> None:
    """Tell for each batch of AUDIT how many of its items are answered, decided, or waiting for more opinions.

    Items that wait have answers and are not decided: more opinions are needed, or people disagree.
    """
    from labelaudit.audit_folder import load
    from labelaudit.batches import withdraw as take_back
    from labelaudit.loop import batch_status

    loaded = load(audit)
    if withdraw is not None:
        take_back(audit, withdraw)
    found = batch_status(loaded, store=url)
    if form == "json":
        import json

        click.echo(json.dumps([_plain(each) for each in found], indent=2, ensure_ascii=False))
    elif not found:
        click.echo(f"No batch yet. Write one with: labelaudit batch {audit}")
    else:
        _print_table(found)


def _plain(status: BatchStatus) -> dict[str, Any]:
    record = status.record
    return {
        "batch_id": record.batch.batch_id,
        "format": record.format,
        "path": record.path,
        "created": record.created,
        "checksum": record.checksum,
        "items": len(record.batch),
        "answered": status.answered,
        "decided": status.decided,
        "waiting": status.waiting,
        "people": list(status.people),
        "lost": list(record.lost),
        "withdrawn": record.withdrawn,
    }


def _print_table(found: list[BatchStatus]) -> None:
    from rich.table import Table
    from rich.text import Text

    from labelaudit.cli._console import results

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("Batch", "Format"):
        table.add_column(head, no_wrap=True)
    for head in ("Items", "Answered", "Decided", "Waiting"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("People", overflow="fold")
    for status in found:
        plain = _plain(status)
        numbers = (str(plain[name]) for name in ("items", "answered", "decided", "waiting"))
        people = ", ".join((*status.people, *(["(withdrawn)"] if status.record.withdrawn else []))) or "–"
        table.add_row(plain["batch_id"], plain["format"], *numbers, Text(people))
    results().print(table)
