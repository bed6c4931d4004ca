"""``labelaudit batch``: what annotators should see next, in the format of their tool."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labelaudit.cli._review import audit_argument, store_option
from labelaudit.formats import FORMATS
from labelaudit.selection import STRATEGIES

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit
    from labelaudit.batches import BatchOptions, Chosen
    from labelaudit.domain import Batch
    from labelaudit.formats import Format

__all__ = ["command"]

_DEFAULT_MIX = "suspects=80,ambiguous=15,gold=5"


def _share(ctx: click.Context, param: click.Parameter, text: str) -> float:
    try:
        share = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise click.BadParameter(f"{text!r} is no share. Write 10% or 0.1.", ctx, param)
    return share


@click.command(
    short_help="Write a batch for annotators.",
    epilog="""\b
Examples:
  labelaudit batch tickets.audit --size 200 --format label-studio --out batch.json
  labelaudit batch tickets.audit --minutes 60 --random 10% --format csv --out batch.csv
  labelaudit batch tickets.audit --money 50 --per-hour 20 --seconds 8 --format prodigy --out batch.jsonl
  labelaudit batch tickets.audit --size 100 --by entropy --strategy k-center --format jsonl --out batch.jsonl
  labelaudit batch tickets.audit --size 20 --queue conflicts --blind --format csv --out third-opinions.csv
  labelaudit batch photos.audit --size 500 --several --blind --format cvat --out batch""",
)
@audit_argument
@click.option("--size", type=click.IntRange(min=1), metavar="N", help="Items in the batch.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="As many items as fit into this time.")
@click.option("--money", type=click.FloatRange(min=0, min_open=True), help="As many as fit; with --per-hour.")
@click.option("--per-hour", type=click.FloatRange(min=0, min_open=True), help="What an hour of annotating costs.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds an answer takes.  [default: as measured in the reviews of this audit]",
)
@click.option("--format", "form", required=True, metavar="NAME", help=f"One of {', '.join(FORMATS.names())}.")
@click.option("--out", required=True, type=click.Path(), help="File or folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace what is at --out.")
@click.option("--mix", default=_DEFAULT_MIX, metavar="SHARES", help=f"Parts of the batch.  [default: {_DEFAULT_MIX}]")
@click.option(
    "--random", callback=_share, default="0", metavar="SHARE", help="Share drawn at random, such as 10%.  [default: 0]"
)
@click.option("--by", metavar="SCORE", help="Choose by this score, highest first, instead of the mix.")
@click.option(
    "--queue",
    metavar="NAME",
    help="Choose from this queue alone, instead of the mix: suspects, ambiguous, flagged, conflicts or skipped.",
)
@click.option(
    "--strategy",
    default="spread",
    metavar="NAME",
    help=f"How to choose among the best: {', '.join(STRATEGIES.names())}.  [default: spread]",
)
@click.option("--given", multiple=True, metavar="CLASS", help="Only items given this label; repeat for several.")
@click.option("--suggested", multiple=True, metavar="CLASS", help="Only items for which this label is suggested.")
@click.option("--group", "groups", multiple=True, metavar="NAME=VALUE", help="Only items of this slice.")
@click.option("--several", is_flag=True, help="Let annotators give an item several labels.")
@click.option("--blind", is_flag=True, help="Keep given and suggested labels from annotators.")
@click.option("--image-url", metavar="URL", help="Where annotators find the folder of the data; default: files inside.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of all that is random.  [default: 0]")
@store_option
def command(audit: str, form: str, out: str, overwrite: bool, url: str | None, **given: Any) -> None:
    """Choose items of AUDIT for annotators, and write them in the format of their tool.

    By default four fifths are the most suspicious labels, without near-duplicates and with places for rare classes;
    the rest are ambiguous items and known answers. Where decisions have been learned from (labelaudit rescore), the
    order is the one that they taught. Items that are decided, out in an earlier batch, or left to a lead because people
    disagree are not chosen again (labelaudit status --withdraw takes a batch back). Of two runs at the same moment one
    waits for the other. What the format has no place for is said before it is written, and kept in the audit.
    """
    from labelaudit.audit_folder import load
    from labelaudit.batches import choosing

    loaded, target = load(audit), FORMATS.get(form)
    options = _options(loaded, url, given)
    with choosing(audit, waiting=lambda: click.echo("Waiting for another batch of this audit ...", err=True)):
        _choose(loaded, options, url, (target, audit, out), overwrite=overwrite)


def _choose(
    loaded: Audit, options: BatchOptions, url: str | None, place: tuple[Format, str, str], *, overwrite: bool
) -> None:
    from labelaudit.batches import choose, records
    from labelaudit.formats import losses
    from labelaudit.loop import candidates

    target, audit, out = place
    left = candidates(loaded, queue=options.queue, store=url)
    batch, chosen = choose(
        loaded, options, decided=left.settled, gold=left.gold, only=left.only, suspicion=left.suspicion
    )
    lost = losses(target, batch)
    if lost and batch.modality in target.carries:
        click.echo(
            f"{target.name} has no place for these, so they will not come back: {'; '.join(lost)}. "
            "The batch is kept whole in the audit.",
            err=True,
        )
    here = [record.batch for record in records(audit).values() if record.path == str(Path(out).absolute())]
    _write(batch, chosen, options, place, overwrite=overwrite)
    for earlier in here:
        if any(item.item_id in left.out for item in earlier.items):
            click.echo(
                f"It replaces the batch {earlier.batch_id}, whose items stay out until they are answered. "
                f"If nobody has them, take it back with: labelaudit status {audit} --withdraw {earlier.batch_id}"
            )


def _write(
    batch: Batch, chosen: Chosen, options: BatchOptions, place: tuple[Format, str, str], *, overwrite: bool
) -> None:
    from dataclasses import asdict

    from labelaudit.batches import keep_record
    from labelaudit.formats import losses, write_batch

    form, audit, out = place
    written = write_batch(batch, form, out, overwrite=overwrite)
    keep_record(audit, batch, format=form.name, written=written, options=asdict(options), lost=losses(form, batch))
    parts = ", ".join(f"{chosen.part.count(part)} {part}" for part in dict.fromkeys(chosen.part))
    click.echo(f"Batch {batch.batch_id}: {len(batch)} items ({parts}).")
    if len(batch) < options.size:
        why = (
            "what is left of that queue repeats these, if anything"
            if options.queue
            else "what is left repeats these, or is not flagged"
        )
        click.echo(f"{options.size - len(batch)} fewer than asked for: {why}.")
    if "random" in chosen.part:
        click.echo(f"The random share costs about {chosen.displaced_errors:.1f} errors that would be found otherwise.")
    for path in written:
        click.echo(f"Wrote {path}")
    click.echo(f"Bring the answers back with: labelaudit import {audit} FILE --format {form.name}")


def _options(audit: Audit, url: str | None, given: dict[str, Any]) -> BatchOptions:
    from labelaudit.batches import BatchOptions

    names = ("random", "by", "queue", "strategy", "given", "suggested", "several", "blind", "image_url", "seed")
    return BatchOptions(
        size=_size(audit, url, given),
        groups=tuple(_pair(text, "--group") for text in given["groups"]),
        **{name: given[name] for name in names} | _mix(given["mix"]),
    )


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"{option} {text!r} is no pair. Write NAME=VALUE.")
    return name, value


def _mix(text: str) -> dict[str, float]:
    shares = dict.fromkeys(("suspects", "ambiguous", "gold"), 0.0)
    for part in text.split(","):
        name, value = _pair(part.strip(), "--mix")
        if name not in shares:
            raise click.UsageError(f"--mix has no part {name!r}. Parts: {', '.join(shares)}.")
        try:
            shares[name] = float(value.removesuffix("%"))
        except ValueError:
            raise click.UsageError(f"--mix: {value!r} is no number.") from None
    total = sum(shares.values())
    if not 0 < total < float("inf") or min(shares.values()) < 0:
        raise click.UsageError(f"--mix {text!r}: the shares must be 0 or more, and not all 0.")
    return {name: share / total for name, share in shares.items()}


def _size(audit: Audit, url: str | None, given: dict[str, Any]) -> int:
    """Return the number of items, from one of the three ways to give a budget."""
    if sum(given[name] is not None for name in ("size", "minutes", "money")) != 1:
        raise click.UsageError("Give one of --size, --minutes and --money.")
    if given["size"] is not None:
        return int(given["size"])
    if given["money"] is not None and given["per_hour"] is None:
        raise click.UsageError("--money needs --per-hour: what an hour of annotating costs.")
    minutes = given["minutes"] if given["money"] is None else 60 * given["money"] / given["per_hour"]
    seconds = given["seconds"] or _measured_seconds(audit, url)
    items = 60 * minutes / seconds
    if not math.isfinite(items):
        raise click.UsageError(f"{minutes:g} minutes at {seconds:g} seconds an answer are no number of items.")
    size = int(items)
    if size < 1:
        raise click.UsageError(f"At {seconds:.1f} seconds an answer, that is not enough for one item.")
    click.echo(f"At {seconds:.1f} seconds an answer: {size} items.", err=True)
    return size


def _measured_seconds(audit: Audit, url: str | None) -> float:
    from labelaudit.loop import seconds_per_answer

    seconds = seconds_per_answer(audit, store=url)
    if seconds is None:
        raise click.UsageError("Nobody has answered yet, so the pace is not known: give it with --seconds.")
    return seconds
