"""Numbers that take long to measure and may be some seconds old: nobody waits for them twice."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from labelaudit.errors import LabelAuditError

__all__ = ["Measures"]

_YOUNG = 3.0  # seconds in which a value counts as new
_OLD = 60.0  # seconds after which it is no longer shown while it is measured again
_SHARE = 20.0  # one of so many seconds goes into measuring the same thing again
_SHARE_AT_REST = 4.0  # the same while nobody waits for anything else
_KEPT = 200  # filters that people may have looked at
_log = logging.getLogger(__name__)


@dataclass
class _Measure:
    value: Any
    at: float
    cost: float
    is_under_way: bool = False

    def age(self) -> float:
        return time.monotonic() - self.at


@dataclass(eq=False)
class Measures:
    """Values by key, shared by all sessions.

    A value younger than three seconds, or twenty times what it cost (four times at rest), is returned as it is. An
    older one is returned too, while a thread measures it again for whoever asks next; only a first one and one of
    over a minute is waited for.
    """

    _kept: dict[Any, _Measure] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Any, compute: Callable[[], Any], *, exact: bool = False, at_rest: bool = False) -> Any:
        """Return the value of `key`; with `exact` that of this moment, and `at_rest` measured again sooner."""
        found = self._kept.get(key)
        if exact or found is None or found.age() > _OLD:
            return self._measure(key, compute)
        share = _SHARE_AT_REST if at_rest else _SHARE
        if found.age() > max(_YOUNG, share * found.cost) and not found.is_under_way:
            found.is_under_way = True
            threading.Thread(target=self._renew, args=[key, compute, found], name="measure", daemon=True).start()
        return found.value

    def is_from(self, key: Any, since: float) -> bool:
        """Say whether the kept value of `key` was measured after `since`, by the monotonic clock."""
        found = self._kept.get(key)
        return found is not None and found.at >= since

    def forget(self) -> None:
        """Measure everything anew."""
        with self._lock:
            self._kept = {}

    def _renew(self, key: Any, compute: Callable[[], Any], found: _Measure) -> None:
        try:
            self._measure(key, compute)
        except LabelAuditError as error:
            # The database is away: the old value stays until somebody has to wait for a new one, and is told.
            _log.warning("Not measured again: %s", error)
        finally:
            found.is_under_way = False

    def _measure(self, key: Any, compute: Callable[[], Any]) -> Any:
        began = time.monotonic()
        kept = self._kept
        value = compute()
        with self._lock:
            while len(kept) >= _KEPT:
                kept.pop(next(iter(kept)))
            # After a `forget` meanwhile this goes to where nobody looks, for it may be from before.
            kept[key] = _Measure(value, began, time.monotonic() - began)
        return value
