"""``labelaudit report``: the health of the labels."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command(
    short_help="Show how healthy the labels are.",
    epilog="""\b
Examples:
  labelaudit report tickets.audit
  labelaudit report tickets.audit --top 25
  labelaudit report tickets.audit --format markdown --out health.md
  labelaudit report tickets.audit --format json | jq .health.expected_errors""",
)
@click.argument("audit", type=click.Path())
@click.option(
    "--format", "form", default="terminal", metavar="NAME", help="terminal, json or markdown.  [default: terminal]"
)
@click.option("--top", default=10, type=click.IntRange(min=0), help="Items to show of each queue.  [default: 10]")
@click.option("--out", type=click.Path(dir_okay=False), help="Write to this file instead of the terminal.")
def command(audit: str, form: str, top: int, out: str | None) -> None:
    """Show the health of the labels in AUDIT, a folder that 'labelaudit audit' wrote.

    Size, classes with their share of suspects, the most confused pairs, the expected number of errors and the top of
    both queues.
    """
    from labelaudit.atomic import atomic_file
    from labelaudit.audit_folder import load
    from labelaudit.reporting import REPORT_FORMATS, make_report

    chosen = REPORT_FORMATS.get(form)
    text = chosen.render(make_report(load(audit), top=top))
    if out is None:
        click.echo(text)
        return
    with atomic_file(out) as file:
        file.write_text(text + "\n", encoding="utf-8")
    click.echo(f"Wrote {out}", err=True)
