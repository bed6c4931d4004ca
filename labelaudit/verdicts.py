"""The words of reviewing: verdicts, roles, actions, and where an item stands."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Action", "Role", "Status", "Verdict", "may"]


class Verdict(StrEnum):
    """What a person may say about an item."""

    KEEP = "keep"
    RELABEL = "relabel"
    AMBIGUOUS = "ambiguous"
    SEVERAL_FIT = "several_fit"
    NONE_FITS = "none_fits"
    EXCLUDE = "exclude"
    SKIP = "skip"


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
