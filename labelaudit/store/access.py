"""Who may do what, checked inside the transaction that does it."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from labelaudit.decisions import Action, Role, may
from labelaudit.errors import DecisionRefusedError, UnknownNameError
from labelaudit.store import schema
from labelaudit.store.projection import Person
from labelaudit.store.statements import Statement

__all__ = ["check_allowed", "check_name", "person_of", "require", "role_of", "unknown_person"]

NAME_CHARACTERS = 100
_PERSON = Statement(sa.select(schema.people).where(schema.people.c.name == sa.bindparam("the_name")))


def person_of(connection: sa.Connection, name: str) -> Person:
    """Return the person called `name`; raise DecisionRefusedError if there is none."""
    row = _PERSON.first(connection, the_name=name)
    if row is None:
        raise unknown_person(name, connection.scalars(sa.select(schema.people.c.name)).all())
    return Person(row.name, Role(row.role), bool(row.active))


def require(connection: sa.Connection, name: str, action: Action) -> Person:
    """Return the person called `name`; raise DecisionRefusedError if they may not do `action`."""
    return check_allowed(person_of(connection, name), action)


def check_allowed(person: Person, action: Action) -> Person:
    """Return `person`; raise DecisionRefusedError if they may not do `action`."""
    if not person.active or not may(person.role, action):
        what = f"is a {person.role}" if person.active else "is no longer active"
        raise DecisionRefusedError(f"{person.name} {what} and may not do that ({action}).", "Ask a lead of this store.")
    return person


def unknown_person(name: str, known: Iterable[str]) -> DecisionRefusedError:
    """Build the error for a name that nobody has."""
    listed = UnknownNameError.among("person", name, sorted(known))
    return DecisionRefusedError(
        listed.problem,
        f"{listed.fix} Say who you are with --as NAME, or LABELAUDIT_PERSON. "
        "A lead adds people with: labelaudit people add AUDIT NAME",
    )


def check_name(name: str) -> None:
    """Raise DecisionRefusedError if `name` cannot be the name of a person."""
    if not name.strip() or name != name.strip() or name.startswith("*") or not name.isprintable():
        raise DecisionRefusedError(
            f"{name!r} is no name for a person.",
            "Use visible characters, no blanks around them, and no * at the start.",
        )
    if len(name) > NAME_CHARACTERS:
        raise DecisionRefusedError(f"A name of {len(name)} characters is too long.", f"Use up to {NAME_CHARACTERS}.")


def role_of(role: Role | str) -> Role:
    """Return the role called `role`; raise UnknownNameError if there is none."""
    try:
        return Role(role)
    except ValueError as error:
        raise UnknownNameError.among("role", str(role), map(str, Role)) from error
