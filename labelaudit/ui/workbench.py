"""What all sessions of a server share: the audit, its viewer, its open store, and the queue's learning."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.audit_folder import load
from labelaudit.errors import AuditFolderError, StoreError
from labelaudit.health import Health
from labelaudit.loop import CheckPrice, CheckSheet, CheckStanding, check_price, check_standing
from labelaudit.reviewing import Filter, Queue, open_queue
from labelaudit.reviewing.rescoring import Rescorer
from labelaudit.reviewing.standing import Standing, standing_of
from labelaudit.store.records import mean_seconds
from labelaudit.ui.measures import Measures
from labelaudit.viewing import Viewer, plane

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.audit_folder import Audit
    from labelaudit.residual import CheckSummary
    from labelaudit.reviewing import Statistics
    from labelaudit.store import Store

__all__ = ["Workbench"]

_REMEMBERED = 1_000  # decisions after which what the audit promised is history
_REST = 4.0
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Workbench:
    """An audit on the table: one for each server, shared by all its sessions.

    Attributes
    ----------
    path : str
        Audit folder.
    url : str or None
        Database of the reviews, if it is not in the audit folder.
    learned : int
        Decisions that the queue's order has learned from, as far as this server knows.
    """

    path: str
    url: str | None = None
    learned: int = 0
    _decided: int = 0
    _learn_from: float = 0.0
    _changed: float = 0.0
    _store: Store | None = None
    _measures: Measures = field(default_factory=Measures)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _learning: threading.Lock = field(default_factory=threading.Lock)
    _laid: dict[bytes, NDArray[np.float32]] = field(default_factory=dict)
    _laying: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def audit(self) -> Audit:
        """The audit."""
        return load(self.path)

    @cached_property
    def viewer(self) -> Viewer:
        """What is shown of it."""
        return Viewer.of(self.audit)

    @cached_property
    def health(self) -> Health:
        """Its numbers, the same as those of ``labelaudit report``."""
        return Health.from_dict(self.audit.health)

    @cached_property
    def map_places(self) -> NDArray[np.float32]:
        """(n, 2) places of the items on the map, in the order of the audit's table."""
        return plane(self.audit.arrays["embeddings"])[self.audit.places]

    def neighborhoods(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return (m, 2) places of some rows of the audit's table so that neighbours stay together.

        Raises
        ------
        MissingExtraError
            If umap-learn is not installed.
        """
        with self._laying:  # one at a time: it takes all the processor time there is
            key = rows.tobytes()
            if key not in self._laid:
                embeddings = self.audit.arrays["embeddings"]
                self._laid[key] = plane(np.asarray(embeddings[self.audit.places[rows]]), "umap")
            return self._laid[key]

    def prepare(self) -> None:
        """Do what the first one to open the map would have to wait for; called beside the first card."""
        if "embeddings" in self.audit.arrays:
            self.map_places  # noqa: B018 -- kept once computed

    @property
    def store(self) -> Store:
        """The open store; somebody has entered before."""
        if self._store is None:
            raise StoreError("The reviews are not open yet.", "Sign in first.")
        return self._store

    def enter(self, person: str) -> str:
        """Let a person in and return their role; opens the store, and makes it for the very first one.

        Raises
        ------
        LabelAuditError
            If they are not known, or the store cannot be opened.
        """
        with self._lock:
            if self._store is None:
                self._store = open_queue(self.audit, person=person, store=self.url).store
                self._decided = len(self._store.records.decided())
        return str(self.store.team.enter(person).role)

    def queue(self, person: str, client: str, filter: Filter, order: str) -> Queue:
        """Return a view of the queue for one browser tab."""
        return Queue(self.store, person, client, filter, order)

    def standing(self, queue: Queue, *, exact: bool = False, at_rest: bool = False) -> Standing:
        """Return how a queue is doing: some seconds old, or of this moment where it has to be `exact`."""
        found: Standing = self._measures.get(_key_of(queue), lambda: self._stand(queue), exact=exact, at_rest=at_rest)
        return found

    def is_current(self, measured: Queue | str) -> bool:
        """Say whether what is known of a queue, or of the ``check``, is from after the last decision of this server."""
        key = measured if isinstance(measured, str) else _key_of(measured)
        return self._measures.is_from(key, self._changed) and not self._learning.locked()

    def _stand(self, queue: Queue) -> Standing:
        decided = replace(queue, filter=replace(queue.filter, status="decided")).page(limit=_REMEMBERED)
        promised = self._promised.reindex([card.item_id for card in decided])
        # The store's suspicion has learned from the very decisions; the audit's was there before them.
        return replace(
            standing_of(queue), expected_among_decided=float(promised.sum()) if len(decided) < _REMEMBERED else None
        )

    @cached_property
    def _promised(self) -> pd.Series[float]:
        suspicion = self.audit.items["suspicion"]
        return suspicion.set_axis(suspicion.index.astype(str))

    @property
    def check(self) -> CheckSummary | None:
        """What a random check of the audit has shown, some seconds old; None if none was drawn."""
        try:
            standing = self.check_standing()
        except AuditFolderError as error:
            # The record of a batch is damaged: that is no reason to keep people from their queue.
            _log.warning("The random check cannot be read: %s", error)
            return None
        return None if standing is None else standing.summary

    def check_standing(self, *, exact: bool = False, at_rest: bool = False) -> CheckStanding | None:
        """Return where the random check is: some seconds old, or of this moment where it has to be `exact`.

        Raises
        ------
        AuditFolderError
            If the record of a batch is damaged.
        """
        found: CheckStanding | None = self._measures.get(
            "check", lambda: check_standing(self.audit, store=self.url), exact=exact, at_rest=at_rest
        )
        return found

    @property
    def sheet(self) -> CheckSheet:
        """What the random check asks for, some seconds old."""
        return self.read_sheet(exact=False)

    def read_sheet(self, *, exact: bool = True) -> CheckSheet:
        """Return what the random check asks for, of this moment unless that need not be `exact`.

        Raises
        ------
        AuditFolderError
            If the record of a batch is damaged.
        """
        found: CheckSheet = self._measures.get("sheet", lambda: CheckSheet.of(self.audit), exact=exact)
        return found

    def check_price(self, size: int) -> CheckPrice:
        """Return what a random check would cost, some seconds old."""
        found: CheckPrice = self._measures.get(("price", size), lambda: check_price(self.audit, size, store=self.url))
        return found

    def pace(self, queue: Queue) -> float | None:
        """Return the mean seconds of work on a decision, some seconds old; None before the first that was timed."""
        found: float | None = self._measures.get("pace", lambda: mean_seconds(queue.store.records.work_done()))
        return found

    def statistics(self, queue: Queue) -> Statistics:
        """Return statistics of people and classes, some seconds old."""
        found: Statistics = self._measures.get("statistics", queue.statistics)
        return found

    def forget(self) -> None:
        """Measure everything anew: somebody changed many items at once."""
        self._measures.forget()

    # -- the queue learns

    def count_decisions(self, recorded: int, person: str) -> None:
        """Take note of new decisions; every so many, the queue is scored again beside the reviews."""
        with self._lock:
            self._decided += recorded
            self._changed = time.monotonic() if recorded else self._changed
        is_due = self._rescorer.due(self._decided, self.learned) and time.monotonic() >= self._learn_from
        if is_due and self._learning.acquire(blocking=False):
            threading.Thread(target=self._learn, args=[person], name="rescore", daemon=True).start()

    @cached_property
    def _rescorer(self) -> Rescorer:
        return Rescorer(self.audit)

    def _learn(self, person: str) -> None:
        """Score the queue again if enough is decided: what was counted may have been skipped, or taken back."""
        began = time.monotonic()
        try:
            decided = len(self.store.records.decided())
            with self._lock:
                self._decided = decided
            if self._rescorer.due(decided, self.learned) and self._rescore(person):
                self.learned = decided
        finally:
            # On a very large audit this takes long: it gets no more than a fifth of the time.
            self._learn_from = time.monotonic() + _REST * (time.monotonic() - began)
            self._changed = time.monotonic()
            self._learning.release()

    def _rescore(self, person: str) -> bool:
        """Score the queue again in a process of its own, which takes no time away from those who wait for a card."""
        command = [sys.executable, "-m", "labelaudit", "rescore", self.path, f"--as={person}"]
        # A URL may hold a password, and others can read the command line of a process.
        environment = os.environ | ({"LABELAUDIT_STORE": self.url} if self.url else {})
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 -- our own command
        if done.returncode != 0:
            # The queue keeps its order; the next batch of decisions tries again.
            _log.warning("The queue was not scored again: %s", done.stderr.strip())
        return done.returncode == 0


def _key_of(queue: Queue) -> tuple[str, Filter, str | None]:
    """Name a queue's numbers: only what somebody skipped depends on the person; all else is measured once for all."""
    return "standing", queue.filter, queue.person if queue.filter.queue == "skipped" else None
