"""``labelaudit items``: the ranked items, filtered, as a table or a file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

__all__ = ["command"]

_HEADS = ("Rank", "Suspicion", "Ambiguity", "Id", "Given", "Suggested")
_ROOM_FOR_CONTENT = 40  # characters
_FILES = ("csv", "jsonl", "parquet")
_FORMATS = ("table", *_FILES)


@click.command(
    short_help="Print or write the ranked items.",
    epilog="""\b
Examples:
  labelaudit items tickets.audit --limit 20
  labelaudit items tickets.audit --queue ambiguous --limit 50
  labelaudit items tickets.audit --given refund --suggested return --format csv --out pairs.csv
  labelaudit items tickets.audit --queue all --format parquet --out items.parquet
  labelaudit items tickets.audit --min-suspicion 0.9 --format jsonl | head""",
)
@click.argument("audit", type=click.Path())
@click.option(
    "--queue",
    type=click.Choice(["suspects", "ambiguous", "all"]),
    default="suspects",
    help="Flagged suspects, flagged ambiguous items, or all items by suspicion.  [default: suspects]",
)
@click.option("--given", multiple=True, metavar="CLASS", help="Only items given this label; repeat for several.")
@click.option("--suggested", multiple=True, metavar="CLASS", help="Only items for which this label is suggested.")
@click.option("--min-suspicion", type=click.FloatRange(0, 1), metavar="P", help="Only items at least this suspicious.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many items.")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), help="Form of the output.  [default: by --out, else table]"
)
@click.option("--out", type=click.Path(dir_okay=False), help="Write to this file instead of the terminal.")
def command(
    audit: str,
    queue: str,
    given: tuple[str, ...],
    suggested: tuple[str, ...],
    min_suspicion: float | None,
    limit: int | None,
    form: str | None,
    out: str | None,
) -> None:
    """Print or write the ranked items of AUDIT, a folder that 'labelaudit audit' wrote.

    CSV cells that a spreadsheet would run as formulas are guarded with an apostrophe.
    """
    from labelaudit.audit_folder import load

    loaded = load(audit)
    items = _in_queue(loaded.items, queue)
    for column, wanted in (("given_label", given), ("suggested_label", suggested)):
        if wanted:
            items = items[items[column].isin(_known(wanted, loaded.classes))]
    if min_suspicion is not None:
        if math.isnan(min_suspicion):  # between any two numbers, as far as a range can tell
            raise click.UsageError("--min-suspicion is no number. Give one from 0 to 1, such as 0.9.")
        items = items[items["suspicion"] >= min_suspicion]
    _write(items if limit is None else items.head(limit), form or _form_of(out), out)


def _in_queue(items: pd.DataFrame, queue: str) -> pd.DataFrame:
    if queue == "ambiguous":
        return items[items["is_ambiguous"]].sort_values("ambiguity_rank")
    return items[items["is_suspect"]] if queue == "suspects" else items


def _known(wanted: tuple[str, ...], classes: tuple[str, ...]) -> list[str]:
    from labelaudit.errors import UnknownNameError

    for name in wanted:
        if name not in classes:
            raise UnknownNameError.among("class", name, classes)
    return list(wanted)


def _form_of(out: str | None) -> str:
    from pathlib import Path

    from labelaudit.errors import UsageError

    if out is None:
        return "table"
    ending = Path(out).suffix.lstrip(".").lower()
    if ending in _FILES:
        return ending
    raise UsageError(
        f"The ending of {out} says no form.", f"End it with .{', .'.join(_FILES)}, or give the form with --format."
    )


def _write(items: pd.DataFrame, form: str, out: str | None) -> None:
    from labelaudit.atomic import atomic_file
    from labelaudit.errors import UsageError

    if form == "table" and out is None:
        _print_table(items)
        return
    if form == "parquet" and out is None:
        raise UsageError("Parquet is no text.", "Say where to write it: --out items.parquet")
    if out is None:
        click.echo(_text(items, form), nl=False)
        return
    with atomic_file(out) as file:
        if form == "parquet":
            items.to_parquet(file)
        else:
            file.write_text(_text(items, form), encoding="utf-8", newline="")
    click.echo(f"Wrote {len(items):,} items to {out}", err=True)


def _text(items: pd.DataFrame, form: str) -> str:
    import pandas as pd

    from labelaudit.spreadsheet import escape_cell

    table = items.reset_index()
    if form == "jsonl":
        text: str = table.to_json(orient="records", lines=True, force_ascii=False)
        return text
    words = [name for name in table.columns if pd.api.types.is_string_dtype(table[name])]
    table[words] = table[words].map(escape_cell, na_action="ignore")
    return table.to_csv(index=False)


def _print_table(items: pd.DataFrame) -> None:
    """Print a row for each item; its content stands in the row where there is room, else below it."""
    from rich.measure import Measurement
    from rich.padding import Padding
    from rich.segment import Segment, Segments
    from rich.text import Text

    from labelaudit.cli._console import results

    if items.empty:
        click.echo("No item fits.", err=True)
        return
    console = results()
    rows = [_cells(item, row) for item, row in items.iterrows()]
    facts = _table(_HEADS, [row[:-1] for row in rows])
    unbounded = console.options.update(max_width=10_000)
    if console.width - Measurement.get(console, unbounded, facts).maximum >= _ROOM_FOR_CONTENT:
        console.print(_table((*_HEADS, "Item"), rows))
        return
    header, *lines = [Segments([*line, Segment.line()]) for line in console.render_lines(facts, pad=False)]
    console.print(header, end="")
    for line, row in zip(lines, rows, strict=True):
        console.print(line, end="")
        console.print(Padding(Text(row[-1]), (0, 0, 0, 6), expand=False))


def _table(heads: tuple[str, ...], rows: list[list[str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, head in enumerate(heads):
        # Where it is narrow, class names give way; numbers and ids stay whole.
        table.add_column(head, justify="right" if place < 3 else "left", no_wrap=place < 4)
    for row in rows:
        classes = (Text(name, no_wrap=True, overflow="ellipsis") for name in row[4:6])
        table.add_row(*row[:3], Text(row[3]), *classes, *map(Text, row[6:]))
    return table


def _cells(item: Any, row: pd.Series[Any]) -> list[str]:
    from labelaudit.previews import printable

    forms = {"rank": "{:.0f}", "suspicion": "{:.3f}", "ambiguity": "{:.3f}"}
    numbers = [_number(row[name], form) for name, form in forms.items()]
    return [
        *numbers,
        printable(str(item)),
        *(_word(row[name]) for name in ("given_label", "suggested_label", "preview")),
    ]


def _number(value: float, form: str) -> str:
    import pandas as pd

    return "–" if pd.isna(value) else form.format(value)


def _word(value: object) -> str:
    from labelaudit.previews import printable

    return printable(value) if isinstance(value, str) else "–"
