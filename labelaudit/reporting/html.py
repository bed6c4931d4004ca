"""The report as one HTML page that needs nothing else: to be sent, printed or kept with the data."""

from __future__ import annotations

import re
from datetime import UTC, datetime
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
h1, td { overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin: 1.5rem 0; }
dl div { border: 1px solid #8885; border-radius: .5rem; padding: .8rem 1rem; }
dl div { display: flex; flex-direction: column-reverse; justify-content: flex-end; }
dd { font-size: 2.2rem; line-height: 1.2; margin: 0; font-variant-numeric: tabular-nums; }
dt, footer { opacity: .8; }
ul { padding-left: 1.2rem; }
.warning { border-left: .25rem solid #c62; padding-left: .8rem; list-style: none; }
table { border-collapse: collapse; }
.wide { overflow-x: auto; }
.list { table-layout: fixed; width: 100%; }
.list th { width: 13%; box-sizing: border-box; }
.list th[data-head=Id] { width: 10%; } .list th[data-head=Score] { width: 8%; } .list th[data-head=Item] { width: 25%; }
.list th[data-head=Why] { width: auto; }
th, td { padding: .3rem 1.2rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #8885; }
td { unicode-bidi: plaintext; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
footer { margin-top: 2rem; }
@media (max-width: 40rem) {
  h1 { font-size: 1.5rem; }
  td:first-child { min-width: 4.5rem; }
  th, td { padding-right: .35rem; font-size: .85rem; }
  th { font-size: .68rem; vertical-align: bottom; }
  th:last-child, td:last-child { padding-right: 0; }
  .list thead { display: none; }
  .list tr, .list td { display: block; border: 0; text-align: left; overflow-wrap: anywhere; }
  .list tr { border-bottom: 1px solid #8885; padding: .6rem 0; }
  .list td { padding: 0; }
  .list td::before { content: attr(data-head) " "; opacity: .7; }
}
@page { margin: 15mm; }
@media print {
  :root { color-scheme: light; }
  body { font-size: 9.5pt; max-width: none; margin: 0; padding: 0; }
  dl { grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
  dd { font-size: 1.8rem; }
  h1 { font-size: 1.6rem; }
  th, td { padding-right: .8rem; }
  tr, dl div { break-inside: avoid; }
  summary { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  h2 { break-after: avoid; margin-top: 1.5rem; }
}
</style>
</head>
<body>
<h1>Label health of $foldable_name</h1>
<dl>
$figures
</dl>
<ul>
$facts
</ul>
$sections
<footer>Audited $created with labelaudit $version, audit $audit_id.</footer>
</body>
</html>""")


def _render(report: Report) -> str:
    provenance = report.audit.provenance
    told = list(facts(report))
    return _PAGE.substitute(
        name=_plain(report.name),
        foldable_name=_foldable(report.name),
        figures="\n".join(_figure(*fact.figure) for fact in told if fact.figure is not None),
        facts="\n".join(_fact(fact) for fact in told if fact.figure is None),
        sections="\n".join(map(_section, sections(report))),
        created=_plain(_day(provenance["created"])),
        version=_plain(provenance["versions"]["labelaudit"]),
        audit_id=report.audit.audit_id,
    )


def _day(created: str) -> str:
    return f"{datetime.fromisoformat(created).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _figure(value: str, caption: str) -> str:
    return f"<div><dt>{_plain(caption)}</dt><dd>{_plain(value)}</dd></div>"


def _fact(fact: Fact) -> str:
    kind = ' class="warning"' if fact.warns else ""
    details = fact.details and f"<details><summary>How we know</summary>{_plain(fact.details)}</details>"
    return f"<li{kind}>{_plain(fact.text)}{details}</li>"


def _section(section: Section) -> str:
    kinds = [' class="number"' if is_number else "" for is_number in section.are_numbers]
    marks = [f'{kind} data-head="{head}"' for kind, head in zip(kinds, section.heads, strict=True)]
    heads = "".join(f'<th scope="col"{mark}>{head}</th>' for mark, head in zip(marks, section.heads, strict=True))
    rows = [
        "".join(f"<td{mark}>{_foldable(cell)}</td>" for mark, cell in zip(marks, row, strict=True))
        for row in section.rows
    ]
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    title = _plain(section.title)
    shape = ' class="list"' if section.is_list else ""
    note = f"\n<p>{_plain(section.note)}</p>" if section.note else ""
    return (
        f'<h2>{title}</h2>\n<div class="wide"><table{shape}>\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>{note}"
    )


def _plain(text: str) -> str:
    """Return the text so that nothing in it acts."""
    return escape(printable(text))


def _foldable(text: str) -> str:
    """Return the text so that nothing in it acts; a name without spaces may be folded where a reader would."""
    plain = _plain(text)
    return plain if " " in text else re.sub(r"(?<=\w)([_/]+)(?=\w)", r"\1<wbr>", plain)


PLUGIN = ReportFormat(name="html", summary="one HTML page, to send or print", suffix=".html", render=_render)
