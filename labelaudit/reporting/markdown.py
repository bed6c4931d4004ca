"""The report as Markdown, for a pull request or a wiki."""

from __future__ import annotations

from labelaudit.previews import printable
from labelaudit.reporting import Report, ReportFormat
from labelaudit.reporting._sections import Fact, Section, facts, sections


def _render(report: Report) -> str:
    head = [f"# Label health of {_plain(report.name)}", "", *map(_fact, facts(report))]
    return "\n\n".join(["\n".join(head), *map(_section, sections(report))])


def _fact(fact: Fact) -> str:
    text = _plain(fact.text)
    return f"- **{text}**" if fact.warns else f"- {text}" + (fact.details and f"\n  - {_plain(fact.details)}")


def _section(section: Section) -> str:
    rules = ("---:" if is_number else "---" for is_number in section.are_numbers)
    table = [section.heads, rules, *(map(_plain, row) for row in section.rows)]
    return "\n".join([f"## {_plain(section.title)}", "", *(f"| {' | '.join(row)} |" for row in table)])


def _plain(cell: str) -> str:
    """Return the text so that nothing in it acts: no table cell, HTML, link in brackets, image or emphasis begins.

    The text may also be shown in a terminal, on which it does nothing either. Addresses that are written out become
    links where plain text has them.
    """
    text = printable(cell)
    for sign in "\\&`*_~[]<>|!#":
        text = text.replace(sign, {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(sign, "\\" + sign))
    return text


PLUGIN = ReportFormat(name="markdown", summary="Markdown, for a pull request or a wiki", suffix=".md", render=_render)
