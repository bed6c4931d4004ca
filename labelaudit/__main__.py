"""The command line: ``labelaudit`` and ``python -m labelaudit``."""

from __future__ import annotations

import os
import sys
import traceback

import click

from labelaudit import __version__
from labelaudit.cli import group
from labelaudit.errors import LabelAuditError

__all__ = ["main"]

_OUR_FAULT = 4
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process with the exit status that `labelaudit.errors` states."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    try:
        result = group.main(arguments, prog_name="labelaudit", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except LabelAuditError as error:
        _show(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        # click turns Ctrl-C into its own Abort; what was said about it is the cause.
        click.echo(str(error) or str(error.__cause__ or "") or "Interrupted.", err=True)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has left: nothing is wrong, but the interpreter must not try to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        result = 0
    except Exception:  # noqa: BLE001 -- the last line of defence: a fault of ours must end with its own exit status
        click.echo(traceback.format_exc(), err=True)
        click.echo(f"This is a fault in labelaudit {__version__}. Please report it with the lines above.", err=True)
        return _OUR_FAULT
    return result if isinstance(result, int) else 0


def _show(error: LabelAuditError) -> None:
    click.echo(click.style("Error: ", fg="red", bold=True) + error.problem, err=True)
    if error.fix:
        click.echo(click.style("  Fix: ", bold=True) + error.fix, err=True)


if __name__ == "__main__":
    main()
