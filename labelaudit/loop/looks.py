"""The random check of an audit as it came back: which look called which label wrong.

Only answers that came back with the batches of the check are looks: whoever decides on the page has seen the
suggestion, or met the item because it is suspect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.batches import BatchRecord, records
from labelaudit.errors import UsageError
from labelaudit.loop.tracking import open_reviews
from labelaudit.residual import RandomCheck, second_looks
from labelaudit.verdicts import Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.audit_folder import Audit
    from labelaudit.decisions import Opinion
    from labelaudit.domain import BatchItem

__all__ = ["AGAIN", "CHECK", "Looks", "check_record", "records_of"]

CHECK = "random_check"
AGAIN = "second_looks"
"""Names under which the options of a batch say that it is a check, or asks for second looks of one."""


def records_of(audit: Audit) -> Mapping[str, BatchRecord]:
    """Return the batches of a saved audit by id, oldest first; raise UsageError if it is not saved."""
    if audit.path is None:
        raise UsageError("This audit is not saved, so it has no random check.", "Save it first: audit.save(PATH)")
    return records(audit.path)


def check_record(audit: Audit, known: Mapping[str, BatchRecord]) -> BatchRecord | None:
    """Return the check that was drawn last from the audit as it is now."""
    fitting = [
        record
        for record in known.values()
        if CHECK in record.options and record.batch.audit_id == audit.audit_id and not record.withdrawn
    ]
    return fitting[-1] if fitting else None


@dataclass(frozen=True, eq=False, kw_only=True)
class Looks:
    """The random check of an audit with all that came back.

    Attributes
    ----------
    record : BatchRecord
        The batch that it went out as.
    seconds : tuple of BatchRecord
        Batches of second looks.
    answers : mapping
        The last opinion by item id and person.
    found : int
        Labels of the population that were decided to be wrong.
    decided : frozenset of str
        Items that are decided, in the check or elsewhere.
    """

    record: BatchRecord
    seconds: tuple[BatchRecord, ...]
    answers: Mapping[str, Mapping[str, Opinion]]
    found: int
    decided: frozenset[str] = frozenset()

    @classmethod
    def of(cls, audit: Audit, url: str | None) -> Looks | None:
        """Read them from the audit and its store; None if the audit has no check."""
        known = records_of(audit)
        record = check_record(audit, known)
        if record is None:
            return None
        own = record.batch.batch_id
        seconds = tuple(
            each for each in known.values() if each.options.get(AGAIN, {}).get("of") == own and not each.withdrawn
        )
        opened = open_reviews(audit, url)
        if opened is None:
            return cls(record=record, seconds=seconds, answers={}, found=0)
        batch_ids = {own, *(each.batch.batch_id for each in seconds)}
        with opened:
            answers = opened.records.answers_to(
                batch_ids, [item.item_id for item in record.batch.items], audit_id=audit.audit_id
            )
            decided = opened.records.decided()
        given = dict(zip(audit.items.index.astype(str), audit.items["given_label"], strict=True))
        left_out = set(record.options[CHECK]["left_out"])
        found = sum(
            # A label that was corrected before the audit is not one of the errors that it has.
            each.opinion.given_label == given.get(item_id) and each.opinion.calls_wrong is True
            for item_id, each in decided.items()
            if item_id not in left_out
        )
        return cls(record=record, seconds=seconds, answers=answers, found=found, decided=frozenset(decided))

    @property
    def items(self) -> tuple[BatchItem, ...]:
        """Items drawn, in the order of the check."""
        return self.record.batch.items

    @property
    def check(self) -> RandomCheck:
        """What was drawn, with the places of `items` for rows."""
        kept = self.record.options[CHECK]
        return RandomCheck(
            items=np.arange(len(self.items), dtype=np.intp),
            stratum=np.array(kept["stratum"], dtype=np.int64),
            sizes=np.array(kept["sizes"], dtype=np.int64),
        )

    @property
    def called_wrong(self) -> NDArray[np.int64]:
        """(m,) looks that called the label of each item wrong."""
        return np.array([sum(said) for said in self._said()], dtype=np.int64)

    @property
    def looks(self) -> NDArray[np.int64]:
        """(m,) looks at each item by different people."""
        return np.array([len(said) for said in self._said()], dtype=np.int64)

    @property
    def passed_over(self) -> int:
        """Drawn items without an answer that are decided, where these are most of those without; else 0."""
        said = (self.answers.get(item.item_id, {}) for item in self.items)
        missing = [
            item.item_id
            for item, by in zip(self.items, said, strict=True)
            if all(opinion.verdict is Verdict.SKIP for opinion in by.values())
        ]
        decided = sum(item_id in self.decided for item_id in missing)
        return decided if 2 * decided > len(missing) else 0

    def _said(self) -> list[list[bool]]:
        """Return, for each drawn item, whether each look called it wrong."""
        spoken = (self.answers.get(item.item_id, {}).values() for item in self.items)
        return [[each.calls_wrong for each in said if each.calls_wrong is not None] for said in spoken]

    def considered_next(self) -> tuple[set[str], set[str]]:
        """Return the ids of items to consider for a second look now, and of those to look at again."""
        before = {item_id for each in self.seconds for item_id in each.options[AGAIN]["considered"]}
        looks, wrong = self.looks, self.called_wrong
        ids = [item.item_id for item in self.items]
        places = [k for k, item_id in enumerate(ids) if looks[k] and item_id not in before]
        chosen = [places[k] for k in second_looks(wrong[places] > 0, seed=len(self.seconds))] if places else []
        return {ids[k] for k in places}, {ids[k] for k in chosen if looks[k] == 1}
