"""What people decided on an earlier audit, for a later one of the same data."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.decisions import carries_over
from labelaudit.reviewing.carrying import store_of_earlier
from labelaudit.reviewing.opening import open_store, store_location
from labelaudit.verdicts import Judgement, calls_wrong

if TYPE_CHECKING:
    import os

    from labelaudit.audit_folder import Audit
    from labelaudit.domain import Dataset

__all__ = ["judged_before"]


def judged_before(
    earlier: Audit | str | os.PathLike[str], dataset: Dataset, *, store: str | None = None
) -> dict[str, Judgement]:
    """Return what was decided on the items of a grown or corrected data set, by their ids there.

    Those count whose decisions :func:`carry_over` would take along: of the same content, and labelled as was judged or
    decided.

    Parameters
    ----------
    earlier : Audit or path
        The audit on which people decided.
    dataset : Dataset
        The data as it is now.
    store : str, optional
        Database URL, where the reviews are not in the folder of the audit.

    Returns
    -------
    dict of str to Judgement
        For :func:`labelaudit.audit`; empty where nobody has decided anything.

    Raises
    ------
    StoreError
        If the decisions cannot be read.
    """
    held = store_of_earlier(earlier, store)
    place, _ = store_location(earlier, held)
    if isinstance(place, Path) and not place.exists():
        return {}
    with open_store(earlier, store=held) as opened:
        items = {row.item_id: row for row in opened.records.resolved()}
        decided = opened.records.decided()
    names = np.array([*dataset.classes, None], dtype=object)  # index −1 is None
    now = dict(zip(dataset.ids.tolist(), zip(dataset.content_hashes, names[dataset.labels], strict=True), strict=True))
    same_content = _only_of_their_content(now)
    found = {}
    for item_id, standing in decided.items():
        content, opinion = items[item_id].content_hash, standing.opinion
        known = item_id if now.get(item_id, ("", None))[0] == content else same_content.get(content)
        if known is not None and carries_over(opinion, opinion.given_label, now[known][1]):
            found[known] = Judgement(opinion.given_label, calls_wrong(opinion.verdict))
    return found


def _only_of_their_content(items: dict[str, tuple[Any, Any]]) -> dict[str, str]:
    """Return ids by content, of items that share it with no other."""
    count = Counter(content for content, _ in items.values())
    return {content: item_id for item_id, (content, _) in items.items() if count[content] == 1}
