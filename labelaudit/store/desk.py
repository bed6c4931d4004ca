"""Where commands become events: one desk carries out the commands of one transaction, in their order."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from labelaudit.decisions import (
    GOLD,
    LEASE_MS,
    RULING,
    Action,
    Decision,
    ItemState,
    Opinion,
    Redo,
    Refusal,
    Role,
    Undo,
    Verdict,
    admit,
    check_opinion,
    is_storable,
    may,
    opinions_needed,
)
from labelaudit.store.chain import Event, Ledger
from labelaudit.store.claims import purge_claims
from labelaudit.store.persistence import load_actions, load_items, save_changes
from labelaudit.store.projection import Done, Person, Projection, Standing
from labelaudit.store.schema import actions, claims, events
from labelaudit.store.statements import NamedStatement

__all__ = ["Command", "Desk", "Outcome"]

Command = Decision | Undo | Redo

_LONGEST_ACTIVE_MS = 24 * 3_600_000

_KNOWN = NamedStatement(
    lambda names: sa.select(events.c.id, events.c.person, events.c.item_id).where(events.c.id.in_(names))
)
_RECORDED = NamedStatement(
    lambda names: sa.select(events.c.id, events.c.before, events.c.after, events.c.person, events.c.at).where(
        events.c.id.in_(names)
    )
)
_CLAIMS_ON = NamedStatement(lambda names: sa.select(claims).where(claims.c.item_id.in_(names)))
_GIVE_BACK = NamedStatement(
    lambda names: sa.delete(claims).where(claims.c.client == sa.bindparam("the_client"), claims.c.item_id.in_(names))
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a command.

    Attributes
    ----------
    id : str
        The command's id.
    status : str
        ``acknowledged`` (recorded now), ``known`` (recorded by an earlier delivery), or ``refused``.
    item_ids : tuple of str
        Items whose state changed.
    code, message : str
        Why it was refused; see :class:`labelaudit.decisions.Refusal`. Empty otherwise.
    """

    id: str
    status: str
    item_ids: tuple[str, ...] = ()
    code: str = ""
    message: str = ""


