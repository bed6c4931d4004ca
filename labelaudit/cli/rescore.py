"""``labelaudit rescore``: let the queue learn from the decisions made so far."""

from __future__ import annotations

import click

from labelaudit.cli._review import audit_argument, me, person_option, store_option

__all__ = ["command"]


@click.command(
    short_help="Let the queue learn from the decisions made so far.",
    epilog="""\b
Examples:
  labelaudit rescore tickets.audit
  labelaudit rescore tickets.audit --store postgresql+psycopg://user@host/reviews""",
)
@audit_argument
@person_option
@store_option
def command(audit: str, person: str | None, url: str | None) -> None:
    """Score the open items of AUDIT again, in the light of all decisions, and put the queue in the new order.

    The review page does this by itself after every 25 decisions. The audit itself is not changed, and the same
    decisions always give the same order.
    """
    from labelaudit.audit_folder import load
    from labelaudit.reviewing import open_queue
    from labelaudit.reviewing.rescoring import Rescorer
    from labelaudit.reviewing.standing import standing_of

    loaded = load(audit)
    queue = open_queue(loaded, person=me(person), store=url)
    try:
        before = standing_of(queue).errors_left
        learned = Rescorer(loaded).rescore(queue.store)
        after = standing_of(queue).errors_left
    finally:
        queue.close()
    if learned == 0:
        click.echo("There are no decisions yet, so the queue keeps its order.")
        return
    lessons = "1 decision" if learned == 1 else f"{learned:,} decisions"
    click.echo(
        f"Learned from {lessons}. Wrong labels expected among the open suspects: "
        f"{before:,.0f} before, {after:,.0f} now (the model's estimate)."
    )
