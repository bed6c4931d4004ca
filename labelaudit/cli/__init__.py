"""The commands: one file each, imported when it is called, each a thin layer over the Python API.

A module of this folder is a command if its name does not begin with ``_``; it defines ``command``, a
:class:`click.Command`.
"""

from __future__ import annotations

import click

from labelaudit import __version__
from labelaudit.errors import UnknownNameError
from labelaudit.registry import Registry

__all__ = ["COMMANDS", "group"]

COMMANDS: Registry[click.Command] = Registry("command", "labelaudit.cli", click.Command, attribute="command")


class _Group(click.Group):
    """A group whose commands are the files of this folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- the signature is click's
        return list(COMMANDS.names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        try:
            return COMMANDS.get(cmd_name)
        except UnknownNameError as error:
            raise click.UsageError(f"{error.problem} {error.fix}", ctx) from error


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with:  labelaudit audit tickets.csv --label label --text text --out tickets.audit",
)
@click.version_option(__version__, prog_name="labelaudit")
def group() -> None:
    """Find wrong labels and items on which even people disagree."""
