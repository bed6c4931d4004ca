"""``labelaudit decide``: record decisions, take them back, bring them back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from labelaudit.cli._review import audit_argument, me, person_option, store_option

if TYPE_CHECKING:
    from labelaudit.decisions import Decision
    from labelaudit.reviewing import Answer, Queue

__all__ = ["command"]

_SHOWN_OF_ID = 8  # by labelaudit history
_LOOKED_THROUGH = 10_000


@click.command(
    short_help="Record a decision on an item, or take one back.",
    epilog="""\b
Examples:
  labelaudit decide tickets.audit t00417 keep
  labelaudit decide tickets.audit t00417 relabel return_received --note "depot mail"
  labelaudit decide tickets.audit t00418 several_fit refund return_received
  labelaudit decide tickets.audit t00419 relabel refund --adjudicate
  labelaudit decide tickets.audit --from decisions.jsonl
  labelaudit decide tickets.audit --undo""",
)
@audit_argument
@click.argument("item", required=False)
@click.argument("verdict", required=False)
@click.argument("labels", nargs=-1)
@click.option("--note", default="", help="A remark to keep with the decision.")
@click.option("--adjudicate", is_flag=True, help="Settle the item, whatever others said; for leads.")
@click.option("--gold", is_flag=True, help="Make this the known answer that measures reviewers; for leads.")
@click.option(
    "--from", "file", type=click.File("rb"), help="JSON lines (UTF-8) with item_id, verdict, labels, note and id."
)
@click.option("--undo", "undo", is_flag=True, help="Take back your last decision.")
@click.option("--redo", "redo", is_flag=True, help="Bring back what you took back last.")
@click.option(
    "--target", metavar="ID", help="With --undo: the decision (or bulk action) to take back, as history shows its id."
)
@person_option
@store_option
def command(audit: str, person: str | None, url: str | None, **given: Any) -> None:
    """Record a decision on ITEM of AUDIT.

    VERDICT is keep, relabel, ambiguous, several_fit, none_fits, exclude or skip; relabel takes the new label,
    several_fit the labels that fit, none_fits the name of a new class if you have one.
    """
    from labelaudit.reviewing import open_queue

    ways = [bool(given["item"]), given["file"] is not None, given["undo"], given["redo"]]
    if sum(ways) != 1:
        raise click.UsageError("Give an item and a verdict, or one of --from, --undo and --redo.")
    queue = open_queue(audit, person=me(person), store=url)
    try:
        _report(_carry_out(queue, **given), _what(**given))
    finally:
        queue.close()


def _carry_out(queue: Queue, **given: Any) -> Answer:
    from labelaudit.reviewing import Answer

    if given["undo"]:
        return Answer((queue.undo(_whole_id(queue, given["target"])),))
    if given["redo"]:
        return Answer((queue.redo(),))
    if given["file"] is not None:
        decisions = list(_decisions_of(given["file"]))
    else:
        if given["verdict"] is None:
            raise click.UsageError("Give a verdict behind the item.")
        decisions = [_decision(given["item"], given["verdict"], given["labels"], given["note"], str(uuid.uuid4()))]
    if given["adjudicate"]:
        return queue.adjudicate(decisions)
    return queue.set_gold(decisions) if given["gold"] else queue.decide(decisions)


def _what(*, undo: bool, redo: bool, gold: bool, verdict: str | None, labels: tuple[str, ...], **_: Any) -> str:
    """Return what one decision was, in words that its item follows."""
    if undo or redo:
        return "Taken back" if undo else "Brought back"
    return " ".join(["Recorded", *(["as known answer"] if gold else []), *filter(None, [verdict]), *labels])


def _whole_id(queue: Queue, target: str | None) -> str | None:
    """Return the id that `target` is the beginning of; `target` itself where that is no decision or not only one."""
    if target is None or len(target) < _SHOWN_OF_ID:
        return target
    found = {event.id for event in queue.history(limit=_LOOKED_THROUGH) if event.id.startswith(target)}
    return found.pop() if len(found) == 1 else target


def _decision(item: str, verdict: str, labels: tuple[str, ...], note: str, id: str) -> Decision:
    from labelaudit.decisions import Decision, Verdict
    from labelaudit.errors import UnknownNameError

    if verdict not in list(Verdict):
        raise UnknownNameError.among("verdict", verdict, map(str, Verdict))
    return Decision(id=id, item_id=item, verdict=Verdict(verdict), labels=labels, note=note)


def _decisions_of(file: Any) -> Iterator[Decision]:
    from labelaudit.errors import ReadError, UnknownNameError

    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            decision = _parsed(line.decode("utf-8-sig").strip(), number)
        except UnknownNameError as error:
            raise ReadError(f"{file.name}, line {number}: {error.problem}", error.fix) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReadError(
                f"{file.name}, line {number}: this is no decision ({type(error).__name__}: {error}).",
                'Write {"item_id": "...", "verdict": "relabel", "labels": ["..."]} on each line, in UTF-8.',
            ) from error
        yield decision


def _parsed(line: str, number: int) -> Decision:
    """Make a decision of a line; raise what it raises where it is none."""
    values = json.loads(line)
    labels = values.get("labels") or []
    # Without an id of its own a line is known by its place and content, so that a second run changes nothing.
    own = values.get("id") or str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number}/{line}"))
    texts = [values["item_id"], values["verdict"], values.get("note") or "", own, *labels]
    if not isinstance(labels, list) or not all(isinstance(text, str) for text in texts):
        raise TypeError("labels are a list of strings, all else is a string")
    item_id, verdict, note, own, *labels = texts
    return _decision(item_id, verdict, tuple(labels), note, own)


def _report(answer: Answer, what: str) -> None:
    from labelaudit.previews import printable

    for outcome in answer.outcomes:
        if outcome.status == "refused" and len(answer.outcomes) > 1:  # a single one is the error itself
            click.echo(f"refused: {outcome.message}", err=True)
        elif outcome.status == "acknowledged" and len(answer.outcomes) == 1:
            click.echo(printable(f"{what}: {', '.join(outcome.item_ids)} (id {outcome.id[:_SHOWN_OF_ID]})"))
    if len(answer.outcomes) > 1:
        counts = {status: sum(outcome.status == status for outcome in answer.outcomes) for status in _SPOKEN}
        click.echo(", ".join(f"{count} {_SPOKEN[status]}" for status, count in counts.items()))
    answer.raise_refused()


_SPOKEN = {"acknowledged": "recorded", "known": "known before", "refused": "refused"}
