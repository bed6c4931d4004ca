"""A queue as one person at one client sees it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from labelaudit.decisions import Action, Decision, Redo, Role, Undo, Verdict
from labelaudit.errors import DecisionRefusedError, UnknownNameError
from labelaudit.reviewing.statistics import Statistics, measure
from labelaudit.store import ORDERS, Card, Command, Counts, Event, Filter, Outcome, Store

__all__ = ["Answer", "Progress", "Queue", "new_id"]


def new_id() -> str:
    """Return a new id for a command."""
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Answer:
    """What became of an outbox: an outcome for each command, and the hand of cards if it was asked for."""

    outcomes: tuple[Outcome, ...]
    cards: tuple[Card, ...] = ()

    def raise_refused(self) -> None:
        """Raise DecisionRefusedError for the first command that was refused."""
        for outcome in self.outcomes:
            if outcome.status == "refused":
                raise DecisionRefusedError(outcome.message, "Nothing was recorded for it.")


@dataclass(frozen=True)
class Progress:
    """How far a queue is.

    Attributes
    ----------
    counts : Counts
        Items by where they stand.
    verdicts : mapping of str to int
        Decided items by verdict.
    """

    counts: Counts
    verdicts: Mapping[str, int]

    @property
    def errors(self) -> int:
        """Decided items whose label was wrong: relabelled, or no class fits."""
        return self.verdicts.get(Verdict.RELABEL, 0) + self.verdicts.get(Verdict.NONE_FITS, 0)

    @property
    def precision(self) -> float | None:
        """Share of wrong labels among the decided items; None before the first."""
        return self.errors / self.counts.decided if self.counts.decided else None


@dataclass(frozen=True)
class Queue:
    """A queue as one person at one client sees it. Opening one is cheap: many share a store.

    Attributes
    ----------
    store : Store
        The open store.
    person, client : str
        Who, and in which browser tab or process.
    filter : Filter
        Which items.
    order : str
        One of :data:`ORDERS`.
    """

    store: Store
    person: str
    client: str
    filter: Filter
    order: str = "suspicion"

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise UnknownNameError.among("order", self.order, ORDERS)

    def where(self, filter: Filter, order: str | None = None) -> Queue:
        """Return another view of the queue for the same client, and give back what this one holds."""
        view = replace(self, filter=filter, order=order or self.order)
        self.release()
        return view

    def claim(self, n: int) -> list[Card]:
        """Fill the client's hand up to `n` items and return them all, those held before first.

        Asking again gives the same items, so a lost answer costs nothing. Leases last five minutes from now.

        Raises
        ------
        DecisionRefusedError
            If the person may not judge.
        """
        return self.store.claim(self.filter, self.order, n, person=self.person, client=self.client)

    def decide(self, batch: Sequence[Command], *, then_claim: int = 0) -> Answer:
        """Record a whole outbox of decisions, undos and redos in one transaction.

        Parameters
        ----------
        batch : sequence of Decision, Undo or Redo
            In the order in which they were made. Sending it again is harmless.
        then_claim : int
            Fill the hand up to this many items in the same transaction; 0 leaves it alone.

        Returns
        -------
        Answer
            One outcome for each command: acknowledged, known, or refused with a reason.
        """
        hand = (self.filter, self.order, then_claim) if then_claim else None
        outcomes, cards = self.store.decide(batch, person=self.person, client=self.client, then_claim=hand)
        return Answer(tuple(outcomes), tuple(cards))

    def undo(self, target: str | None = None) -> Outcome:
        """Take back the last decision (or bulk action), or the one with the id `target`."""
        return self.decide([Undo(id=new_id(), target=target)]).outcomes[0]

    def redo(self) -> Outcome:
        """Bring back what was taken back last."""
        return self.decide([Redo(id=new_id())]).outcomes[0]

    def release(self, item_ids: Sequence[str] | None = None) -> int:
        """Give claimed items back, all by default; return how many."""
        return self.store.release(self.client, item_ids)

    def renew(self) -> None:
        """Keep claimed items for five more minutes."""
        self.store.renew(self.client)

    def adjudicate(self, decisions: Sequence[Decision]) -> Answer:
        """Settle items, whatever opinions there are on them; for leads."""
        return self._rule(decisions, Action.ADJUDICATE)

    def set_gold(self, decisions: Sequence[Decision]) -> Answer:
        """Give items a known answer, by which reviewers are measured; for leads."""
        return self._rule(decisions, Action.GOLD)

    def _rule(self, decisions: Sequence[Decision], action: Action) -> Answer:
        outcomes, _ = self.store.decide(decisions, person=self.person, client=self.client, action=action)
        return Answer(tuple(outcomes))

    def counts(self) -> Counts:
        """Count the items of the queue by where they stand."""
        return self.store.count(self.filter, person=self.person)

    def progress(self) -> Progress:
        """Return how far the queue is and what was found."""
        return Progress(self.counts(), self.store.records.verdicts(self.filter, self.person))

    def page(self, *, after: str | None = None, limit: int = 50) -> list[Card]:
        """Return up to `limit` items of the queue that follow on the item `after`, without claiming them."""
        return self.store.page(self.filter, self.order, person=self.person, after=after, limit=limit)

    def history(
        self, *, item_id: str | None = None, of_person: str | None = None, limit: int | None = None
    ) -> list[Event]:
        """Return events, latest first, as far as this person may see them."""
        return self.store.records.history(viewer=self.person, item_id=item_id, of_person=of_person, limit=limit)

    def statistics(self) -> Statistics:
        """Return statistics of people and classes.

        Raises
        ------
        DecisionRefusedError
            If the person is a reviewer: agreement and gold accuracy would tell them what others said.
        """
        role = self.store.team.enter(self.person).role
        if role is Role.REVIEWER:
            raise DecisionRefusedError(f"{self.person} is a reviewer; statistics are for leads.", "Ask a lead.")
        return measure(self.store)

    def close(self) -> None:
        """Give back what is held and close the store."""
        self.release()
        self.store.close()
