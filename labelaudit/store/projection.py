"""The present state as a fold over events: no SQL, and the same code for one new event as for a million old ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, Self

from labelaudit.decisions import GOLD, RULING, Action, Opinion, Role, Rules, Verdict, outcome, resolve
from labelaudit.store.chain import Deed, Event, as_json

__all__ = ["Binding", "Done", "Person", "Projection", "Standing", "item_row"]


class Standing(NamedTuple):
    """An opinion that holds in a slot, and where it came from."""

    opinion: Opinion
    person: str
    event_id: str
    at: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as events carry them."""
        return {**self.opinion.as_dict(), "person": self.person, "event_id": self.event_id, "at": self.at}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a standing of what :meth:`as_dict` returned."""
        return cls(Opinion.from_dict(values), values["person"], values["event_id"], values["at"])

    def as_row(self, item_id: str, slot: str) -> tuple[Any, ...]:
        """Return the row of the table ``opinions``."""
        return (item_id, slot, self.person, *_columns(self.opinion), self.event_id, self.at)

    @classmethod
    def from_row(cls, row: Any) -> Self:
        """Make a standing of a row of the table ``opinions``."""
        opinion = Opinion(
            verdict=Verdict(row.verdict),
            labels=tuple(json.loads(row.labels)),
            note=row.note,
            given_label=row.given_label,
        )
        return cls(opinion, row.person, row.event_id, row.at)


class Done(NamedTuple):
    """A decision that can be undone (`undone` is None) or redone (`undone` is the number of the undoing event).

    A row of the table ``actions``.
    """

    id: str
    seq: int
    person: str
    item_id: str
    slot: str
    bulk: str
    active_ms: int
    blind: bool
    accepted: bool | None
    undone: int | None = None
    undone_by: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody known to the store."""

    name: str
    role: Role
    active: bool = True


