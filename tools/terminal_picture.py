"""Draw what a command prints to a terminal as an SVG: the pictures in the documentation are real output.

python tools/terminal_picture.py docs/images/report.svg labelaudit report tickets.audit --top 3
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

WIDTH = 110
FONT_FACES = re.compile(r"@font-face \{.*?\n    \}\n", re.DOTALL)
THEME = TerminalTheme(
    (250, 250, 248),
    (36, 41, 47),
    [
        (36, 41, 47),
        (190, 40, 50),
        (30, 120, 60),
        (150, 100, 0),
        (10, 90, 180),
        (120, 60, 170),
        (0, 115, 125),
        (90, 98, 105),
    ],
    [
        (90, 98, 105),
        (190, 40, 50),
        (30, 120, 60),
        (150, 100, 0),
        (10, 90, 180),
        (120, 60, 170),
        (0, 115, 125),
        (36, 41, 47),
    ],
)


def printed(command: list[str]) -> Text:
    """Run `command` on a terminal of its own and return what it prints, with its styles."""
    import pty

    main, terminal = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(WIDTH), "LINES": "50", "TERM": "xterm-256color"}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=terminal, stderr=quiet, env=environment) as process:  # noqa: S603 -- ours
        os.close(terminal)
        parts = []
        while part := _read(main):
            parts.append(part)
    if process.returncode:
        raise SystemExit(f"{shlex.join(command)} ended with {process.returncode}")
    return Text.from_ansi(b"".join(parts).decode().replace("\r\n", "\n"))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that nobody will write any more
        return b""


def main(target: str, *command: str) -> None:
    """Write the picture of `command` to `target`."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(Text.assemble(("$ ", "dim"), (shlex.join(command), "bold")))
    console.print(printed(list(command)))
    picture = console.export_svg(title=shlex.join(command[:2]), theme=THEME, unique_id="labelaudit")
    # The font of the reader's own terminal, instead of one fetched from a server.
    Path(target).write_text(
        FONT_FACES.sub("", picture).replace("Fira Code", "ui-monospace, Menlo, Consolas"), encoding="utf-8"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
