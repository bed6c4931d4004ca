"""Answers that count: on disk until all of the file was looked at, in memory only where each of them lies."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, Self

from labelaudit.decisions import Decision, Verdict
from labelaudit.errors import OutputError

__all__ = ["Answers", "Given"]

_IN_MEMORY = 1 << 24
"""Bytes beyond which answers are set aside on disk."""

_BLOCK = 1_000
"""Answers that are recorded at once: others who review wait for no longer."""


@dataclass(frozen=True)
class Given:
    """An answer as a decision, and its place in the file."""

    decision: Decision
    where: str


class Answers:
    """The last answer of each person to each item of each batch, as a context: at its end they are gone.

    Nothing of a broken file is recorded, so all of it is read before the first answer is recorded; there may be
    millions.

    Raises
    ------
    OutputError
        If there is no room to set them aside.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], dict[str, int]] = {}
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 -- closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return sum(map(len, self._places.values()))

    def get(self, person: str, decision: Decision) -> Given | None:
        """Return what the person said before about the item of a decision."""
        place = self._places.get((person, decision.batch or ""), {}).get(decision.item_id)
        return None if place is None else self._at(place)

    def put(self, person: str, given: Given) -> None:
        """Remember an answer; it replaces the earlier one."""
        decision = given.decision
        line = json.dumps({"where": given.where, **vars(decision)})
        try:
            place = self._file.seek(0, 2)
            self._file.write(line.encode("ascii") + b"\n")
        except OSError as error:
            raise OutputError(
                f"The answers cannot be set aside in {tempfile.gettempdir()}: {error.strerror or error}.",
                "Nothing was recorded. Free some space there, or name another folder in the variable TMPDIR.",
            ) from error
        self._places.setdefault((person, decision.batch or ""), {})[decision.item_id] = place

    def people(self) -> dict[str, int]:
        """Return how many answers each person gave, in the order in which they first appear."""
        found: dict[str, int] = {}
        for (person, _), places in self._places.items():
            found[person] = found.get(person, 0) + len(places)
        return found

    def blocks(self) -> Iterator[tuple[str, str, list[Given]]]:
        """Yield person, batch and answers, in pieces that can be recorded at once."""
        for (person, batch_id), places in self._places.items():
            remaining = iter(places.values())
            while block := [self._at(place) for place in islice(remaining, _BLOCK)]:
                yield person, batch_id, block

    def _at(self, place: int) -> Given:
        self._file.seek(place)
        values = json.loads(self._file.readline())
        where = values.pop("where")
        verdict, labels = Verdict(values.pop("verdict")), tuple(values.pop("labels"))
        return Given(Decision(verdict=verdict, labels=labels, **values), where)
