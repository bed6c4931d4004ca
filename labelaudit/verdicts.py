"""The words of reviewing: verdicts, roles, actions, and where an item stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Action", "Judgement", "Role", "Status", "Verdict", "calls_wrong", "may"]


class Verdict(StrEnum):
    """What a person may say about an item."""

    KEEP = "keep"
    RELABEL = "relabel"
    AMBIGUOUS = "ambiguous"
    SEVERAL_FIT = "several_fit"
    NONE_FITS = "none_fits"
    EXCLUDE = "exclude"
    SKIP = "skip"


_CALLS_WRONG = {Verdict.RELABEL: True, Verdict.NONE_FITS: True, Verdict.KEEP: False, Verdict.AMBIGUOUS: False}
_CALLS_WRONG |= {Verdict.SEVERAL_FIT: False}


def calls_wrong(verdict: Verdict) -> bool | None:
    """Say whether a verdict calls the label wrong that it judges; None if it does not say."""
    return _CALLS_WRONG.get(verdict)


@dataclass(frozen=True)
class Judgement:
    """What people decided about an item before it is audited.

    Attributes
    ----------
    label : str or None
        The label that they judged, which may have been corrected since; None if the item had none.
    was_wrong : bool or None
        Whether it was wrong; None where the verdict does not say.
    """

    label: str | None
    was_wrong: bool | None


class Role(StrEnum):
    """What a person is allowed to do; see :func:`may`."""

    LEAD = "lead"
    REVIEWER = "reviewer"
    VIEWER = "viewer"


class Action(StrEnum):
    """What an event records."""

    BIND = "bind"
    DECIDE = "decide"
    ADJUDICATE = "adjudicate"
    GOLD = "gold"
    UNDO = "undo"
    REDO = "redo"
    PERSON = "person"
    ASSIGN = "assign"
    RULES = "rules"


class Status(StrEnum):
    """Where an item stands."""

    OPEN = "open"
    DECIDED = "decided"
    CONFLICT = "conflict"


_REVIEWER_ACTIONS = frozenset({Action.DECIDE, Action.UNDO, Action.REDO})


def may(role: Role, action: Action) -> bool:
    """Say whether a person of `role` may do `action`: leads everything, reviewers judge, viewers look."""
    return role is Role.LEAD or (role is Role.REVIEWER and action in _REVIEWER_ACTIONS)
