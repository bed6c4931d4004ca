"""``labelaudit compare``: what correcting the data has changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from labelaudit.loop import Comparison, Move

__all__ = ["command"]

_ROWS = {
    "items": ("Items", "{:,.0f}"),
    "suspects": ("Suspect labels", "{:,.0f}"),
    "ambiguous": ("Ambiguous items", "{:,.0f}"),
    "expected_errors": ("Expected label errors", "{:,.0f}"),
    "expected_error_rate": ("Expected share of errors", "{:.1%}"),
    "agreement": ("Labels the model agrees with", "{:.1%}"),
}


@click.command(
    short_help="Compare two audits of the same data.",
    epilog="""\b
Examples:
  labelaudit compare tickets.audit tickets.clean.audit
  labelaudit compare tickets.audit tickets.clean.audit --format markdown --out compare.md
  labelaudit compare tickets.audit tickets.clean.audit --format json | jq .errors_found""",
)
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@click.option("--format", "form", type=click.Choice(["terminal", "json", "markdown"]), default="terminal")
@click.option("--out", type=click.Path(dir_okay=False), help="Write to this file instead of the terminal.")
@click.option("--moves", type=click.IntRange(min=0), default=10, help="Items to name.  [default: 10]")
def command(old: str, new: str, form: str, out: str | None, moves: int) -> None:
    """Compare the audits OLD and NEW: labels changed, errors found, expected errors and model before and after."""
    from labelaudit.atomic import atomic_file
    from labelaudit.audit_folder import load
    from labelaudit.loop import compare

    result = compare(load(old), load(new), moves=moves)
    if form == "json":
        text = json.dumps(result.as_dict(), indent=2, ensure_ascii=False) + "\n"
    else:
        text = _as_text(result, moves, is_markdown=form == "markdown")
    if out is None:
        click.echo(text, nl=False)
        return
    with atomic_file(out) as file:
        file.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {out}", err=True)


def _as_text(result: Comparison, moves: int, *, is_markdown: bool) -> str:
    table = [
        (name, form.format(result.before[key]), form.format(result.after[key])) for key, (name, form) in _ROWS.items()
    ]
    lines = _markdown_table(table) if is_markdown else _plain_table(table)
    lines += ["", f"{result.common:,} items are in both; {_others(result)}."]
    count = len(result.relabelled)
    lines.append(f"{count:,} labels changed, {result.errors_found:,} of them suspected before.")
    lines += _listed("Changed labels", result.relabelled[:moves], is_markdown=is_markdown)
    lines += _listed("Moved most", result.moved[:moves], is_markdown=is_markdown)
    return "\n".join(lines) + "\n"


def _others(result: Comparison) -> str:
    return f"{result.added:,} new, {result.removed:,} gone, {result.edited:,} with other content"


def _plain_table(rows: list[tuple[str, str, str]]) -> list[str]:
    return [f"{'':30}{'before':>12}{'after':>12}", *(f"{name:30}{one:>12}{two:>12}" for name, one, two in rows)]


def _markdown_table(rows: list[tuple[str, str, str]]) -> list[str]:
    return ["| | before | after |", "|---|---:|---:|", *(f"| {name} | {one} | {two} |" for name, one, two in rows)]


def _listed(title: str, moves: tuple[Move, ...], *, is_markdown: bool) -> list[str]:
    if not moves:
        return []
    head = [f"### {title}", ""] if is_markdown else [f"{title}:"]
    return ["", *head, *(f"{'- ' if is_markdown else '  '}{_move(each, is_markdown=is_markdown)}" for each in moves)]


def _move(move: Move, *, is_markdown: bool) -> str:
    from labelaudit.previews import plain_markdown, printable

    shown = plain_markdown if is_markdown else printable
    label = move.label_before or "no label"
    if move.label_after != move.label_before:
        label += f" → {move.label_after or 'no label'}"
    suspicion = f"suspicion {_score(move.suspicion_before)} → {_score(move.suspicion_after)}"
    return f"{shown(move.item_id)}: {shown(label)}, {suspicion}"


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
