"""Random checks: drawn from an audit, answered blind by annotators as a batch, counted with a confidence interval.

What was drawn, and from what, is kept with the batch, as the way it was chosen.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.batches import BatchOptions, BatchRecord, choose, withdraw
from labelaudit.decisions import RULING
from labelaudit.domain import Batch
from labelaudit.errors import UsageError
from labelaudit.loop.looks import AGAIN, CHECK, Looks, check_record, records_of
from labelaudit.loop.tracking import open_reviews, seconds_per_answer
from labelaudit.residual import CheckSummary, RandomCheck, draw_check, summarize_check

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit
    from labelaudit.domain import Dataset

__all__ = [
    "CheckPrice",
    "CheckStanding",
    "check_price",
    "check_standing",
    "draw_random_check",
    "draw_second_looks",
    "withdraw_other_checks",
]

_SECOND = "second look"


@dataclass(frozen=True, kw_only=True)
class CheckPrice:
    """What a random check costs.

    Attributes
    ----------
    population : int
        Items that it is drawn from.
    items : int
        Items to look at.
    second_looks : int
        Items to look at again, if suspicion is right about how many are wrong.
    seconds_per_answer : float, optional
        As measured in the reviews of the audit; None before the first timed answer.
    """

    population: int
    items: int
    second_looks: int
    seconds_per_answer: float | None

    @property
    def minutes(self) -> float | None:
        """Minutes of work of all looks; None where the pace is not known."""
        seconds = self.seconds_per_answer
        return None if seconds is None else (self.items + self.second_looks) * seconds / 60


@dataclass(frozen=True, kw_only=True)
class CheckStanding:
    """Where a random check is.

    Attributes
    ----------
    record : BatchRecord
        The batch it went out as.
    summary : CheckSummary
        What it has shown so far.
    to_look_again : tuple of str
        Ids of items that somebody else should look at, and that are not out for it.
    out_again : tuple of str
        Ids of items that are out for a second look.
    people : tuple of str
        Who answered.
    """

    record: BatchRecord
    summary: CheckSummary
    to_look_again: tuple[str, ...]
    out_again: tuple[str, ...]
    people: tuple[str, ...]


def check_price(audit: Audit, size: int, *, seed: int = 0, store: str | None = None) -> CheckPrice:
    """Return what a random check of `size` items would cost.

    Raises
    ------
    UsageError
        If no item can be drawn.
    """
    check, _ = _draw(audit, size, seed, store)
    suspicion = audit.items["suspicion"].to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = round(float(suspicion[check.items].sum()))
    return CheckPrice(
        population=int(check.sizes.sum()),
        items=len(check),
        second_looks=min(len(check), wrong + max(10, wrong)),
        seconds_per_answer=seconds_per_answer(audit, store=store),
    )


def draw_random_check(
    audit: Audit,
    size: int,
    *,
    seed: int = 0,
    again: bool = False,
    several: bool = False,
    image_url: str | None = None,
    dataset: Dataset | None = None,
    store: str | None = None,
) -> tuple[Batch, dict[str, Any]]:
    """Draw a random check from all items of a saved audit that can be assessed, whatever was decided on them.

    Items that a lead has adjudicated are left out: the store takes no more answers to those.

    Parameters
    ----------
    audit : Audit
        The audit.
    size : int
        Items to draw.
    seed : int
        Of the draw; it does not depend on the order of rows.
    again : bool
        Draw another one, though the audit has a check.
    several, image_url
        As in :class:`~labelaudit.batches.BatchOptions`.
    dataset : Dataset, optional
        The data; default: read again from where the audit found it.
    store : str, optional
        Database URL; default: a SQLite file in the audit folder.

    Returns
    -------
    batch : Batch
        Blind, in random order.
    options : dict
        How it was drawn, for :func:`~labelaudit.batches.keep_record`.

    Raises
    ------
    UsageError
        If the audit is not saved or has a check already, the same one was drawn before, or no item can be drawn.
    """
    known = records_of(audit)
    standing = check_record(audit, known)
    if standing is not None and not again:
        raise UsageError(
            f"This audit has the random check {standing.batch.batch_id} of {len(standing.batch)} items already.",
            "See it with: labelaudit check AUDIT. To draw another one in its place, add --again and another --seed; "
            "what the first one has shown is then not counted.",
        )
    check, left_out = _draw(audit, size, seed, store)
    ids = audit.items.index[check.items].astype(str)
    options = BatchOptions(size=len(check), random=1.0, blind=True, several=several, image_url=image_url, seed=seed)
    chosen, _ = choose(audit, options, only=frozenset(ids), dataset=dataset)
    if chosen.batch_id in known:
        raise UsageError(
            f"This random check was drawn before, as {chosen.batch_id}.", "Draw other items with another --seed."
        )
    drawn = np.bincount(check.stratum, minlength=len(check.sizes))
    by_id = {item.item_id: item for item in chosen.items}
    items = tuple(
        replace(by_id[item_id], inclusion_probability=float(drawn[stratum] / check.sizes[stratum]))
        for item_id, stratum in zip(ids, check.stratum, strict=True)
    )
    kept = {"stratum": check.stratum.tolist(), "sizes": check.sizes.tolist(), "left_out": sorted(left_out)}
    return replace(chosen, items=items), {**asdict(options), CHECK: kept}


def draw_second_looks(audit: Audit, *, store: str | None = None) -> tuple[Batch, dict[str, Any]]:
    """Choose which items of the random check somebody else should look at; see `residual.second_looks`.

    Each item is considered once, after its first answer; where answers came later, choose again.

    Returns
    -------
    batch : Batch
        Blind, in the order of the check.
    options : dict
        How it was chosen, for :func:`~labelaudit.batches.keep_record`.

    Raises
    ------
    UsageError
        If there is no check, or nothing to look at again.
    """
    found = Looks.of(audit, store)
    if found is None:
        raise UsageError("This audit has no random check.", "Draw one: labelaudit check AUDIT --size 200 ...")
    considered, wanted = found.considered_next()
    if not wanted:
        raise UsageError(
            "No item of the random check waits for a second look.",
            "Bring the first answers back with 'labelaudit import' before, or go on without.",
        )
    first = found.record.batch
    items = tuple(
        replace(item, part=_SECOND, inclusion_probability=None) for item in first.items if item.item_id in wanted
    )
    known = records_of(audit)
    names = (f"{first.batch_id}-again{number}" for number in count(1))
    batch = replace(first, batch_id=next(name for name in names if name not in known), items=items)
    return batch, {"size": len(items), "blind": True, AGAIN: {"of": first.batch_id, "considered": sorted(considered)}}


def check_standing(audit: Audit, *, store: str | None = None) -> CheckStanding | None:
    """Return where the random check of a saved audit is; None if it has none.

    A look is what a person answered to the batches of the check; of several answers of one person to an item the last
    counts. Exclusions and skips say neither right nor wrong, and are no looks.
    """
    found = Looks.of(audit, store)
    if found is None:
        return None
    _, wanted = found.considered_next()
    out = {item.item_id for record in found.seconds for item in record.batch.items}
    again = [item.item_id for item, looks in zip(found.items, found.looks, strict=True) if looks < 2]
    return CheckStanding(
        record=found.record,
        summary=summarize_check(
            found.check, found.called_wrong, found.looks, found=found.found, passed_over=found.passed_over
        ),
        to_look_again=tuple(item_id for item_id in again if item_id in wanted),
        out_again=tuple(item_id for item_id in again if item_id in out),
        people=tuple(sorted({person for said in found.answers.values() for person in said})),
    )


def withdraw_other_checks(audit: Audit, batch_id: str) -> None:
    """Take back all random checks of a saved audit, and their second looks, but the one that goes by `batch_id`."""
    for other, record in records_of(audit).items():
        check = other if CHECK in record.options else record.options.get(AGAIN, {}).get("of", batch_id)
        if check != batch_id and record.batch.audit_id == audit.audit_id and not record.withdrawn and audit.path:
            withdraw(audit.path, other)


def _draw(audit: Audit, size: int, seed: int, url: str | None) -> tuple[RandomCheck, set[str]]:
    """Draw a check; also return the ids of items that a lead has adjudicated, which are not in its population."""
    opened = open_reviews(audit, url)
    settled: set[str] = set()
    if opened is not None:
        with opened:
            settled = {row.item_id for row in opened.records.standings() if row.slot == RULING}
    ids = audit.items.index.astype(str).to_numpy(dtype=object)
    suspicion = audit.items["suspicion"].to_numpy(dtype=np.float64, na_value=np.nan)
    eligible = np.array([item_id not in settled for item_id in ids], dtype=bool)
    return draw_check(suspicion, size, eligible=eligible, ids=ids, seed=seed), settled & set(ids)
