"""What all sessions of a server share: the audit, its viewer, its open store, and the queue's learning."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labelaudit.audit_folder import load
from labelaudit.errors import StoreError
from labelaudit.health import Health
from labelaudit.reviewing import Filter, Queue, open_queue
from labelaudit.reviewing.rescoring import Rescorer
from labelaudit.reviewing.standing import Standing, standing_of
from labelaudit.viewing import Viewer, plane

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from labelaudit.audit_folder import Audit
    from labelaudit.store import Store

__all__ = ["Workbench"]

_FRESH_SECONDS = 3.0
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
    _store: Store | None = None
    _fresh: dict[Any, tuple[float, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _learning: threading.Lock = field(default_factory=threading.Lock)

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
    def map_places(self) -> NDArray[Any]:
        """(n, 2) places of the items on the map, in the order of the audit's table."""
        return plane(self.audit.arrays["embeddings"])[self.viewer.data_rows]

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

    def standing(self, queue: Queue) -> Standing:
        """Return how a queue is doing, at most three seconds old."""
        found: Standing = self.fresh(("standing", queue.filter, queue.person), lambda: standing_of(queue))
        return found

    def fresh(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return a value of which a few seconds of age do not matter, computed once for all sessions."""
        now = time.monotonic()
        found = self._fresh.get(key)
        if found is None or now - found[0] > _FRESH_SECONDS:
            found = (now, compute())
            self._fresh = {name: kept for name, kept in self._fresh.items() if now - kept[0] < 20 * _FRESH_SECONDS}
            self._fresh[key] = found
        return found[1]

    def forget(self) -> None:
        """Compute everything anew: somebody changed many items at once."""
        self._fresh = {}

    # -- the queue learns

    def count_decisions(self, recorded: int, person: str) -> None:
        """Take note of new decisions; every so many, the queue is scored again beside the reviews."""
        with self._lock:
            self._decided += recorded
        is_due = self._rescorer.due(self._decided, self.learned) and time.monotonic() >= self._learn_from
        if is_due and self._learning.acquire(blocking=False):
            threading.Thread(target=self._learn, args=[self._decided, person], name="rescore", daemon=True).start()

    @cached_property
    def _rescorer(self) -> Rescorer:
        return Rescorer(self.audit)

    def _learn(self, decided: int, person: str) -> None:
        """Score the queue again in a process of its own, which takes no time away from those who wait for a card."""
        began = time.monotonic()
        command = [sys.executable, "-m", "labelaudit", "rescore", self.path, f"--as={person}"]
        # A URL may hold a password, and others can read the command line of a process.
        environment = os.environ | ({"LABELAUDIT_STORE": self.url} if self.url else {})
        try:
            done = subprocess.run(  # noqa: S603 -- our own command
                command, capture_output=True, text=True, check=False, env=environment
            )
            if done.returncode == 0:
                self.learned = decided
            else:
                # The queue keeps its order; the next batch of decisions tries again.
                _log.warning("The queue was not scored again: %s", done.stderr.strip())
        finally:
            # On a very large audit this takes long: it gets no more than a fifth of the time.
            self._learn_from = time.monotonic() + _REST * (time.monotonic() - began)
            self._learning.release()
