"""How to choose a batch."""

from __future__ import annotations

from dataclasses import dataclass

from labelaudit.errors import ConfigError, UnknownNameError

__all__ = ["QUEUES", "BatchOptions"]

QUEUES = ("suspects", "ambiguous", "flagged", "conflicts", "skipped")
"""Queues that a batch may be chosen from: by flags; items on which people disagree; items that somebody skipped."""


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """How to choose a batch.

    Attributes
    ----------
    size : int
        Items wanted; there may be fewer where candidates only repeat each other.
    strategy : str
        One of `labelaudit.selection.STRATEGIES`.
    suspects, ambiguous, gold : float
        Shares of the queues, of known answers; scaled to what the random share leaves. Known answers that are not there
        leave their share to the suspects.
    random : float
        Share drawn uniformly at random among all items that are open, 0..1.
    by : str, optional
        A column of ``audit.items`` (a score) to choose by, highest first, instead of the queues.
    queue : str, optional
        One of `QUEUES`, to choose from it alone instead of the mix: by ambiguity if it is ``ambiguous``, else by
        suspicion, or by the score that `by` names.
    given, suggested : tuple of str
        Only items given, or suggested, one of these classes.
    groups : tuple of (str, str)
        Only items with this value in this group column.
    several, blind : bool
        As in :class:`~labelaudit.domain.Batch`.
    image_url : str, optional
        URL of the folder of the data, put before the paths of images; default: the files themselves.
    seed : int
        Of all that is random.
    """

    size: int
    strategy: str = "spread"
    suspects: float = 0.80
    ambiguous: float = 0.15
    gold: float = 0.05
    random: float = 0.0
    by: str | None = None
    queue: str | None = None
    given: tuple[str, ...] = ()
    suggested: tuple[str, ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    several: bool = False
    blind: bool = False
    image_url: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ConfigError(f"The size of the batch is {self.size}.", "It must be at least 1.")
        for name in ("suspects", "ambiguous", "gold", "random"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"The share '{name}' is {getattr(self, name)}.", "It must be between 0 and 1.")
        if self.queue is not None and self.queue not in QUEUES:
            raise UnknownNameError.among("queue", self.queue, QUEUES)
        if self.suspects + self.ambiguous + self.gold == 0 and self.random < 1:
            raise ConfigError("The shares of all queues are 0.", "Give at least one of them more.")
