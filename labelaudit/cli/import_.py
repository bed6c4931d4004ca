"""``labelaudit import``: the answers of annotators become reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labelaudit.cli._review import audit_argument, me, person_option, store_option

if TYPE_CHECKING:
    from labelaudit.loop import Imported

__all__ = ["command"]


@click.command(
    name="import",
    short_help="Bring the answers of annotators back.",
    epilog="""\b
Examples:
  labelaudit import tickets.audit export.json --format label-studio --dry-run
  labelaudit import tickets.audit export.json --format label-studio --person 7=ann --person 9=bob
  labelaudit import tickets.audit batch.csv --format csv --annotator ann
  labelaudit import photos.audit cvat.zip --format cvat --batch b-0c6a1f22d4 --annotator ann""",
)
@audit_argument
@click.argument("file", type=click.Path())
@click.option("--format", "form", required=True, metavar="NAME", help="Format; docs/formats.md has all.")
@click.option("--batch", "batch_id", metavar="ID", help="The batch, where the file does not say which.")
@click.option("--person", "people", multiple=True, metavar="THEIRS=OURS", help="What an annotator is called here.")
@click.option("--annotator", metavar="NAME", help="Who answered, where the file does not say.  [default: you]")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and record nothing.")
@click.option(
    "--findings",
    type=click.Path(dir_okay=False),
    metavar="CSV",
    help="List every finding in this file.  [default: FILE.findings.csv, if there are more than can be shown]",
)
@person_option
@store_option
def command(
    audit: str,
    file: str,
    form: str,
    batch_id: str | None,
    people: tuple[str, ...],
    annotator: str | None,
    dry_run: bool,
    findings: str | None,
    person: str | None,
    url: str | None,
) -> None:
    """Record the answers in FILE, an export of an annotation tool, as reviews of AUDIT.

    Importing a file again changes nothing. What cannot be recorded is listed by name: unknown items and labels, edited
    texts, skips, empty and double answers. Where annotators differ, the item waits for a lead (labelaudit review, queue
    of conflicts; or labelaudit decide --adjudicate).
    """
    from labelaudit.audit_folder import load
    from labelaudit.loop import batch_status, import_answers

    loaded = load(audit)
    done = import_answers(
        loaded,
        file,
        form,
        person=me(person),
        batch_id=batch_id,
        people=dict(_pair(text) for text in people),
        annotator=annotator,
        dry_run=dry_run,
        findings=findings,
        store=url,
    )
    _report(done)
    if not done.is_dry:
        found = [each for each in batch_status(loaded, store=url) if each.record.batch.batch_id in done.batch_ids]
        waiting = sum(each.waiting for each in found)
        if waiting:
            click.echo(
                f"Waiting for more opinions, or for a lead where people disagree: {waiting} of the answered items."
            )
            click.echo(f"See them with: labelaudit review {audit}")


def _pair(text: str) -> tuple[str, str]:
    theirs, equals, ours = text.partition("=")
    if not equals or not ours:
        raise click.UsageError(f"--person {text!r} is no pair. Write THEIRS=OURS, such as 7=ann.")
    return theirs, ours


def _report(done: Imported) -> None:
    from labelaudit.previews import printable

    of = f" of {', '.join(done.batch_ids)}" if done.batch_ids else ""
    verb = "would be recorded" if done.is_dry else "recorded"
    left = len(done.unanswered)
    still_open = "1 item has" if left == 1 else f"{left} items have"
    click.echo(f"{done.recorded} answers{of} {verb}, {done.known} known before; {still_open} no answer.")
    for name, count in done.people.items():
        new = f" ({'would become' if done.is_dry else 'now'} a reviewer)" if name in done.added else ""
        click.echo(f"  {name}: {count}{new}")
    for kind, count in done.counts.items():
        click.echo(f"{kind}: {count}")
        shown = [each for each in done.findings if each.kind == kind]
        for finding in shown:
            click.echo("  " + printable(f"{finding.where}, {finding.item_id!r}: {finding.message}"))
        if count > len(shown):
            click.echo(f"  … and {count - len(shown)} more")
    if done.findings_table is not None:
        click.echo(f"All of them are listed in {done.findings_table}")