@dataclass(frozen=True)
class Binding:
    """The audit a store belongs to."""

    audit_id: str
    fingerprint: str
    classes: tuple[str, ...]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a binding of the `after` of a bind event."""
        return cls(values["audit_id"], values["fingerprint"], tuple(values["classes"]))


def item_row(
    item_id: str, standings: Mapping[str, Standing], needed: int, version: int | None = None
) -> dict[str, Any]:
    """Return the state columns of an item in the table ``items``; without `version` that column is left out."""
    opinions = {slot: standing.opinion for slot, standing in standings.items()}
    resolution = resolve(opinions, needed)
    counted = sum(
        opinion.verdict is not Verdict.SKIP for slot, opinion in opinions.items() if slot not in {RULING, GOLD}
    )
    row = {
        "item_id": item_id,
        "needed": needed,
        "given_opinions": counted,
        "status": str(resolution.status),
        "verdict": None if resolution.opinion is None else str(resolution.opinion.verdict),
        "label": None if resolution.opinion is None else resolution.opinion.label,
    }
    return row if version is None else {**row, "version": version}


@dataclass
class Projection:
    """What follows from events.

    Online it starts with the few rows that a transaction touches and says which of them changed; a rebuild starts empty
    and folds every event.

    Attributes
    ----------
    opinions : dict of item id to dict of slot to Standing
        What stands.
    versions : dict of item id to int
        Number of the last event on each item.
    actions : dict of id to Done
        Undo and redo stacks.
    people : dict of name to Person
        Everybody known.
    assignments : set of (person, field, value)
        Who judges which class or slice.
    rules : Rules
        How the team reviews.
    binding : Binding or None
        The audit; None before the first bind event.
    changed_slots, changed_actions : set
        Keys of `opinions` (item id, slot) and `actions` that :meth:`apply` changed.
    """

    opinions: dict[str, dict[str, Standing]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    actions: dict[str, Done] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    assignments: set[tuple[str, str, str]] = field(default_factory=set)
    rules: Rules = field(default_factory=Rules)
    binding: Binding | None = None
    changed_slots: set[tuple[str, str]] = field(default_factory=set)
    changed_actions: set[str] = field(default_factory=set)

    def apply(self, event: Event | Deed) -> None:
        """Take one event into account."""
        if event.action in _SLOTS:
            self._judge(event)
            return
        after: Any = None if event.after is None else json.loads(event.after)
        match event.action:
            case Action.UNDO | Action.REDO:
                self._turn_back(event, after)
            case Action.PERSON:
                self.people[after["name"]] = Person(after["name"], Role(after["role"]), after["active"])
            case Action.ASSIGN:
                entry = (after["person"], after["field"], after["value"])
                (self.assignments.add if after["assigned"] else self.assignments.discard)(entry)
            case Action.RULES:
                self.rules = Rules(**after)
            case Action.BIND:
                self._bind(after)

    def _judge(self, event: Event | Deed) -> None:
        seq, key, at, person, action, item_id = event.seq, event.id, event.at, event.person, event.action, event.item_id
        if item_id is None:
            raise ValueError(f"event {seq} ({action}) names no item")
        opinion, blind, accepted = _judgement(event.after or "null")
        slot = _SLOTS[action] or person
        self._put(item_id, slot, Standing(opinion, person, key, at), seq)
        # By position: of a million, half the time went into names of arguments.
        bulk, active_ms = event.bulk or key, event.active_ms or 0
        self.actions[key] = Done(key, seq, person, item_id, slot, bulk, active_ms, blind, accepted)
        self.changed_actions.add(key)

    def _turn_back(self, event: Event | Deed, after: dict[str, Any] | None) -> None:
        done = self.actions[event.target or ""]
        undoing = event.action == Action.UNDO
        self.actions[done.id] = done._replace(
            undone=event.seq if undoing else None, undone_by=event.person if undoing else None
        )
        self.changed_actions.add(done.id)
        self._put(done.item_id, done.slot, None if after is None else Standing.from_dict(after), event.seq)

    def _put(self, item_id: str, slot: str, standing: Standing | None, seq: int) -> None:
        slots = self.opinions.setdefault(item_id, {})
        if standing is None:
            slots.pop(slot, None)
        else:
            slots[slot] = standing
        self.versions[item_id] = seq
        self.changed_slots.add((item_id, slot))

    def _bind(self, after: dict[str, Any]) -> None:
        self.binding = Binding.from_dict(after)
        for item_id in after["set_aside"]:
            self.opinions.pop(item_id, None)
            self.versions.pop(item_id, None)
        moved: dict[str, str] = after["moved"]
        taken = {old: (self.opinions.pop(old, {}), self.versions.pop(old, 0)) for old in moved}
        for old, new in moved.items():
            self.opinions[new], self.versions[new] = taken[old]
        if not moved and not after["set_aside"]:
            return
        gone = set(after["set_aside"])
        self.actions = {
            key: done._replace(item_id=moved.get(done.item_id, done.item_id))
            for key, done in self.actions.items()
            if done.item_id not in gone
        }

    def settings(self) -> dict[str, str]:
        """Return the table ``settings``: JSON by key; nothing before the first event."""
        if not self.people and self.binding is None:
            return {}
        return {
            "rules": as_json(asdict(self.rules)),
            "binding": as_json(None if self.binding is None else asdict(self.binding)),
        }


_SLOTS: dict[str, str] = {Action.DECIDE: "", Action.ADJUDICATE: RULING, Action.GOLD: GOLD}
"""Slot of an opinion by how it was given; an empty one stands for the person's own."""


@lru_cache(maxsize=65_536)
def _columns(opinion: Opinion) -> tuple[str, str, str, str | None, str]:
    """Return what the table ``opinions`` says of an opinion; a log has few different ones without notes."""
    labels = as_json(opinion.labels)
    return str(opinion.verdict), labels, opinion.note, opinion.given_label, outcome(opinion)


@lru_cache(maxsize=65_536)
def _judgement(after: str) -> tuple[Opinion, bool, bool | None]:
    """Read what was decided: the opinion, whether blind, and whether it accepts the suggestion.

    That is None where there is no suggestion, and for a skip, which is no answer to it.

    Without notes there are no more different texts than ways to decide on a pair of labels, so most are read once.
    """
    values = json.loads(after)
    opinion, suggested = Opinion.from_dict(values), values["suggested_label"]
    is_answer = suggested is not None and opinion.verdict is not Verdict.SKIP
    return opinion, values["blind"], opinion.label == suggested if is_answer else None
