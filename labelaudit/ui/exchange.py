"""The server's half of the card: a message of the browser in, its answer out. No widgets.

The message is not trusted: what is no command is refused with a reason, and who decides is never taken from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from labelaudit.errors import UnknownNameError, UsageError
from labelaudit.reviewing import Card, Decision, Filter, Outcome, Queue, Redo, Undo, Verdict
from labelaudit.store import Command
from labelaudit.ui.words import certificate_line, empty_state, opinions_line, progress_lines

if TYPE_CHECKING:
    from labelaudit.ui.workbench import Workbench

__all__ = ["Exchange", "command_of"]

_MOST_CARDS = 24
_MOST_COMMANDS = 2_000
_NO_COMMAND = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What comes of reading something forged; infinite numbers overflow."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Answers the messages of one browser tab.

    Attributes
    ----------
    bench : Workbench
        Audit and store.
    person : str
        Who is signed in.
    may_judge : bool
        Whether they may decide.
    filter, order
        The queue on the page.
    view : str
        Names that queue in messages.
    visit : str or None
        Item that a link asks for, to be shown first.
    """

    bench: Workbench
    person: str
    may_judge: bool
    filter: Filter
    order: str
    view: str
    visit: str | None = None

    @property
    def scope(self) -> str:
        """Whose outboxes of which audit a browser may send here."""
        return f"{self.bench.audit.audit_id}:{self.person}"

    def opening(self) -> dict[str, Any]:
        """Return the data for a card that has sent no message yet."""
        return {
            "scope": self.scope, "view": self.view, "answered_view": "", "seq": 0, "nonce": "", "outcomes": [],
            "hand": [], "cards": [], "may_judge": self.may_judge, "empty": None, "visiting": None,
            "progress": {
                "decided": 0, "total": 0, "left": None, "lines": [], "certificate": "", "is_current": True,
            },
        }  # fmt: skip

    def answer(self, message: Mapping[str, Any], *, last_view: str | None) -> dict[str, Any]:
        """Record what the message brings, and return what the browser lacks.

        Parameters
        ----------
        message : mapping
            ``client``, ``nonce``, ``seq``, ``commands``, ``orphans``, ``held``, ``want``, ``have`` and ``knows``.
        last_view : str or None
            The view for which this tab claimed last; another one gives those claims back. After a reload the server
            does not know it, and ``held`` of the message says it.

        Raises
        ------
        UsageError
            If the message is none that the card sends.
        """
        try:
            head = _Head.of(message)
        except _NO_COMMAND as error:
            raise UsageError(
                f"The page sent something that cannot be read ({type(error).__name__}).",
                "Reload the page: decisions that wait in the browser are sent again.",
            ) from error
        queue = self._queue(head.client)
        outcomes = self._adopt(head.orphans)
        before = message.get("held") if last_view is None else last_view
        moved = before is not None and before != self.view
        own, cards = self._carry_out(queue, head, moved=moved)
        outcomes += own
        self.bench.count_decisions(sum(outcome["status"] == "acknowledged" for outcome in outcomes), self.person)
        visiting = self._visited(queue, cards)
        shown = [card for card in cards if card.item_id not in head.have]
        shown += [] if visiting is None or visiting in cards else [visiting]
        answer = self.opening() | {
            "answered_view": self.view,
            "seq": head.seq,
            "nonce": head.nonce,
            "outcomes": outcomes,
            "hand": [card.item_id for card in cards],
            "cards": self._cards(queue, shown, cards),
            "visiting": None if visiting is None else visiting.item_id,
        }
        # A page that was just opened may be looked at for long; one at work asks again with each decision.
        is_new = not message.get("knows")
        if is_new:
            answer["classes"] = list(self.bench.audit.classes)
        return answer | self._report(queue, cards, exact=is_new or not cards, at_rest=not head.commands)

    def _queue(self, client: str) -> Queue:
        return self.bench.queue(self.person, client, self.filter, self.order)

    def _report(self, queue: Queue, cards: Sequence[Card], *, exact: bool, at_rest: bool) -> dict[str, Any]:
        """Return how the queue is doing, and why there is nothing to judge where no card is at hand."""
        standing = self.bench.standing(queue, exact=exact, at_rest=at_rest)
        counts = standing.progress.counts
        progress = {
            "decided": counts.decided,
            "total": counts.total,
            # What is decided has left these queues, so that none of it would ever be done.
            "left": {"skipped": counts.open, "conflicts": counts.conflict}.get(self.filter.queue),
            "lines": progress_lines(standing, learned=self.bench.learned),
            "certificate": certificate_line(self.bench.health, self.bench.check),
            "is_current": self.bench.is_current(queue),
        }
        return {"progress": progress, "empty": None if cards else empty_state(standing, self.filter)}

    # -- commands

    def _commands(self, raw: Sequence[Any]) -> tuple[list[Command], list[dict[str, Any]]]:
        commands: list[Command] = []
        refused = []
        for entry in list(raw)[:_MOST_COMMANDS]:
            reason = ""
            try:
                command = command_of(entry)
                # A batch stands for a claim, so that it counts only where the item was given out with it.
                if isinstance(command, Decision) and command.batch is not None:
                    drawn = self.bench.sheet.drawn.get(command.batch, ())
                    reason = "" if command.item_id in drawn else "the item is not in that random check"
            except _NO_COMMAND as error:
                reason = f"this is no decision ({type(error).__name__})"
            if reason:
                named = str(entry.get("id", "")) if isinstance(entry, Mapping) else ""
                refused.append({"id": named, "status": "refused", "item_ids": [], "message": reason})
            else:
                commands.append(command)
        return commands, refused

    def _carry_out(self, queue: Queue, head: _Head, *, moved: bool) -> tuple[list[dict[str, Any]], list[Card]]:
        (commands, refused), want = self._commands(head.commands), head.want
        if not self.may_judge:
            outcomes = queue.decide(commands).outcomes if commands else ()
            return [*refused, *map(_plain, outcomes)], queue.page(limit=want)
        if moved:
            outcomes = queue.decide(commands).outcomes
            queue.release()
            return [*refused, *map(_plain, outcomes)], queue.claim(want)
        if not commands:
            return refused, queue.claim(want)
        answer = queue.decide(commands, then_claim=want)
        return [*refused, *self._focused(commands, answer.outcomes)], list(answer.cards)

    def _focused(self, commands: Sequence[Command], outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
        """Name the item that an undo without a named decision has brought back, so that the browser can show it."""
        found = []
        for command, outcome in zip(commands, outcomes, strict=True):
            plain = _plain(outcome)
            if isinstance(command, Undo) and command.target is None and len(outcome.item_ids) == 1:
                plain["focus"] = outcome.item_ids[0]
            found.append(plain)
        return found

    def _adopt(self, orphans: Sequence[tuple[str, Sequence[Any]]]) -> list[dict[str, Any]]:
        """Record the outboxes of closed tabs under the names of those tabs, then give back what they held."""
        outcomes: list[dict[str, Any]] = []
        for client, sent in orphans:
            commands, refused = self._commands(sent)
            queue = self.bench.queue(self.person, client, self.filter, self.order)
            outcomes += refused
            if commands:
                outcomes += map(_plain, queue.decide(commands).outcomes)
            queue.release()
        return outcomes

    # -- cards

    def _cards(self, queue: Queue, shown: Sequence[Card], claimed: Sequence[Card]) -> list[dict[str, Any]]:
        notices = {card.item_id: _notice(card) for card in shown if card not in claimed}
        if self.filter.queue == "conflicts" and not self.may_judge:
            notices = {card.item_id: _notice(card) for card in shown}
        elif self.filter.queue == "conflicts":
            said = queue.store.records.opinions_on([card.item_id for card in shown])
            notices |= {item_id: opinions_line(standings) for item_id, standings in said.items()}
        return [self._card(card, notices.get(card.item_id, "")) for card in shown]

    def _card(self, card: Card, notice: str) -> dict[str, Any]:
        return {
            **self.bench.viewer.card(card.item_id),
            "given_label": card.given_label,
            "suggested_label": card.suggested_label,
            "suggested_probability": card.suggested_probability,
            "version": card.version,
            "content_hash": card.content_hash,
            "blind": card.blind,
            "settles": self.filter.queue == "conflicts",
            "notice": notice,
        }

    def _visited(self, queue: Queue, cards: list[Card]) -> Card | None:
        """Return the item that a link asks for, claimed if it is free."""
        if self.visit is None:
            return None
        held = next((card for card in cards if card.item_id == self.visit), None)
        if held is not None:
            return held
        only = replace(queue, filter=Filter(queue="all", item_ids=(self.visit,)))
        try:
            found = only.page(limit=1)
            if found and self.may_judge and found[0].status == "open":
                claimed = [card for card in only.claim(len(cards) + 1) if card.item_id == self.visit]
                cards += claimed
                found = claimed or found
        except UnknownNameError:
            return None
        return found[0] if found else None


@dataclass(frozen=True)
class _Head:
    """What a message of the card is read for, before anything is done."""

    client: str
    nonce: str
    seq: int
    want: int
    have: frozenset[str]
    commands: tuple[Any, ...]
    orphans: tuple[tuple[str, tuple[Any, ...]], ...]

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> _Head:
        return cls(
            client=str(message["client"])[:64],
            nonce=str(message["nonce"]),
            seq=int(message["seq"]),
            want=max(1, min(int(message.get("want", 6)), _MOST_CARDS)),
            have=frozenset(str(item_id) for item_id in message.get("have", ())),
            commands=tuple(message.get("commands", ())),
            orphans=tuple(
                (str(orphan["client"])[:64], tuple(orphan.get("commands", ()))) for orphan in message.get("orphans", ())
            ),
        )


def command_of(entry: Mapping[str, Any]) -> Command:
    """Make a command of what a browser sent.

    Raises
    ------
    KeyError, TypeError, ValueError, OverflowError
        If it is none.
    """
    command_id = str(entry["id"])
    match entry["type"]:
        case "undo":
            return Undo(id=command_id, target=None if entry.get("target") is None else str(entry["target"]))
        case "redo":
            return Redo(id=command_id)
        case "decide":
            return Decision(
                id=command_id,
                item_id=str(entry["item_id"]),
                verdict=Verdict(entry["verdict"]),
                labels=tuple(str(label) for label in entry["labels"]),
                note=str(entry["note"]),
                active_ms=int(entry["active_ms"]),
                version=None if entry["version"] is None else int(entry["version"]),
                content_hash=str(entry["content_hash"]),
                batch=None if entry.get("check") is None else str(entry["check"]),
                settles=entry.get("settles") is True,
            )
    raise ValueError(f"unknown command {entry['type']!r}")


def _plain(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.id,
        "status": outcome.status,
        "item_ids": list(outcome.item_ids),
        "message": outcome.message,
    }


def _notice(card: Card) -> str:
    if card.status == "decided":
        label = f", label {card.label}" if card.label else ""
        return f"Already decided: {card.verdict}{label}."
    if card.status == "conflict":
        return "Reviewers disagree on this item; a lead settles it in the queue of disagreements."
    return "Somebody else has this item on the screen."
