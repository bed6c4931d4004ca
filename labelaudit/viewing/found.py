"""Where the items of an audit are in its data now: files are sorted, cut and edited after they were audited."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.domain import UNLABELLED, Dataset
from labelaudit.errors import DataError
from labelaudit.hashing import content_hashes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.audit_folder import Audit

__all__ = ["Found", "find"]

_GONE = -1
_MEND = "Audit again, so that people see what was judged."


@dataclass(frozen=True, eq=False)
class Found:
    """The places of `n` audited items, in the order in which they were audited.

    Attributes
    ----------
    places : (n,) int
        Position in the data now; −1 where the item is gone.
    hashes : (n,) object array of str
        What each item was when it was audited (:func:`labelaudit.hashing.content_hashes`).
    labels : (m,) int
        Label of each item of the data at the audit, by the classes of the audit; −1 where there was none.
    """

    places: NDArray[np.intp]
    hashes: NDArray[np.object_]
    labels: NDArray[np.intp]

    @cached_property
    def in_order(self) -> bool:
        """Whether all items are where they were."""
        return np.array_equal(self.places, np.arange(len(self.labels)))

    def place(self, row: int) -> int:
        """Return the position of an item in the data.

        Raises
        ------
        DataError
            If it is gone.
        """
        place = int(self.places[row])
        if place == _GONE:
            raise DataError("This item is no longer in the data.", _MEND)
        return place

    def check(self, row: int, dataset: Dataset) -> None:
        """Refuse an item that is not what was audited.

        Raises
        ------
        DataError
            If it has changed.
        ReadError
            If its image cannot be read.
        """
        if content_hashes(_alone(dataset, self.place(row)))[0] != self.hashes[row]:
            raise DataError("This item has changed in the data since the audit, so it is not shown.", _MEND)


def find(audit: Audit, dataset: Dataset) -> Found:
    """Find the items of an audit, by their ids, in its data as it is now."""
    items = audit.items.iloc[np.argsort(audit.places)]
    place_of = {str(item_id): place for place, item_id in enumerate(dataset.ids)}
    places = np.array([place_of.get(str(item_id), _GONE) for item_id in items.index], dtype=np.intp)
    code_of = {name: code for code, name in enumerate(audit.classes)}
    codes = np.array([code_of.get(name, UNLABELLED) for name in items["given_label"].astype(object)], dtype=np.intp)
    labels = np.full(len(dataset), UNLABELLED, dtype=np.intp)
    labels[places[places != _GONE]] = codes[places != _GONE]
    return Found(places, items["content_hash"].to_numpy(dtype=object), labels)


def _alone(dataset: Dataset, place: int) -> Dataset:
    """Return one item with its content."""
    part = slice(place, place + 1)
    return Dataset(
        ids=dataset.ids[part],
        labels=dataset.labels[part],
        classes=dataset.classes,
        text=None if dataset.text is None else dataset.text[part],
        images=None if dataset.images is None else dataset.images[part],
        features=None if dataset.features is None else dataset.features.iloc[part],
        rows=dataset.rows[part],
    )
