"""The command line: ``labelaudit`` and ``python -m labelaudit``."""

from __future__ import annotations

import codecs
import errno
import io
import logging
import os
import sys
import traceback
import warnings
from pathlib import Path

import click

from labelaudit import __version__
from labelaudit.cli import group
from labelaudit.errors import LabelAuditError, OutputError

__all__ = ["main"]

_OUR_FAULT = 4
_INTERRUPTED = 130
# The machine or the path, not the program: no right, no room, a disk that fails, a name that no disk takes.
_MACHINE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO),
    *(errno.ENAMETOOLONG, errno.ELOOP),
}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process with the exit status that `labelaudit.errors` states."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    _prepare_streams()
    _quiet_decoders()
    try:
        result = group.main(arguments, prog_name="labelaudit", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt) as error:
        # click turns Ctrl-C into its own Abort; what was said about it is the cause.
        click.echo(str(error) or str(error.__cause__ or "") or "Interrupted.", err=True)
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- the last line of defence: a fault of ours must end with its own status
        return _status_of(error)
    return result if isinstance(result, int) else 0


def _prepare_streams() -> None:
    """Let every character be written: texts and class names are the user's, whatever the encoding of the terminal.

    Files and pipes get UTF-8, as everything that is written with ``--out``; a terminal shows a mark for what it cannot.
    Closed streams (``>&-``) get a place to go: where Python leaves None, every library trips.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and codecs.lookup(stream.encoding).name != "utf-8":
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8")
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 -- open until the end


def _quiet_decoders() -> None:
    """Keep Pillow's remarks on odd files off the terminal: what matters of them becomes an error of ours."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("PIL").addHandler(logging.NullHandler())


def _status_of(error: Exception) -> int:
    """Say what went wrong and return the exit status for it."""
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, BrokenPipeError):  # the reader (`| head`) has left: nothing is wrong
        _drop_output()
        return 0
    if isinstance(error, OSError) and error.errno in _MACHINE:
        error = _of_the_machine(error)
    if isinstance(error, LabelAuditError):
        _show(error)
        return error.exit_code
    click.echo("".join(traceback.format_exception(error)), err=True)
    click.echo(f"This is a fault in labelaudit {__version__}. Please report it with the lines above.", err=True)
    return _OUR_FAULT


def _of_the_machine(error: OSError) -> OutputError:
    if error.filename is not None:
        what = f"{os.fsdecode(error.filename)} cannot be used: {error.strerror}."
        return OutputError(what, "Check the path, its permissions and the free space.")
    _drop_output()
    return OutputError(f"The output cannot be written: {error.strerror}.", "Free some space, or write elsewhere.")


def _drop_output() -> None:
    """Let the interpreter flush at its exit what cannot be written, to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show(error: LabelAuditError) -> None:
    red = None if os.environ.get("NO_COLOR") else "red"  # as no-color.org has it; click itself does not look
    click.echo(click.style("Error: ", fg=red, bold=True) + _harmless(error.problem), err=True)
    if error.fix:
        click.echo(click.style("  Fix: ", bold=True) + _harmless(error.fix), err=True)


def _harmless(text: str) -> str:
    """Return lines of text in which no name out of the data acts on the terminal."""
    from labelaudit.previews import printable

    return "\n".join(map(printable, text.splitlines()))


if __name__ == "__main__":
    main()
