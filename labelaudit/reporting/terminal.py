"""The report for a terminal."""

from __future__ import annotations

import io
import shutil
import sys
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from labelaudit.previews import printable
from labelaudit.reporting import Report, ReportFormat
from labelaudit.reporting._sections import SLICES_SHOWN, slices_left_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from labelaudit.health import ClassHealth, Health, SliceHealth

_CLASSES_SHOWN = 15
_PAIRS_SHOWN = 8
_BAR = 12
_LONGEST_NAME = 60  # characters of a class or value


def _render(report: Report) -> str:
    width = shutil.get_terminal_size((110, 24)).columns
    stream = io.StringIO()
    # The text is returned, so the console must be told what standard output is: colours only where a person looks.
    console = Console(file=stream, width=min(width, 140), force_terminal=sys.stdout.isatty(), highlight=False)
    health = report.health
    parts: list[RenderableType] = [_summary(report), _classes(health, console)]
    if health.confused_pairs:
        parts.append(_pairs(health))
    parts += [_group(group, slices) for group, slices in health.groups().items()]
    if len(report.suspects):
        parts.append(_queue("Most suspicious labels", report.suspects, "suspicion", health.suspects))
    if len(report.ambiguous):
        parts.append(_queue("Most ambiguous items", report.ambiguous, "ambiguity", health.ambiguous))
    if health.planting_line:
        parts.append(Text(health.planting_line, style="dim"))
    console.print(Group(*(Padding(part, (1, 0, 0, 0)) for part in parts)))
    if console.is_terminal:
        return stream.getvalue().rstrip("\n")
    # The table that was drawn for a screen ends each line with blanks, which a file or a pipe need not have.
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()).strip("\n")


def _summary(report: Report) -> RenderableType:
    health = report.health
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    grid.add_row("Data", Text(printable(report.name), style="bold"))
    grid.add_row("Items", _items_line(health))
    errors = Text.assemble(
        (f"about {health.expected_errors:,.0f}", "bold"),
        f" of {health.assessed:,} labels ({health.expected_error_rate:.1%}); ",
        f"range {health.range_in_words}",
    )
    grid.add_row("Expected errors", errors)
    grid.add_row("Random check", _random_check(report))
    if health.caution:
        grid.add_row("Beware", Text(health.caution, style="yellow"))
    if health.expected_precision_line:
        grid.add_row("First suspects", Text(health.expected_precision_line))
    precision = f", {health.suspects_in_words}" if health.suspects else ""
    grid.add_row("Suspect labels", Text.assemble((f"{health.suspects:,}", "bold"), precision))
    grid.add_row("Ambiguous items", Text(f"{health.ambiguous:,}", style="bold"))
    grid.add_row("Model agreement", Text(f"{health.agreement:.1%} of given labels are the model's first choice"))
    for note in report.audit.provenance.get("notes", ()):
        grid.add_row("Note", _text(note))
    return grid


def _random_check(report: Report) -> Text:
    check, path = report.random_check, report.audit.path
    if check is not None:
        return Text(". ".join(filter(None, [check.errors_in_words, check.remaining_in_words])))
    folder = "AUDIT" if path is None else printable(path)
    return Text(f"none, so there is no confidence interval. What one costs: labelaudit check {folder}")


def _items_line(health: Health) -> Text:
    parts = [f"{health.items:,} in {len(health.classes)} classes"]
    if health.unlabelled:
        parts.append(f"{health.unlabelled:,} unlabelled")
    if health.not_assessable:
        parts.append(f"{health.not_assessable:,} not assessable")
    return Text("; ".join(parts))


def _classes(health: Health, console: Console) -> RenderableType:
    shown = sorted(health.classes, key=lambda c: (-c.expected_errors, c.name))[:_CLASSES_SHOWN]
    more = len(health.classes) - len(shown)
    title = "Classes, most expected errors first" if more else "Classes"
    table = _class_table(title, shown, has_bars=True)
    unbounded = console.options.update(max_width=10_000)
    if Measurement.get(console, unbounded, table).maximum > console.width:
        table = _class_table(title, shown, has_bars=False)  # rather than names in pieces
    return _noted(table, f"and {more} more classes (--format json lists all)" if more else "")


def _class_table(title: str, shown: list[ClassHealth], *, has_bars: bool) -> Table:
    table = _table(title)
    table.add_column("Class", overflow="fold")
    for head in ("Items", "Suspects", "Share"):
        table.add_column(head, justify="right")
    if has_bars:
        table.add_column("")
    table.add_column("Expected errors", justify="right")
    table.add_column("Ambiguous", justify="right")
    largest = max((c.share or 0.0 for c in shown), default=0.0) or 1.0  # bars compare the classes with each other
    for c in shown:
        table.add_row(
            _name(c.name),
            f"{c.items:,}",
            f"{c.suspects:,}",
            c.share_in_words,
            *([Text("▇" * round((c.share or 0.0) / largest * _BAR), style="red")] if has_bars else []),
            c.expected_errors_in_words,
            f"{c.ambiguous:,}",
        )
    return table


def _pairs(health: Health) -> RenderableType:
    table = _table("Most confused pairs")
    table.add_column("Labelled", overflow="fold")
    table.add_column("looks like", overflow="fold")
    table.add_column("Suspects", justify="right")
    table.add_column("Expected errors", justify="right")
    for pair in health.confused_pairs[:_PAIRS_SHOWN]:
        table.add_row(_name(pair.given), _name(pair.suggested), f"{pair.suspects:,}", f"{pair.expected_errors:,.1f}")
    return table


def _group(group: str, slices: Sequence[SliceHealth]) -> RenderableType:
    table = _table(f"By {group}")
    table.add_column(_text(group), overflow="fold")
    for head in ("Items", "Suspects", "Share", "Expected errors"):
        table.add_column(head, justify="right")
    for part in slices[:SLICES_SHOWN]:
        numbers = (f"{part.items:,}", f"{part.suspects:,}", part.share_in_words, part.expected_errors_in_words)
        table.add_row(_name(part.value_in_words), *numbers)
    return _noted(table, slices_left_out(slices))


def _queue(title: str, items: pd.DataFrame, score: str, flagged: int) -> RenderableType:
    table = _table(f"{title}, {len(items)} of {flagged:,} flagged")
    table.add_column(score.capitalize(), justify="right", no_wrap=True)
    table.add_column("Id", overflow="fold", min_width=6)
    has_content = items["preview"].ne("").any()  # there is none of probabilities alone
    if has_content:
        table.add_column("Item", ratio=3)
    table.add_column("Why it is here", ratio=4)
    for item, row in items.iterrows():
        content = [_text(row["preview"])] if has_content else []
        table.add_row(f"{row[score]:.2f}", _text(item), *content, _text(row["reasons"]))
    return table


def _text(value: object) -> Text:
    """Return what comes from the data as text that does nothing: no markup, no control characters."""
    return Text(printable(str(value)))


def _name(name: str) -> Text:
    """Return the name of a class or value, cut where it would take a screen."""
    shown = printable(name)
    return Text(shown if len(shown) <= _LONGEST_NAME else shown[: _LONGEST_NAME - 1] + "…")


def _noted(table: Table, note: str) -> RenderableType:
    """Put a note below a table, whose own caption would be folded where the table is narrow."""
    return Group(table, Text(note, style="dim italic")) if note else table


def _table(title: str) -> Table:
    return Table(
        title=Text(printable(title), style="bold"),
        title_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
        header_style="dim",
    )


PLUGIN = ReportFormat(name="terminal", summary="for reading in a terminal", suffix="", render=_render)
