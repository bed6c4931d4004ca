"""The report as Markdown, for a pull request or a wiki."""

from __future__ import annotations

from labelaudit.previews import plain_markdown
from labelaudit.reporting import Report, ReportFormat
from labelaudit.reporting._sections import Fact, Section, facts, sections


def _render(report: Report) -> str:
    head = [f"# Label health of {plain_markdown(report.name)}", "", *map(_fact, facts(report))]
    return "\n\n".join(["\n".join(head), *map(_section, sections(report))])


def _fact(fact: Fact) -> str:
    text = plain_markdown(fact.text)
    return f"- **{text}**" if fact.warns else f"- {text}" + (fact.details and f"\n  - {plain_markdown(fact.details)}")


def _section(section: Section) -> str:
    rules = ("---:" if is_number else "---" for is_number in section.are_numbers)
    table = [section.heads, rules, *(map(plain_markdown, row) for row in section.rows)]
    note = ["", plain_markdown(section.note)] if section.note else []
    return "\n".join([f"## {plain_markdown(section.title)}", "", *(f"| {' | '.join(row)} |" for row in table), *note])


PLUGIN = ReportFormat(name="markdown", summary="Markdown, for a pull request or a wiki", suffix=".md", render=_render)
