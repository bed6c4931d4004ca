"""``labelaudit history``: who decided what, and when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from labelaudit.cli._review import audit_argument, me, person_option, store_option, time_of

if TYPE_CHECKING:
    from labelaudit.reviewing import Event

__all__ = ["command"]

_FOR_PROGRAMS = {"audit_id", "fingerprint"}  # lines of digits; --format jsonl has them
_MOST = 1_000_000  # all of it is for labelaudit store export


@click.command(
    short_help="Show who decided what, and when.",
    epilog="""\b
Examples:
  labelaudit history tickets.audit
  labelaudit history tickets.audit t00417
  labelaudit history tickets.audit --by ann --limit 100
  labelaudit history tickets.audit --format jsonl | jq .after.verdict""",
)
@audit_argument
@click.argument("item", required=False)
@click.option("--by", metavar="NAME", help="Only what this person did.")
@click.option(
    "--limit", default=20, type=click.IntRange(1, _MOST), help="At most so many, latest first.  [default: 20]"
)
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", help="Form of the output.")
@person_option
@store_option
def command(
    audit: str, item: str | None, by: str | None, limit: int, form: str, person: str | None, url: str | None
) -> None:
    """Show the latest events of the reviews of AUDIT, on ITEM if one is named.

    Reviewers do not see what others said on items that they have yet to judge.
    """
    from labelaudit.reviewing import open_store

    with open_store(audit, store=url) as store:
        viewer = store.team.enter(me(person)).name
        events = store.records.history(viewer=viewer, item_id=item, of_person=by, limit=limit)
    if not events:
        click.echo("Nothing fits.", err=True)
    elif form == "table":
        _table(events)
    else:
        for event in events:
            click.echo(json.dumps(event.as_plain()))


def _table(events: list[Event]) -> None:
    from rich.table import Table

    from labelaudit.cli._console import results
    from labelaudit.previews import printable

    names = ("when", "who", "action", "item", "before", "after", "note", "id")
    rows = []
    for event in events:
        values = event.as_plain()
        before, after = values["before"] or {}, values["after"] or {}
        cells = (
            time_of(event.at),
            event.person,
            event.action,
            event.item_id or "",
            _spoken(before),
            _spoken(after),
            str(after.get("note", "")),
            event.id[:8],
        )
        rows.append([printable(cell) for cell in cells])
    shown = [k for k in range(len(names)) if any(row[k] for row in rows)]  # an empty column takes room from the others
    table = Table(box=None, header_style="heading")
    for k in shown:
        table.add_column(names[k], overflow="fold", no_wrap=names[k] in {"when", "id"})
    for row in rows:
        table.add_row(*(row[k] for k in shown))
    results().print(table, markup=False)


def _spoken(value: dict[str, object]) -> str:
    if "verdict" in value:
        labels = value.get("labels")
        return " ".join([str(value["verdict"]), *(labels if isinstance(labels, list) else [])])
    return " ".join(
        f"{name}={content}"
        for name, content in value.items()
        if isinstance(content, str | bool | int) and name not in _FOR_PROGRAMS
    )
