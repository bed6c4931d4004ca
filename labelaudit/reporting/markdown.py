"""The report as Markdown, for a pull request or a wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labelaudit.reporting import Report, ReportFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from labelaudit.health import SliceHealth


def _render(report: Report) -> str:
    health = report.health
    parts = [
        f"# Label health of {_plain(report.name)}",
        f"- Items: {health.items:,} ({health.assessed:,} assessed, {health.unlabelled:,} unlabelled, "
        f"{health.not_assessable:,} not assessable), {len(health.classes)} classes",
        f"- Expected label errors: {health.expected_errors:,.0f} ({health.expected_error_rate:.1%}); "
        f"range {health.range_in_words}",
        *([f"- **{health.caution}**"] if health.caution else []),
        *([f"- {health.expected_precision_line}"] if health.expected_precision_line else []),
        f"- Suspect labels: {health.suspects:,}; ambiguous items: {health.ambiguous:,}",
        f"- The model agrees with the given label on {health.agreement:.1%} of the assessed items",
    ]
    classes = [
        (c.name, f"{c.items:,}", f"{c.suspects:,}", _share(c.suspects, c.items), f"{c.expected_errors:,.1f}")
        for c in health.classes
    ]
    pairs = [(p.given, p.suggested, f"{p.suspects:,}", f"{p.expected_errors:,.1f}") for p in health.confused_pairs[:10]]
    sections = [
        "\n".join([*parts[:1], "", *parts[1:]]),
        _section("Classes", ("Class", "Items", "Suspects", "Share", "Expected errors"), classes),
        _section("Most confused pairs", ("Given", "Suggested", "Suspects", "Expected errors"), pairs),
        *(_group(group, slices) for group, slices in health.groups().items()),
        _section("Most suspicious labels", _QUEUE, _queue(report.suspects, "suspicion")),
        _section("Most ambiguous items", _QUEUE, _queue(report.ambiguous, "ambiguity")),
    ]
    return "\n\n".join(section for section in sections if section)


def _group(group: str, slices: Sequence[SliceHealth]) -> str:
    rows = [
        (s.value, f"{s.items:,}", f"{s.suspects:,}", _share(s.suspects, s.items), f"{s.expected_errors:,.1f}")
        for s in slices[:10]
    ]
    return _section(f"By {_plain(group)}", (_plain(group), "Items", "Suspects", "Share", "Expected errors"), rows)


_QUEUE = ("Id", "Given", "Suggested", "Score", "Item", "Why")


def _queue(items: pd.DataFrame, score: str) -> list[tuple[str, ...]]:
    return [
        (
            str(item),
            str(row["given_label"]),
            str(row["suggested_label"]),
            f"{row[score]:.2f}",
            str(row["preview"]),
            str(row["reasons"]),
        )
        for item, row in items.iterrows()
    ]


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(_plain(cell) for cell in row) + " |" for row in rows]
    if not lines:
        return ""
    header = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([f"## {title}", "", *header, *lines])


def _plain(cell: str) -> str:
    """Return the text so that nothing in it acts: no table cell, HTML, link, image or emphasis begins in it."""
    text = " ".join(str(cell).split())
    for sign in "\\`*_[]<>|!#":
        text = text.replace(sign, {"<": "&lt;", ">": "&gt;"}.get(sign, "\\" + sign))
    return text


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


PLUGIN = ReportFormat(name="markdown", summary="Markdown, for a pull request or a wiki", render=_render)
