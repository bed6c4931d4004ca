"""The server's half of the card in a random check: nothing is sent that would tell what is suspected. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labelaudit.loop import CheckQueue
from labelaudit.ui.check_words import check_lines, empty_check
from labelaudit.ui.exchange import Exchange

if TYPE_CHECKING:
    from labelaudit.reviewing import Card, Queue

__all__ = ["CheckExchange"]


@dataclass(frozen=True, kw_only=True)
class CheckExchange(Exchange):
    """Answers the messages of one browser tab that shows the random check."""

    def _queue(self, client: str) -> CheckQueue:
        return CheckQueue.over(super()._queue(client), self.bench.sheet)

    def _card(self, card: Card, notice: str) -> dict[str, Any]:
        return {
            **self.bench.viewer.blind_card(card.item_id),
            "given_label": None,
            "suggested_label": None,
            "suggested_probability": None,
            "version": card.version,
            "content_hash": card.content_hash,
            "blind": True,
            "check": self.bench.sheet.batch_id,
            "notice": notice,
        }

    def _visited(self, queue: Queue, cards: list[Card]) -> Card | None:  # noqa: ARG002 -- as in any exchange
        """Return the item that a link asks for if it is at hand: nobody chooses what they check."""
        return next((card for card in cards if card.item_id == self.visit), None)

    def _report(self, queue: Queue, cards: Sequence[Card], *, exact: bool, at_rest: bool) -> dict[str, Any]:
        assert isinstance(queue, CheckQueue)
        waiting = queue.waiting()
        standing = self.bench.check_standing(exact=exact, at_rest=at_rest)
        done = 0 if standing is None else standing.summary.answered - len(standing.out_again) + len(queue.sheet.again)
        progress: dict[str, Any] = {
            "decided": done,
            "total": len(queue.sheet.item_ids) + len(queue.sheet.again),
            "left": None,
            "lines": check_lines(waiting, self.bench.pace(queue), at_hand=bool(cards)),
            # Who sees the count move with each answer stops too easily at one that pleases.
            "certificate": "The count comes at the end." if cards else "",
            "is_current": self.bench.is_current("check"),
        }
        return {"progress": progress, "empty": None if cards else empty_check(standing, waiting)}
