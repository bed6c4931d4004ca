"""The content of items, read again from where the data came from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import DataError, LabelAuditError, ReadError
from labelaudit.readers import image_folders, read_again
from labelaudit.viewing.found import Found, find
from labelaudit.viewing.pictures import Picture, picture, within
from labelaudit.viewing.texts import shown
from labelaudit.viewing.unusual import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.audit_folder import Audit
    from labelaudit.domain import Dataset

__all__ = ["Contents", "open_contents"]

_IMAGE_SIDE = 1200
_THUMBNAIL_SIDE = 96
_LINE = 140


@dataclass(frozen=True, eq=False)
class Contents:
    """What the items are: plain values for a card.

    Items are named by their position in the data as it was audited. In the file they may be in another order by now,
    changed or gone: nothing is shown that is not what was audited.

    Attributes
    ----------
    dataset : Dataset or None
        The data, if it could be read again.
    problem : str
        Why it could not.
    found : Found, optional
        Where the audited items are in it; where they were if not given.
    """

    dataset: Dataset | None
    problem: str = ""
    found: Found | None = None

    def content(self, row: int, given: int, suggested: int) -> dict[str, Any]:
        """Return the content of the item at position `row` of the data.

        Returns
        -------
        dict
            ``kind`` is ``text`` (with ``text``), ``image`` (``src``, ``width``, ``height``, ``name``), ``table``
            (``cells`` of ``name``, ``value``, ``why``) or ``none`` (``message``); ``notes`` are sentences.
        """
        data = self.dataset
        if data is None:
            return _nothing(self.problem)
        try:
            if data.text is not None:
                text, notes = shown(str(data.text[self._place(row)]))
                return {"kind": "text", "text": text, "notes": notes}
            if data.images is not None:
                return self._image(row)
            if self._table is not None:
                cells = [vars(cell) for cell in self._table.cells(self._place(row), given, suggested)]
                return {
                    "kind": "table",
                    "cells": [{**cell, "value": _bounded(cell["value"])} for cell in cells],
                    "notes": [],
                }
        except LabelAuditError as error:
            return _nothing(f"{error.problem} {error.fix}")
        return _nothing("This data has no content to show: only numbers were given.")

    def line(self, row: int) -> dict[str, Any]:
        """Return an item as one line of ``text``, with ``src`` for an image."""
        data = self.dataset
        if data is None:
            return {"text": ""}
        try:
            if data.text is not None:
                words = " ".join(str(data.text[self._place(row)])[: 4 * _LINE].split())
                return {"text": shown(words if len(words) <= _LINE else words[: _LINE - 1] + "…")[0]}
            if data.images is not None:
                return self._thumbnail(row)
            if data.features is not None:
                known = data.features.iloc[self._place(row)].dropna()
                return {"text": ", ".join(f"{name} {value}" for name, value in known.items())[:_LINE]}
        except DataError as error:
            return {"text": error.problem}
        return {"text": ""}

    def beside(self, row: int, other: int) -> dict[str, Any]:
        """Return the item `other` as one line for comparison with `row`: of a table's row only what differs."""
        if self._table is None:
            return self.line(other)
        try:
            places = self._place(row), self._place(other)
        except DataError as error:
            return {"text": error.problem}
        return {"text": _bounded(self._table.difference(*places))}

    def chances(self, row: int) -> NDArray[np.float64] | None:
        """Return the (K,) mean of the probabilities that were read with the data; None where there are none."""
        data = self.dataset
        if data is None or not data.pred_probs or not (self.found is None or self.found.in_order):
            return None  # probabilities in a file of their own did not move with the items
        sources = [np.asarray(source[row : row + 1], dtype=np.float64)[0] for source in data.pred_probs]
        mean: NDArray[np.float64] = np.mean(sources, axis=0)
        return mean if np.isfinite(mean).all() else None

    def _place(self, row: int) -> int:
        """Return where an item is in the data now; raise DataError if it is gone, or something else by now."""
        if self.found is None or self.dataset is None:
            return row
        self.found.check(row, self.dataset)
        return self.found.place(row)

    def _image_path(self, row: int) -> str:
        assert self.dataset is not None
        assert self.dataset.images is not None
        return str(self.dataset.images[row if self.found is None else self.found.place(row)])

    def _picture(self, row: int, side: int) -> Picture:
        """Return an item's image; nothing is read of a path that leads out or is no image."""
        image = picture(within(self._image_path(row), self._folders), side=side)
        self._place(row)
        return image

    def _image(self, row: int) -> dict[str, Any]:
        image = self._picture(row, _IMAGE_SIDE)
        notes = (
            []
            if max(image.width, image.height) <= _IMAGE_SIDE
            else [f"Shown smaller: the image has {image.width:,} × {image.height:,} pixels."]
        )
        return {"kind": "image", "name": Path(self._image_path(row)).name, "notes": notes, **vars(image)}

    def _thumbnail(self, row: int) -> dict[str, Any]:
        name = Path(self._image_path(row)).name
        try:
            return {"text": name, "src": self._picture(row, _THUMBNAIL_SIDE).src}
        except ReadError:
            return {"text": f"{name} cannot be shown"}

    @cached_property
    def _folders(self) -> tuple[Path, ...]:
        assert self.dataset is not None
        return () if self.dataset.origin is None else image_folders(self.dataset.origin)

    @cached_property
    def _table(self) -> Table | None:
        data = self.dataset
        if data is None or data.features is None:
            return None
        return Table(data.features, data.labels if self.found is None else self.found.labels)


def open_contents(audit: Audit) -> Contents:
    """Read the data of an audit again.

    Never fails: where the data has moved, or items of it have changed, the contents say so on each card, and the rest
    of the review goes on with what the audit itself holds.
    """
    if audit.origin is None:
        return Contents(None, "The audit was made of arrays, so there is no content to show.")
    try:
        dataset = read_again(audit.origin, audit.path)
    except LabelAuditError as error:
        return Contents(None, f"The data cannot be read again: {error.problem} {error.fix}")
    return Contents(dataset, found=find(audit, dataset))


def _nothing(message: str) -> dict[str, Any]:
    return {"kind": "none", "message": message, "notes": []}


def _bounded(value: str | None) -> str | None:
    if value is None:
        return None
    text, _ = shown(value if len(value) <= 1_000 else value[:1_000] + "…")
    return text
