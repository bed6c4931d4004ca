"""Queues and filters, and how they stand in the address of a page. No widgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labelaudit.reviewing import ORDERS, Filter

__all__ = ["PRESETS", "View", "view_of"]

PRESETS = {
    "suspects": "Suspect labels",
    "ambiguous": "Ambiguous items",
    "duplicates": "Copies with other labels",
    "conflicts": "Disagreements",
    "skipped": "Skipped by me",
    "flagged": "All flagged items",
    "all": "All items",
    "check": "Random check",
}
"""Queues as people read them; ``duplicates`` are flagged items of one kind, ``check`` is a batch, judged blind."""

_BY_AMBIGUITY = {"ambiguous"}


@dataclass(frozen=True)
class View:
    """A queue as the address names it.

    Attributes
    ----------
    preset : str
        One of :data:`PRESETS`.
    given, suggested : str or None
        A class, or together a confusion pair.
    slice : str or None
        ``name=value`` of a group.
    order : str or None
        One of the orders; None for that of the queue.
    selection : tuple of str or None
        Items chosen on the map or in the table; these are not in the address.
    """

    preset: str = "suspects"
    given: str | None = None
    suggested: str | None = None
    slice: str | None = None
    order: str | None = None
    selection: tuple[str, ...] | None = None

    @property
    def is_check(self) -> bool:
        """Whether it is the random check, which nothing narrows and nothing orders."""
        return self.preset == "check"

    @property
    def filter(self) -> Filter:
        """The queue as the store takes it."""
        is_duplicates = self.preset == "duplicates"
        name, _, value = (self.slice or "").partition("=")
        return Filter(
            queue="flagged" if is_duplicates else "all" if self.is_check else self.preset,
            kind="duplicate_conflict" if is_duplicates else None,
            given_label=self.given,
            suggested_label=self.suggested,
            group=(name, value) if self.slice else None,
            item_ids=self.selection,
        )

    @property
    def effective_order(self) -> str:
        """The order in which items come."""
        return self.order or ("ambiguity" if self.preset in _BY_AMBIGUITY else "suspicion")

    @property
    def name(self) -> str:
        """A name for messages: the same for the same queue."""
        chosen = "" if self.selection is None else f"#{hash(self.selection):x}"
        return "&".join(f"{key}={value}" for key, value in self.parameters().items()) + chosen

    def parameters(self) -> dict[str, str]:
        """Return the address parameters; what is as usual is left out."""
        if self.is_check:
            return {"queue": self.preset}
        named = {
            "queue": None if self.preset == "suspects" else self.preset,
            "given": self.given,
            "suggested": self.suggested,
            "slice": self.slice,
            "order": self.order,
        }
        return {name: value for name, value in named.items() if value}


def view_of(parameters: Mapping[str, Any], classes: tuple[str, ...]) -> tuple[View, list[str]]:
    """Make a view of address parameters; what does not exist is left out, and said.

    Examples
    --------
    >>> view_of({"queue": "ambiguous", "given": "cat"}, ("cat", "dog"))[0].filter.queue
    'ambiguous'
    """
    problems = []
    preset = str(parameters.get("queue", "suspects"))
    if preset not in PRESETS:
        problems.append(f"There is no queue “{preset}”; these are the suspects.")
        preset = "suspects"
    chosen: dict[str, str | None] = {}
    for side in ("given", "suggested"):
        name = parameters.get(side)
        chosen[side] = name if name in classes else None
        if name and name not in classes:
            problems.append(f"There is no class “{name}” in this audit.")
    if preset == "check":
        return View(preset=preset), problems
    order = parameters.get("order")
    part = parameters.get("slice")
    return View(
        preset=preset,
        given=chosen["given"],
        suggested=chosen["suggested"],
        slice=part if part and "=" in part else None,
        order=order if order in ORDERS else None,
    ), problems