class Desk:
    """Carries out commands inside one write transaction.

    Parameters
    ----------
    connection : Connection
        Inside the transaction.
    ledger : Ledger
        Holds the head of the log.
    projection : Projection
        With binding and rules loaded.
    person : Person
        Who asks.
    client : str
        Browser tab or process, which holds claims.
    now : int
        Milliseconds since the epoch, by which leases end; the ledger's may be ahead of a clock that was set back.
    """

    def __init__(
        self,
        connection: sa.Connection,
        ledger: Ledger,
        projection: Projection,
        person: Person,
        client: str,
        *,
        now: int,
    ) -> None:
        self._connection = connection
        self._ledger = ledger
        self._projection = projection
        self._person = person
        self._client = client
        self._now = now
        self._classes = frozenset(() if projection.binding is None else projection.binding.classes)
        self._items: dict[str, Any] = {}
        self._claims: dict[str, list[Any]] = {}
        self._given_back: list[str] = []

    def carry_out(self, commands: Sequence[Command], action: Action = Action.DECIDE) -> list[Outcome]:
        """Carry out all commands; decisions are recorded as `action` (decide, adjudicate, gold), unless they settle."""
        known = self._known([command.id for command in commands])
        purge_claims(self._connection, self._now)
        self._load([command.item_id for command in commands if isinstance(command, Decision)])
        outcomes = []
        for command in commands:
            outcome = self._known_outcome(command, known.get(command.id)) or self._carry_out(command, action)
            if outcome.status == "acknowledged":
                known[command.id] = (self._person.name, command.item_id if isinstance(command, Decision) else None)
            outcomes.append(outcome)
        self._save()
        return outcomes

    def _carry_out(self, command: Command, action: Action) -> Outcome:
        if isinstance(command, Decision):
            action = kind = Action.ADJUDICATE if command.settles else action
        else:
            kind = Action.UNDO if isinstance(command, Undo) else Action.REDO
        if not may(self._person.role, kind) or not self._person.active:
            what = "is no longer active" if not self._person.active else f"is a {self._person.role}"
            result: Refusal | tuple[str, ...] = Refusal(
                "forbidden", f"{self._person.name} {what} and may not {kind}. A lead can change that."
            )
        elif not _is_id(command.id):
            result = Refusal("invalid", "Every command needs an id of 1 to 64 visible ASCII characters, best a UUID.")
        elif isinstance(command, Decision):
            result = self._judge(command, action)
        else:
            self._save()  # undo and redo look up what this very transaction did before
            result = self._undo(command) if isinstance(command, Undo) else self._redo(command)
        if isinstance(result, Refusal):
            return Outcome(id=command.id, status="refused", code=result.code, message=result.message)
        return Outcome(id=command.id, status="acknowledged", item_ids=result)

    # -- what is there already

    def _known(self, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        return {row.id: (row.person, row.item_id) for row in _KNOWN.rows(self._connection, ids)}

    def _known_outcome(self, command: Command, known: tuple[str, str | None] | None) -> Outcome | None:
        if known is None:
            return None
        person, item_id = known
        if person == self._person.name and (not isinstance(command, Decision) or item_id == command.item_id):
            return Outcome(id=command.id, status="known")
        return Outcome(
            id=command.id,
            status="refused",
            code="reused",
            message=f"The id {command.id} stands for another decision already; make a new UUID for each.",
        )

    def _load(self, item_ids: Sequence[str]) -> None:
        # What no database can store, none can be asked for either: it is no item.
        new = [item for item in dict.fromkeys(item_ids) if item not in self._items and is_storable((item,))]
        self._items.update(load_items(self._connection, self._projection, new))
        for row in _CLAIMS_ON.rows(self._connection, new):
            self._claims.setdefault(row.item_id, []).append(row)

    def _state(self, item_id: str) -> ItemState | None:
        row = self._items.get(item_id)
        if row is None:
            return None
        standings = self._projection.opinions[item_id]
        return ItemState(
            item_id=item_id,
            content_hash=row.content_hash,
            given_label=row.given_label,
            suggested_label=row.suggested_label,
            version=self._projection.versions[item_id],
            needed=opinions_needed(item_id, self._projection.rules),
            opinions={slot: standing.opinion for slot, standing in standings.items()},
        )

    # -- decide, adjudicate, set a known answer

    def _judge(self, decision: Decision, action: Action) -> Refusal | tuple[str, ...]:
        item = self._state(decision.item_id)
        claim = self._own_claim(decision.item_id)
        refusal = self._admit(item, decision, action, holds_claim=claim is not None)
        if refusal is not None or item is None:
            return refusal or Refusal("gone", f"The item {decision.item_id!r} is gone.")
        opinion = check_opinion(
            Opinion(verdict=decision.verdict, labels=decision.labels, note=decision.note, given_label=item.given_label),
            self._classes,
        )
        if isinstance(opinion, Refusal):
            return opinion
        if action is not Action.DECIDE and opinion.verdict is Verdict.SKIP:
            return Refusal("invalid", "A skip settles nothing; choose another verdict.")
        slot = {Action.ADJUDICATE: RULING, Action.GOLD: GOLD}.get(action, self._person.name)
        standing = self._projection.opinions[item.item_id].get(slot)
        blind = standing is None and claim is not None and bool(claim.blind)
        self._record(
            action,
            item,
            id=decision.id,
            before=None if standing is None else standing.as_dict(),
            after={**opinion.as_dict(), "suggested_label": item.suggested_label, "blind": blind, **_brought(decision)},
            active_ms=min(max(decision.active_ms, 0), _LONGEST_ACTIVE_MS),
            bulk=decision.bulk,
        )
        self._give_back(item.item_id)
        return (item.item_id,)

    def _admit(
        self, item: ItemState | None, decision: Decision, action: Action, *, holds_claim: bool
    ) -> Refusal | None:
        if action is Action.DECIDE or item is None:
            others = [row.person for row in self._claims.get(decision.item_id, []) if row.client != self._client]
            return admit(item, decision, self._person.name, holds_claim=holds_claim, claimed_by=others)
        if decision.version not in {None, item.version} and not holds_claim:
            return Refusal("changed", f"The item {item.item_id!r} was decided on by somebody since it was shown.")
        if decision.content_hash not in {None, item.content_hash}:
            return Refusal("changed", f"The content of the item {item.item_id!r} is not what was on the screen.")
        return None

    def _record(self, action: Action, item: ItemState, **fields: Any) -> Event:
        event = self._ledger.append(
            action,
            person=self._person.name,
            client=self._client,
            item_id=item.item_id,
            content_hash=item.content_hash,
            **fields,
        )
        self._projection.apply(event)
        return event

    # -- claims

    def _own_claim(self, item_id: str) -> Any | None:
        return next((row for row in self._claims.get(item_id, []) if row.client == self._client), None)

    def _give_back(self, item_id: str) -> None:
        if self._own_claim(item_id) is not None:
            self._claims[item_id] = [row for row in self._claims[item_id] if row.client != self._client]
            self._given_back.append(item_id)

    def _take_again(self, item: ItemState) -> None:
        """Keep an item whose decision was taken back on the screen of the one who took it back, if it is free."""
        given = sum(
            opinion.verdict is not Verdict.SKIP for slot, opinion in item.opinions.items() if slot not in {RULING, GOLD}
        )
        on_screens = self._claims.get(item.item_id, [])
        if any(row.person == self._person.name for row in on_screens) or given + len(on_screens) >= item.needed:
            return
        row = {
            "item_id": item.item_id,
            "client": self._client,
            "person": self._person.name,
            "expires": self._now + LEASE_MS,
            "blind": False,
        }
        self._connection.execute(sa.insert(claims), [row])
        claim = self._connection.execute(
            sa.select(claims).where(claims.c.item_id == item.item_id, claims.c.client == self._client)
        ).first()
        self._claims.setdefault(item.item_id, []).append(claim)

    # -- undo and redo

    def _undo(self, command: Undo) -> Refusal | tuple[str, ...]:
        done = self._to_undo(command.target)
        if isinstance(done, Refusal):
            return done
        if any(action.person != self._person.name for action in done) and self._person.role is not Role.LEAD:
            return Refusal("forbidden", "Only a lead may take back what somebody else decided.")
        standing = [action for action in done if self._stands(action)]
        if not standing:
            return Refusal("changed", "A later decision on that item stands; take that one back first.")
        before = self._recorded(standing)
        for action in standing:
            self._turn(Action.UNDO, command.id, action, standing[0], before[action.id][0])
        if len(standing) == 1 and standing[0].slot == self._person.name:
            item = self._state(standing[0].item_id)
            if item is not None:
                self._take_again(item)
        return tuple(action.item_id for action in standing)

    def _to_undo(self, target: str | None) -> list[Done] | Refusal:
        if target is None:
            mine = (actions.c.person == self._person.name) & actions.c.undone.is_(None)
            latest = sa.select(actions.c.bulk).where(mine).order_by(actions.c.seq.desc()).limit(1)
            target = self._connection.scalar(latest)
            if target is None:
                return Refusal("nothing", "There is nothing to take back.")
        named = (actions.c.id == target) | (actions.c.bulk == target)
        found = load_actions(self._connection, self._projection, named)
        if not found:
            return Refusal("gone", f"There is no decision {target!r} in this store.")
        done = [action for action in found if action.undone is None]
        self._load([action.item_id for action in done])
        return done or Refusal("nothing", "That decision has been taken back already.")

    def _stands(self, action: Done) -> bool:
        standing = self._projection.opinions.get(action.item_id, {}).get(action.slot)
        return action.item_id in self._items and standing is not None and standing.event_id == action.id

    def _redo(self, command: Redo) -> Refusal | tuple[str, ...]:
        person = self._person.name
        newest = sa.select(sa.func.coalesce(sa.func.max(actions.c.seq), 0)).where(actions.c.person == person)
        undone = (actions.c.undone_by == person) & (actions.c.undone > newest.scalar_subquery())
        latest = sa.select(actions.c.bulk).where(undone).order_by(actions.c.undone.desc()).limit(1)
        bulk = self._connection.scalar(latest)
        if bulk is None:
            return Refusal("nothing", "There is nothing to bring back.")
        done = load_actions(self._connection, self._projection, undone & (actions.c.bulk == bulk))[::-1]
        self._load([action.item_id for action in done])
        recorded = self._recorded(done)
        refusals = [self._not_again(action, recorded[action.id][0]) for action in done]
        free = [action for action, refusal in zip(done, refusals, strict=True) if refusal is None]
        if not free:
            return refusals[0] or Refusal("changed", "The item changed.")
        for action in free:
            self._turn(Action.REDO, command.id, action, free[0], recorded[action.id][1])
            self._give_back(action.item_id)
        return tuple(action.item_id for action in free)

    def _not_again(self, action: Done, before: Standing | None) -> Refusal | None:
        """Say why an undone decision cannot come back: the item is gone, was decided anew, or is full."""
        item = self._state(action.item_id)
        slots = self._projection.opinions.get(action.item_id, {})
        if item is not None and slots.get(action.slot) != before:
            return Refusal("changed", f"The item {action.item_id!r} was decided anew since.")
        if item is None or action.slot not in {RULING, GOLD}:
            decision = Decision(id=action.id, item_id=action.item_id, verdict=Verdict.SKIP)
            return self._admit(item, decision, Action.DECIDE, holds_claim=self._own_claim(action.item_id) is not None)
        return None

    def _recorded(self, done: Sequence[Done]) -> dict[str, tuple[Standing | None, Standing]]:
        """Return what held before and after each of the decisions, from their events."""
        found = {}
        for row in _RECORDED.rows(self._connection, [action.id for action in done]):
            before = None if row.before is None else Standing.from_dict(json.loads(row.before))
            after = Standing(Opinion.from_dict(json.loads(row.after)), row.person, row.id, row.at)
            found[row.id] = (before, after)
        return found

    def _turn(self, kind: Action, command_id: str, action: Done, first: Done, to: Standing | None) -> None:
        item = self._state(action.item_id)
        if item is None:
            return
        standing = self._projection.opinions[action.item_id].get(action.slot)
        # The command's own id marks its first event; those of the rest of a bulk action follow from it.
        own = command_id if action is first else str(uuid.uuid5(uuid.NAMESPACE_OID, f"{command_id}/{action.id}"))
        self._record(
            kind,
            item,
            id=own,
            before=None if standing is None else standing.as_dict(),
            after=None if to is None else to.as_dict(),
            target=action.id,
            bulk=None if action.bulk == action.id else action.bulk,
        )

    # -- end

    def _save(self) -> None:
        self._ledger.flush()
        save_changes(self._connection, self._projection)
        _GIVE_BACK.run(self._connection, self._given_back, the_client=self._client)
        self._given_back.clear()


def _brought(decision: Decision) -> dict[str, Any]:
    """Return where a decision comes from, if it was made in another tool."""
    found = {"batch": decision.batch, "answered_at": decision.answered_at}
    return {name: value for name, value in found.items() if value is not None}


def _is_id(value: str) -> bool:
    return 0 < len(value) <= 64 and value.isascii() and value.isprintable()
