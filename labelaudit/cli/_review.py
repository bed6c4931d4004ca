"""Options that the commands of the review store share."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["AuditGroup", "audit_argument", "me", "person_option", "store_option", "time_of"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


class AuditGroup(click.Group):
    """Commands about an audit, which stands behind the command and not before it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; of a folder in its place say where it belongs."""
        name, *others = args
        if name not in self.commands and Path(name).is_dir():
            first = others[0] if others and others[0] in self.commands else next(iter(self.commands))
            raise click.UsageError(f"The command comes before {name}, as in: {ctx.command_path} {first} {name}", ctx)
        return super().resolve_command(ctx, args)


def audit_argument(command: _Command) -> _Command:
    """Add the argument AUDIT."""
    return click.argument("audit", type=click.Path())(command)


def store_option(command: _Command) -> _Command:
    """Add the option --store."""
    return click.option(
        "--store",
        "url",
        envvar="LABELAUDIT_STORE",
        metavar="URL",
        help="Database of the reviews, such as postgresql+psycopg://user@host/name.  [default: in the audit folder]",
    )(command)


def person_option(command: _Command) -> _Command:
    """Add the option --as."""
    return click.option(
        "--as", "person", envvar="LABELAUDIT_PERSON", metavar="NAME", help="Who you are.  [default: your login name]"
    )(command)


def me(person: str | None) -> str:
    """Return who runs the command."""
    if person:
        return person
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise click.UsageError("Your login name is not known here; give your name with --as.") from error


def time_of(milliseconds: int) -> str:
    """Return a time in the reader's time zone."""
    import datetime as dt

    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
