"""The content of items, read again from where the data came from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import LabelAuditError
from labelaudit.readers import image_folders, read_again
from labelaudit.viewing.pictures import picture, within
from labelaudit.viewing.texts import shown
from labelaudit.viewing.unusual import Table

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit
    from labelaudit.domain import Dataset

__all__ = ["Contents", "open_contents"]

_IMAGE_SIDE = 1200
_THUMBNAIL_SIDE = 96
_LINE = 140


@dataclass(frozen=True, eq=False)
class Contents:
    """What the items are: plain values for a card.

    Attributes
    ----------
    dataset : Dataset or None
        The data, if it could be read again.
    problem : str
        Why it could not.
    """

    dataset: Dataset | None
    problem: str = ""

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
            return {"kind": "none", "message": self.problem, "notes": []}
        if data.text is not None:
            text, notes = shown(str(data.text[row]))
            return {"kind": "text", "text": text, "notes": notes}
        if data.images is not None:
            return self._image(str(data.images[row]))
        if self._table is not None:
            cells = [vars(cell) for cell in self._table.cells(row, given, suggested)]
            return {
                "kind": "table",
                "cells": [{**cell, "value": _bounded(cell["value"])} for cell in cells],
                "notes": [],
            }
        return {"kind": "none", "message": "This data has no content to show: only numbers were given.", "notes": []}

    def line(self, row: int) -> dict[str, Any]:
        """Return an item as one line of ``text``, with ``src`` for an image."""
        data = self.dataset
        if data is None:
            return {"text": ""}
        if data.text is not None:
            words = " ".join(str(data.text[row])[: 4 * _LINE].split())
            return {"text": shown(words if len(words) <= _LINE else words[: _LINE - 1] + "…")[0]}
        if data.images is not None:
            return self._thumbnail(str(data.images[row]))
        if data.features is not None:
            known = data.features.iloc[row].dropna()
            return {"text": ", ".join(f"{name} {value}" for name, value in known.items())[:_LINE]}
        return {"text": ""}

    def beside(self, row: int, other: int) -> dict[str, Any]:
        """Return the item `other` as one line for comparison with `row`: of a table's row only what differs."""
        if self._table is None:
            return self.line(other)
        return {"text": _bounded(self._table.difference(row, other))}

    def _image(self, path: str) -> dict[str, Any]:
        try:
            image = picture(within(path, self._folders), side=_IMAGE_SIDE)
        except LabelAuditError as error:
            return {"kind": "none", "message": f"{error.problem} {error.fix}", "notes": []}
        notes = (
            []
            if max(image.width, image.height) <= _IMAGE_SIDE
            else [f"Shown smaller: the image has {image.width:,} × {image.height:,} pixels."]
        )
        return {"kind": "image", "name": Path(path).name, "notes": notes, **vars(image)}

    def _thumbnail(self, path: str) -> dict[str, Any]:
        try:
            return {"text": Path(path).name, "src": picture(within(path, self._folders), side=_THUMBNAIL_SIDE).src}
        except LabelAuditError:
            return {"text": f"{Path(path).name} cannot be shown"}

    @cached_property
    def _folders(self) -> tuple[Path, ...]:
        assert self.dataset is not None
        return () if self.dataset.origin is None else image_folders(self.dataset.origin)

    @cached_property
    def _table(self) -> Table | None:
        data = self.dataset
        return None if data is None or data.features is None else Table(data.features, data.labels)


def open_contents(audit: Audit) -> Contents:
    """Read the data of an audit again.

    Never fails: where the data has moved or changed, the contents say so on each card, and the rest of the review goes
    on with what the audit itself holds.
    """
    if audit.origin is None:
        return Contents(None, "The audit was made of arrays, so there is no content to show.")
    try:
        dataset = read_again(audit.origin, audit.path)
    except LabelAuditError as error:
        return Contents(None, f"The data cannot be read again: {error.problem} {error.fix}")
    if not np.array_equal(np.sort(dataset.ids.astype(str)), np.sort(audit.items.index.to_numpy().astype(str))):
        return Contents(
            None, f"{audit.origin.path} has changed since the audit, so its content is not shown. Audit again."
        )
    return Contents(dataset)


def _bounded(value: str | None) -> str | None:
    if value is None:
        return None
    text, _ = shown(value if len(value) <= 1_000 else value[:1_000] + "…")
    return text
