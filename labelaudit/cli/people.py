"""``labelaudit people``: who reviews, what they may do, what they get to see, and how they do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from labelaudit.cli._review import AuditGroup, audit_argument, me, person_option, store_option

if TYPE_CHECKING:
    from rich.table import Table

    from labelaudit.reviewing import Share

__all__ = ["command"]


@click.group(
    cls=AuditGroup,
    short_help="People of a review: roles, parts of the queue, rules, statistics.",
    epilog="""\b
Examples:
  labelaudit people list tickets.audit
  labelaudit people add tickets.audit bob
  labelaudit people add tickets.audit eve --role lead
  labelaudit people assign tickets.audit bob --class refund
  labelaudit people rules tickets.audit --opinions 2 --overlap 0.1 --blind-first
  labelaudit people statistics tickets.audit""",
)
def command() -> None:
    """See and change who reviews an audit. The first person to open it is its lead; only leads make changes."""


@command.command(name="list", short_help="List people.")
@audit_argument
@store_option
def list_people(audit: str, url: str | None) -> None:
    """List the people of AUDIT with their roles and parts of the queue."""
    from labelaudit.reviewing import open_store

    with open_store(audit, store=url) as store:
        people, parts = store.team.people(), store.team.assignments()
    table = _new_table("name", "role", "active", "parts")
    for person in people:
        mine = ", ".join(f"{field} {value}" for name, field, value in parts if name == person.name)
        _add(table, person.name, str(person.role), "yes" if person.active else "no", mine or "everything")
    _print(table)


@command.command(short_help="Add a person, or change their role.")
@audit_argument
@click.argument("name")
@click.option("--role", default="reviewer", help="lead, reviewer or viewer.  [default: reviewer]")
@person_option
@store_option
def add(audit: str, name: str, role: str, person: str | None, url: str | None) -> None:
    """Add NAME to the people of AUDIT, or give them another role."""
    from labelaudit.reviewing import open_store

    with open_store(audit, store=url) as store:
        added = store.team.set_person(name, role, by=me(person))
    click.echo(f"{added.name} is a {added.role}.")


@command.command(short_help="Let a person go; what they decided stays.")
@audit_argument
@click.argument("name")
@person_option
@store_option
def remove(audit: str, name: str, person: str | None, url: str | None) -> None:
    """Take NAME off the active people of AUDIT; what they decided stays."""
    from labelaudit.errors import UnknownNameError
    from labelaudit.reviewing import open_store

    with open_store(audit, store=url) as store:
        known = {other.name: other for other in store.team.people()}
        if name not in known:
            raise UnknownNameError.among("person", name, known)
        store.team.set_person(name, known[name].role, active=False, by=me(person))
    click.echo(f"{name} is no longer active.")


@command.command(short_help="Give a person a class or slice to judge.")
@audit_argument
@click.argument("name")
@click.option("--class", "label", metavar="CLASS", help="Items given this label, or for which it is suggested.")
@click.option("--slice", "part", nargs=2, metavar="GROUP VALUE", help="Items of this slice.")
@click.option("--remove", "removed", is_flag=True, help="Take the part away again.")
@person_option
@store_option
def assign(
    audit: str,
    name: str,
    label: str | None,
    part: tuple[str, str] | None,
    removed: bool,
    person: str | None,
    url: str | None,
) -> None:
    """Give NAME a part of the queue of AUDIT; people with parts are shown only these."""
    from labelaudit.reviewing import open_store

    if (label is None) is (part is None):
        raise click.UsageError("Give --class or --slice.")
    field, value = ("class", str(label)) if part is None else (f"slice:{part[0]}", part[1])
    with open_store(audit, store=url) as store:
        store.team.assign(name, field, value, assigned=not removed, by=me(person))
    click.echo(f"{name}: {field} {value} {'removed' if removed else 'assigned'}.")


@command.command(short_help="Show or change how the team reviews.")
@audit_argument
@click.option("--opinions", type=click.IntRange(min=1), help="People who judge an item of the overlap.")
@click.option("--overlap", type=click.FloatRange(0, 1), help="Share of items in the overlap; others need one opinion.")
@click.option("--blind-first/--no-blind-first", default=None, help="Hide the suggestion until the reviewer has chosen.")
@click.option("--gold-every", type=click.IntRange(min=0), help="Let one in so many items have a known answer; 0: none.")
@person_option
@store_option
def rules(audit: str, person: str | None, url: str | None, **changes: Any) -> None:
    """Show how people review AUDIT, or change it."""
    from labelaudit.reviewing import open_store

    given = {name: value for name, value in changes.items() if value is not None}
    with open_store(audit, store=url) as store:
        now = store.team.rules()
        if given:
            now = replace(now, **given)
            store.team.set_rules(now, by=me(person))
    click.echo(f"opinions {now.opinions} on {now.overlap:.0%} of the items")
    click.echo(f"suggestion {'hidden until chosen' if now.blind_first else 'shown'}")
    click.echo(f"known answers: {f'one in {now.gold_every} items' if now.gold_every else 'none'}")


@command.command(short_help="Show how people and classes do.")
@audit_argument
@person_option
@store_option
def statistics(audit: str, person: str | None, url: str | None) -> None:
    """Show decisions, time, agreement and gold accuracy by reviewer and by class.

    It also names who takes suggestions or keeps labels whatever the item, as far as known answers or the opinions of
    others on the same items show it.
    """
    from labelaudit.previews import printable
    from labelaudit.reviewing import open_queue, open_store

    with open_store(audit, store=url) as store:
        found = open_queue(store, person=me(person)).statistics()
    people = _new_table(
        "person", "decisions", "seconds each", "kappa", "gold", "took it (shown)", "took it (blind)", "one-sided"
    )
    for one in found.people:
        shares = (_share(one.gold), _share(one.accepted_shown), _share(one.accepted_blind))
        seconds, kappa = _number(one.seconds_per_decision, 1), _number(one.kappa, 2)
        _add(people, one.person, str(one.decisions), seconds, kappa, *shares, str(one.one_sided))
    _print(people)
    classes = _new_table("class", "decisions", "seconds each", "alpha", "gold")
    for each in found.classes:
        _add(
            classes,
            each.given_label or "(unlabelled)",
            str(each.decisions),
            _number(each.seconds_per_decision, 1),
            _number(each.alpha, 2),
            _share(each.gold),
        )
    _print(classes)
    click.echo(f"Krippendorff's alpha of all: {_number(found.alpha, 3)}")
    for note in found.one_sided_notes():
        click.echo(printable(note))


def _new_table(*names: str) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="heading")
    for name in names:
        table.add_column(name)
    return table


def _add(table: Table, *cells: str) -> None:
    from labelaudit.previews import printable

    table.add_row(*map(printable, cells))


def _print(table: Table) -> None:
    from labelaudit.cli._console import results

    results().print(table, markup=False)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _share(share: Share) -> str:
    return "–" if share.value is None else f"{share.value:.0%} of {share.whole}"
