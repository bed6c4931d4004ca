"""How the command line looks: one console for results, one for everything that only accompanies them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.theme import Theme

from labelaudit.progress import ProgressCallback

__all__ = ["messages", "progress", "results"]

_THEME = Theme({"suspect": "bold", "quiet": "dim", "good": "green", "bad": "red", "heading": "bold"})


def results() -> Console:
    """Return the console for what was asked for (standard output)."""
    return Console(theme=_THEME, highlight=False, soft_wrap=False)


def messages() -> Console:
    """Return the console for progress and remarks (standard error), so that results can be piped."""
    return Console(theme=_THEME, highlight=False, stderr=True)


@contextlib.contextmanager
def progress() -> Iterator[ProgressCallback]:
    """Show a bar with time left while the block runs; give the callback that moves it.

    On a terminal the bar goes when it is done; in a log file each stage is one line.
    """
    console = messages()
    if not console.is_terminal:
        yield _line_per_stage(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, object] = {}

        def move(done: int, total: int, what: str) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)  # type: ignore[arg-type]

        yield move


def _line_per_stage(console: Console) -> ProgressCallback:
    finished: set[str] = set()

    def move(done: int, total: int, what: str) -> None:
        if done >= total and what not in finished:
            finished.add(what)
            console.print(f"{what}: done ({total})", style="quiet")

    return move
