"""``labelaudit report``: the health of the labels."""

from __future__ import annotations

import click

from labelaudit.cli._review import store_option

__all__ = ["command"]

_PLAIN = ("", ".txt")
"""Endings of files that get what a terminal shows."""


@click.command(
    short_help="Show how healthy the labels are.",
    epilog="""\b
Examples:
  labelaudit report tickets.audit
  labelaudit report tickets.audit --top 25
  labelaudit report tickets.audit --out health.html
  labelaudit report tickets.audit --format markdown | gh pr comment --body-file -
  labelaudit report tickets.audit --format json | jq .health.expected_errors""",
)
@click.argument("audit", type=click.Path())
@click.option(
    "--format",
    "form",
    metavar="NAME",
    help="terminal, html, json or markdown.  [default: by the ending of --out, else terminal]",
)
@click.option("--top", default=10, type=click.IntRange(min=0), help="Items to show of each queue.  [default: 10]")
@click.option("--out", type=click.Path(dir_okay=False), help="Write to this file instead of the terminal.")
@store_option
def command(audit: str, form: str | None, top: int, out: str | None, url: str | None) -> None:
    """Show the health of the labels in AUDIT, a folder that 'labelaudit audit' wrote.

    Size, classes with their share of suspects, the most confused pairs, the expected number of errors, the confidence
    interval where a random check was drawn (labelaudit check), and the top of both queues.
    """
    from labelaudit.atomic import atomic_file
    from labelaudit.audit_folder import load
    from labelaudit.loop import check_standing
    from labelaudit.reporting import REPORT_FORMATS, make_report

    chosen, loaded = REPORT_FORMATS.get(form or _form_of(out)), load(audit)
    check = check_standing(loaded, store=url)
    text = chosen.render(make_report(loaded, top=top, random_check=None if check is None else check.summary))
    if out is None:
        click.echo(text)
        return
    with atomic_file(out) as file:
        # Colours, and blanks up to its edge, are for the terminal that the command runs in, not for a file.
        lines = [line.rstrip() for line in click.unstyle(text).split("\n")]
        file.write_text("\n".join(lines).strip("\n") + "\n", encoding="utf-8")
    click.echo(f"Wrote {out}", err=True)


def _form_of(out: str | None) -> str:
    from pathlib import Path

    from labelaudit.errors import UsageError
    from labelaudit.reporting import REPORT_FORMATS

    ending = "" if out is None else Path(out).suffix.lower()
    if ending in _PLAIN:
        return "terminal"
    forms = {form.suffix: name for name, form in REPORT_FORMATS if form.suffix}
    if ending not in forms:
        raise UsageError(
            f"The ending of {out} says no form.",
            f"End it with {', '.join(sorted(forms))} or .txt, or give the form with --format.",
        )
    return forms[ending]
