"""``labelaudit apply``: the data set with the labels that were decided on."""

from __future__ import annotations

import click

from labelaudit.cli._review import audit_argument, store_option

__all__ = ["command"]


@click.command(
    short_help="Write the data set with the decided labels.",
    epilog="""\b
Examples:
  labelaudit apply tickets.audit --out tickets.clean.csv
  labelaudit apply photos.audit --out photos.clean
  labelaudit apply tickets.audit --out tickets.clean.csv --overwrite""",
)
@audit_argument
@click.option("--out", required=True, type=click.Path(), help="File or folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace what is at --out.")
@store_option
def command(audit: str, out: str, overwrite: bool, url: str | None) -> None:
    """Write the data of AUDIT again, in the format it came in, with the labels that were decided on.

    Beside the label stand the label before and the verdict; excluded items are left out; everything else is as it was.
    OUT.changes.csv lists every decision with who made it and when.
    """
    from labelaudit.audit_folder import load
    from labelaudit.corrected import write_corrected
    from labelaudit.reviewing import open_store

    loaded = load(audit)
    with open_store(audit, store=url) as store:
        summary = write_corrected(loaded, store, out, overwrite=overwrite)
    click.echo(
        f"{_count(summary.decided, 'item')} decided: {_count(summary.changed, 'label')} changed,"
        f" {_count(summary.excluded, 'item')} left out. "
        f"Written to {summary.path}; what changed is in {summary.log}."
    )


def _count(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
