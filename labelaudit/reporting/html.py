"""The report as one HTML page that needs nothing else: to be sent, printed or kept with the data."""

from __future__ import annotations

from html import escape
from string import Template

from labelaudit.previews import printable
from labelaudit.reporting import Report, ReportFormat
from labelaudit.reporting._sections import Fact, Section, facts, sections

# The policy is a second lock behind the escaping: names out of the data can neither run nor load anything.
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Label health of $name</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
.wide { overflow-x: auto; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #8885; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
footer { margin-top: 2rem; opacity: .8; }
@media print { tr { break-inside: avoid; } }
</style>
</head>
<body>
<h1>Label health of $name</h1>
<ul>
$facts
</ul>
$sections
<footer>Audited $created with labelaudit $version, audit $audit_id.</footer>
</body>
</html>""")


def _render(report: Report) -> str:
    provenance = report.audit.provenance
    return _PAGE.substitute(
        name=_plain(report.name),
        facts="\n".join(map(_fact, facts(report))),
        sections="\n".join(map(_section, sections(report))),
        created=_plain(provenance["created"]),
        version=_plain(provenance["versions"]["labelaudit"]),
        audit_id=report.audit.audit_id,
    )


def _fact(fact: Fact) -> str:
    return f"<li><strong>{_plain(fact.text)}</strong></li>" if fact.warns else f"<li>{_plain(fact.text)}</li>"


def _section(section: Section) -> str:
    kinds = [' class="number"' if is_number else "" for is_number in section.are_numbers]
    heads = "".join(f'<th scope="col"{kind}>{head}</th>' for kind, head in zip(kinds, section.heads, strict=True))
    rows = [
        "".join(f"<td{kind}>{_plain(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)) for row in section.rows
    ]
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    title = _plain(section.title)
    return (
        f'<h2>{title}</h2>\n<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n'
        "</table></div>"
    )


def _plain(text: str) -> str:
    """Return the text so that nothing in it acts."""
    return escape(printable(text))


PLUGIN = ReportFormat(name="html", summary="one HTML page, to send or print", suffix=".html", render=_render)
