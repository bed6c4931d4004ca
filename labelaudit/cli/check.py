"""``labelaudit check``: how many labels are wrong, by items drawn at random and judged blind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from labelaudit.cli._review import audit_argument, store_option

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit
    from labelaudit.domain import Batch
    from labelaudit.loop import CheckPrice, CheckStanding

__all__ = ["command"]

_USUAL = 200
_SHOWN = ("table", "json")


@click.command(
    short_help="Count wrong labels by a random check.",
    epilog="""\b
Examples:
  labelaudit check tickets.audit
  labelaudit check tickets.audit --size 200 --format csv --out check.csv
  labelaudit import tickets.audit check.csv --format csv --annotator ann
  labelaudit check tickets.audit --second-looks --format csv --out again.csv
  labelaudit check tickets.audit --format json
  labelaudit check tickets.audit --size 300 --again --seed 1 --format label-studio --out check.json""",
)
@audit_argument
@click.option("--size", type=click.IntRange(min=1), metavar="N", help="Draw a check of so many items.")
@click.option("--second-looks", is_flag=True, help="Write the items that somebody else should look at.")
@click.option("--format", "form", metavar="NAME", help="Of the batch, as in 'labelaudit batch'; else table or json.")
@click.option("--out", type=click.Path(), help="File or folder to write the batch to.")
@click.option("--overwrite", is_flag=True, help="Replace what is at --out.")
@click.option("--again", is_flag=True, help="Draw another check in place of the one there is.")
@click.option("--several", is_flag=True, help="Let annotators give an item several labels.")
@click.option("--image-url", metavar="URL", help="Where annotators find the folder of the data; default: files inside.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the draw.  [default: 0]")
@store_option
def command(audit: str, size: int | None, second_looks: bool, form: str | None, out: str | None, **given: Any) -> None:
    """Say how many labels of AUDIT are wrong, with a 95 % confidence interval, from items drawn at random.

    --size draws items and writes them as a batch for annotators, who see neither label nor suggestion; their answers
    come back with 'labelaudit import'. Without --size or --second-looks the command says what the check has shown. A
    few slips among many right labels inflate the count, so some items are to be looked at by somebody else
    (--second-looks). The review page asks for the same items in its queue 'Random check'. Decisions in its other queues
    are no answers to a check: they were not made blind.
    """
    from labelaudit.audit_folder import load

    loaded, url = load(audit), given["url"]
    if size is not None and second_looks:
        raise click.UsageError("Give either --size or --second-looks: second looks come after the first answers.")
    if size is None and not second_looks:
        _show(loaded, audit, url, form or "table", out)
        return
    if form is None or out is None:
        raise click.UsageError("A batch needs --format and --out, such as --format csv --out check.csv.")
    _write(loaded, (audit, form, out), size, **given)


def _write(loaded: Audit, place: tuple[str, str, str], size: int | None, *, url: str | None, **given: Any) -> None:
    from labelaudit.batches import choosing, keep_record
    from labelaudit.formats import FORMATS, losses, write_batch
    from labelaudit.loop import check_price, draw_random_check, draw_second_looks, withdraw_other_checks

    audit, form, out = place
    target, overwrite, seed = FORMATS.get(form), given.pop("overwrite"), given["seed"]
    with choosing(audit, waiting=lambda: click.echo("Waiting for another batch of this audit ...", err=True)):
        if size is None:
            batch, options = draw_second_looks(loaded, store=url)
        else:
            batch, options = draw_random_check(loaded, size, store=url, **given)
        lost = losses(target, batch)
        if lost and batch.modality in target.carries:
            click.echo(
                f"{target.name} has no place for these, so they will not come back: {'; '.join(lost)}.", err=True
            )
        price = None if size is None else check_price(loaded, size, seed=seed, store=url)
        written = write_batch(batch, target, out, overwrite=overwrite)
        keep_record(audit, batch, format=form, written=written, options=options, lost=lost)
        if size is not None:
            withdraw_other_checks(loaded, batch.batch_id)
    _say_written(batch, price)
    for path in written:
        click.echo(f"Wrote {path}")
    # Where the answers carry their batch, it need not be named.
    named = "" if "tags" in target.carries[batch.modality] else f" --batch {batch.batch_id}"
    click.echo(f"Bring the answers back with: labelaudit import {audit} FILE --format {form}{named}")
    click.echo(f"Then see what they show with: labelaudit check {audit}")


def _say_written(batch: Batch, price: CheckPrice | None) -> None:
    if price is None:
        click.echo(f"Second looks {batch.batch_id}: {len(batch)} items, for somebody who has not looked at them yet.")
        return
    click.echo(f"Random check {batch.batch_id}: {len(batch)} of {price.population:,} items that can be assessed.")
    click.echo(f"It costs {_price_in_words(price)}.")


def _price_in_words(price: CheckPrice) -> str:
    looks = f"{price.items:,} answers and about {price.second_looks:,} second looks by somebody else"
    if price.minutes is None:
        return f"{looks}; how long that takes is not known before the first timed answers"
    return f"{looks}: about {price.minutes:,.0f} minutes at {price.seconds_per_answer:.1f} seconds an answer"


def _show(loaded: Audit, audit: str, url: str | None, form: str, out: str | None) -> None:
    from labelaudit.loop import check_price, check_standing

    if out is not None:
        raise click.UsageError("--out needs --size (to draw a check) or --second-looks.")
    if form not in _SHOWN:
        raise click.UsageError(f"Without --size or --second-looks, --format is {' or '.join(_SHOWN)}, not {form!r}.")
    standing = check_standing(loaded, store=url)
    if form == "json":
        import json

        click.echo(json.dumps(None if standing is None else _plain(standing), indent=2, ensure_ascii=False))
    elif standing is None:
        price = check_price(loaded, _USUAL, store=url)
        click.echo("No random check has been drawn from this audit, so there is no confidence interval.")
        click.echo(f"A check of {price.items:,} items costs {_price_in_words(price)}.")
        click.echo(f"Draw it with: labelaudit check {audit} --size {price.items} --format csv --out check.csv")
        click.echo(f"Or answer it in the browser, in the queue 'Random check': labelaudit review {audit}")
    else:
        _print_standing(standing, audit)


def _plain(standing: CheckStanding) -> dict[str, Any]:
    return {
        "batch_id": standing.record.batch.batch_id,
        "created": standing.record.created,
        **standing.summary.as_dict(),
        "to_look_again": list(standing.to_look_again),
        "out_again": list(standing.out_again),
        "people": list(standing.people),
    }


def _print_standing(standing: CheckStanding, audit: str) -> None:
    from labelaudit.loop import ON_PAGE

    summary, record = standing.summary, standing.record
    by = f" by {', '.join(standing.people)}" if standing.people else ""
    click.echo(
        f"Random check {record.batch.batch_id}: {summary.answered:,} of {summary.drawn:,} items answered{by}, "
        f"{summary.looked_at_twice:,} looked at twice."
    )
    click.echo(f"Wrong labels: {summary.errors_in_words}.")
    if summary.estimate is not None:
        click.echo(f"{summary.remaining_in_words}.")
        if summary.estimate.slip_rates is not None:
            alarm, missed = summary.estimate.slip_rates
            click.echo(
                f"Slips of one look: about {alarm:.1%} of right labels called wrong, {missed:.1%} of wrong ones kept."
            )
    if summary.answered < summary.drawn:
        click.echo(f"{summary.drawn - summary.answered:,} items have no answer that says right or wrong.")
    if standing.out_again:
        click.echo(
            f"{len(standing.out_again):,} items are out for a second look, which counts if somebody else takes it."
        )
    if standing.to_look_again:
        form = "csv" if record.format == ON_PAGE else record.format
        click.echo(
            f"{len(standing.to_look_again):,} items should be looked at by somebody else. Write them with: "
            f"labelaudit check {audit} --second-looks --format {form} --out FILE"
        )
