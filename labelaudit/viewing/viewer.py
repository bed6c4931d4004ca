"""A card: everything that one item is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import UnknownNameError
from labelaudit.scores import SCORES
from labelaudit.viewing.contents import Contents, open_contents
from labelaudit.viewing.nearest import Nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.audit_folder import Audit

__all__ = ["Viewer"]

_CLASSES = 9  # as many as there are number keys
_NEIGHBORS = 4
_LISTED_ALONE = 4  # classes listed where no more is known than the given, the suggested and the next
_CARDS_KEPT = 512


@dataclass(frozen=True, eq=False)
class Viewer:
    """What people are shown of an audit. One serves all reviewers of a process.

    Attributes
    ----------
    audit : Audit
        The audit.
    contents : Contents
        Its data.
    """

    audit: Audit
    contents: Contents

    @classmethod
    def of(cls, audit: Audit) -> Viewer:
        """Read the data of an audit again and return its viewer."""
        return cls(audit, open_contents(audit))

    def card(self, item_id: str) -> dict[str, Any]:
        """Return what one item is judged by, as plain values.

        Returns
        -------
        dict
            ``content`` (see :meth:`Contents.content`), ``classes`` (``name`` and probability ``p`` or None, likeliest
            first) and ``blind_classes`` (the most frequent ones, by name), ``reasons``,
            ``kind``, ``scores`` (``name``, ``value``, ``above``: share of items with less), ``groups`` (``name``,
            ``value``) and ``neighbors`` (of the given and of the suggested class).

        Raises
        ------
        UnknownNameError
            If there is no such item.
        """
        if item_id not in self._place:
            raise UnknownNameError(f"There is no item {item_id!r} in this audit.", "Check the link.")
        return self._card(item_id)

    def blind_card(self, item_id: str) -> dict[str, Any]:
        """Return the item and the classes, as :meth:`card` does, and nothing of its label or of what is suspected.

        Raises
        ------
        UnknownNameError
            If there is no such item.
        """
        whole = self.card(item_id)
        content = whole["content"]
        if content["kind"] == "table":
            # What is unusual is so for the given class, and not for the suggested one.
            content = {**content, "cells": [{**cell, "why": ""} for cell in content["cells"]]}
        elif content["kind"] == "image":
            content = {**content, "name": "image"}  # files are often named by their class
        nothing: dict[str, Any] = {"reasons": "", "kind": None, "scores": [], "groups": [], "neighbors": []}
        return {**whole, **nothing, "content": content, "classes": whole["blind_classes"]}

    def lines(self, item_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return items as one line of text (and a thumbnail) each."""
        return [self.contents.line(self._data_row(item_id)) for item_id in item_ids]

    def exemplars(self, name: str, count: int) -> list[str]:
        """Return ids of up to `count` typical members of a class, nearest to its centre first.

        Without embeddings these are the members that the model is surest of.
        """
        code = self.audit.classes.index(name)
        rows = self._nearest.typical(code, count)
        if rows:
            return [self._id_at[row] for row in rows]
        items = self.audit.items
        members = items[(items["given_label"] == name) & ~items["is_suspect"]]
        return [str(item) for item in members.sort_values("suspicion", kind="stable").index[:count]]

    @cached_property  # to list the scores, installed packages are searched
    def score_names(self) -> tuple[str, ...]:
        """Names of the scores that the audit holds."""
        return tuple(name for name in SCORES.names() if name in self.audit.items.columns)

    @cached_property
    def group_names(self) -> tuple[str, ...]:
        """Names of the group columns."""
        return tuple(
            str(column).removeprefix("group:")
            for column in self.audit.items.columns
            if str(column).startswith("group:")
        )

    # -- one card

    @cached_property
    def _card(self) -> Callable[[str], dict[str, Any]]:
        return lru_cache(maxsize=_CARDS_KEPT)(self._make_card)

    def _make_card(self, item_id: str) -> dict[str, Any]:
        place, row = self._place[item_id], self._data_row(item_id)
        given, suggested = self._given[place], self._suggested[place]
        item = self.audit.items.iloc[place]
        classes = self._ranked_classes(item, row)
        return {
            "item_id": item_id,
            "content": self.contents.content(row, given, suggested),
            "classes": classes,
            "blind_classes": [{"name": name, "p": None} for name in self._frequent_classes],
            "reasons": str(item["reasons"] or ""),
            "kind": _text(item["kind"]),
            "scores": [self._score(name, place) for name in ("suspicion", "ambiguity", *self.score_names)],
            "groups": [
                {"name": name, "value": str(item[f"group:{name}"])}
                for name in self.group_names
                if _text(item[f"group:{name}"]) is not None
            ],
            "neighbors": self._neighbors(row, given, suggested),
        }

    def _ranked_classes(self, item: pd.Series[Any], row: int) -> list[dict[str, Any]]:
        chances = self._chances(row)
        if chances is None:
            return self._known_classes(item)
        order = np.argsort(-chances, kind="stable")[:_CLASSES]
        return [{"name": self.audit.classes[code], "p": round(float(chances[code]), 4)} for code in order]

    def _known_classes(self, item: pd.Series[Any]) -> list[dict[str, Any]]:
        chance = item["suggested_probability"]
        known = {_text(item["suggested_label"]): None if np.isnan(chance) else round(float(chance), 4)}
        for name in (_text(item["given_label"]), _text(item["runner_up_label"]), *self.audit.classes[:_LISTED_ALONE]):
            known.setdefault(name, None)
        return [{"name": name, "p": p} for name, p in known.items() if name is not None][:_LISTED_ALONE]

    @cached_property
    def _frequent_classes(self) -> list[str]:
        """The same for every item, so that what is listed gives nothing away."""
        counts = np.bincount(self._given[self._given >= 0], minlength=len(self.audit.classes))
        return sorted(self.audit.classes[code] for code in np.argsort(-counts, kind="stable")[:_CLASSES])

    def _chances(self, row: int) -> NDArray[np.float64] | None:
        kept = self.audit.arrays.get("pred_probs")
        if kept is not None:
            return np.asarray(kept[row], dtype=np.float64)
        return self.contents.chances(row)

    def _score(self, name: str, place: int) -> dict[str, Any]:
        values, ordered = self._score_columns[name]
        value = float(values[place])
        if np.isnan(value):
            return {"name": name.replace("_", " "), "value": "–", "above": None}
        above = float(np.searchsorted(ordered, value, side="left")) / max(len(ordered), 1)
        return {"name": name.replace("_", " "), "value": f"{value:.3f}", "above": round(above, 4)}

    @cached_property
    def _score_columns(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        columns = {}
        for name in ("suspicion", "ambiguity", *self.score_names):
            values = self.audit.items[name].to_numpy(dtype=np.float64, na_value=np.nan)
            columns[name] = (values, np.sort(values[np.isfinite(values)]))
        return columns

    def _neighbors(self, row: int, given: int, suggested: int) -> list[dict[str, Any]]:
        sides = [code for code in dict.fromkeys((suggested, given)) if code >= 0]
        return [
            {
                "name": self.audit.classes[code],
                "items": [self.contents.beside(row, other) for other in self._nearest.of_class(row, code, _NEIGHBORS)],
            }
            for code in sides
        ]

    # -- places: an item has one in the table of the audit, and one in the data and the arrays

    @cached_property
    def _place(self) -> dict[str, int]:
        return {str(item_id): place for place, item_id in enumerate(self.audit.items.index)}

    def _data_row(self, item_id: str) -> int:
        return int(self.audit.places[self._place[item_id]])

    @cached_property
    def _id_at(self) -> list[str]:
        ids = np.empty(len(self.audit), dtype=object)
        ids[self.audit.places] = self.audit.items.index.to_numpy()
        return [str(item_id) for item_id in ids]

    @cached_property
    def _given(self) -> NDArray[np.intp]:
        return self._codes("given_label")

    @cached_property
    def _suggested(self) -> NDArray[np.intp]:
        return self._codes("suggested_label")

    def _codes(self, column: str) -> NDArray[np.intp]:
        code_of = {name: code for code, name in enumerate(self.audit.classes)}
        names = self.audit.items[column].astype(object)
        return np.array([code_of.get(name, -1) for name in names], dtype=np.intp)

    @cached_property
    def _nearest(self) -> Nearest:
        labels = np.empty(len(self._given), dtype=np.intp)
        labels[self.audit.places] = self._given
        arrays = self.audit.arrays
        return Nearest(arrays.get("embeddings"), arrays.get("neighbors"), labels)

    def warm_up(self) -> None:
        """Compute now what the first card would have to wait for."""
        if self._place:
            self.card(next(iter(self._place)))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
