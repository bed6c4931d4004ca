"""Batches: which items annotators should see next, and why.

The suspects come first, but not alone: the most uncertain items repeat each other and starve the rare classes, some
ambiguous items show where the guidelines are unclear, and known answers measure the annotators. A share drawn at random
pays for an estimate of the errors that remain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.batches.options import QUEUES, BatchOptions
from labelaudit.batches.picking import Chosen, pick
from labelaudit.batches.records import BatchRecord, choosing, keep_record, records, withdraw
from labelaudit.domain import Batch, BatchItem
from labelaudit.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.audit_folder import Audit
    from labelaudit.domain import Dataset

__all__ = [
    "QUEUES",
    "BatchOptions",
    "BatchRecord",
    "Chosen",
    "choose",
    "choosing",
    "keep_record",
    "pick",
    "records",
    "withdraw",
]


_FROM_AUDIT = ("content_hash", "given_label", "suspicion", "ambiguity")
"""Columns of ``audit.items`` that an item of a batch has as well."""


def choose(
    audit: Audit,
    options: BatchOptions,
    *,
    dataset: Dataset | None = None,
    decided: Collection[str] = (),
    gold: Collection[str] = (),
    only: Collection[str] | None = None,
    suspicion: Mapping[str, float] | None = None,
) -> tuple[Batch, Chosen]:
    """Choose a batch from an audit.

    Parameters
    ----------
    audit : Audit
        The audit.
    options : BatchOptions
        How to choose.
    dataset : Dataset, optional
        The data; default: read again from where the audit found it.
    decided : collection of str
        Ids of items that need no more answers, or are out with annotators already.
    gold : collection of str
        Ids of items with a known answer.
    only : collection of str, optional
        Ids of the items to choose among; default: all.
    suspicion : mapping of str to float, optional
        Suspicion of items, 0..1, in the light of decisions made since the audit; default: that of the audit.

    Returns
    -------
    batch : Batch
        In the order in which the strategy chose, random and gold items spread evenly among the others.
    chosen : Chosen
        What it was made of.

    Raises
    ------
    UsageError
        If the audit has no content to show, or nothing is left to choose.
    UnknownNameError
        If the strategy, score, class or group does not exist.
    DataError
        If the data changed since the audit.
    """
    content = _content(audit) if dataset is None else dataset
    place = _places(audit, content)
    table = audit.items if not suspicion else _rescored(audit.items, suspicion)
    chosen = pick(
        table,
        options,
        classes=audit.classes,
        vectors=audit.arrays.get("embeddings"),
        neighbors=audit.arrays.get("neighbors"),
        positions=audit.places,
        decided=decided,
        gold=gold,
        only=only,
    )
    items = tuple(
        BatchItem(
            item_id=str(table.index[row]),
            why=_why(table, int(row), part),
            part=part,
            inclusion_probability=None if np.isnan(inclusion) else float(inclusion),
            **{name: _plain(table[name].iloc[row]) for name in _FROM_AUDIT},
            **_suggestion(table, int(row)),
            **_shown(content, int(place[row]), options.image_url),
        )
        for row, part, inclusion in zip(chosen.places, chosen.part, chosen.inclusion, strict=True)
    )
    return _batch(audit, items, options), chosen


def _content(audit: Audit) -> Dataset:
    from labelaudit.readers import read_again

    if audit.origin is None:
        raise UsageError(
            "This audit was made of arrays in memory, so there is no content to show to annotators.",
            "Give the data: choose(audit, options, dataset=dataset).",
        )
    return read_again(audit.origin, audit.path)


def _places(audit: Audit, dataset: Dataset) -> NDArray[np.intp]:
    """Return the position in the data of each row of ``audit.items``; refuse data that changed."""
    position = {str(item_id): k for k, item_id in enumerate(dataset.ids)}
    hashes = dataset.content_hashes
    found = np.empty(len(audit), dtype=np.intp)
    for row, (item_id, content_hash) in enumerate(audit.items["content_hash"].items()):
        place = position.get(str(item_id))
        if place is None or hashes[place] != content_hash:
            raise DataError(
                f"The data changed since the audit: the item {item_id!r} is {'gone' if place is None else 'another'}.",
                "Audit again, so that annotators see what was judged.",
            )
        found[row] = place
    return found


def _shown(dataset: Dataset, place: int, image_url: str | None) -> dict[str, Any]:
    """Return what annotators see of an item: its image, else its text, else its table row."""
    if dataset.images is not None:
        return {"image": _location(str(dataset.images[place]), dataset, image_url)}
    return {"text": str(dataset.text[place])} if dataset.text is not None else {"fields": _fields(dataset, place)}


def _fields(dataset: Dataset, place: int) -> dict[str, Any]:
    if dataset.features is None:
        raise UsageError(
            "The data has neither text nor images nor a table, only vectors or probabilities.",
            "Annotators need something to look at: audit the data with its content.",
        )
    return {str(name): _plain(dataset.features[name].iloc[place]) for name in dataset.features.columns}


def _plain(value: Any) -> Any:
    import pandas as pd

    if pd.isna(value):
        return None
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, str | int | float | bool) else str(plain)


def _location(image: str, dataset: Dataset, url: str | None) -> str:
    if url is None or dataset.origin is None:
        return image
    from urllib.parse import quote

    from labelaudit.readers import image_folders

    data, unpacked = image_folders(dataset.origin)
    folder = data if Path(image).is_relative_to(data) else unpacked.parent
    return url.rstrip("/") + "/" + quote(Path(image).relative_to(folder).as_posix())


_OF_QUEUES = {"flagged": "flagged", "conflicts": "people disagree", "skipped": "somebody skipped it"}


def _rescored(items: pd.DataFrame, suspicion: Mapping[str, float]) -> pd.DataFrame:
    """Return the items with another suspicion, ranked by it; those without one keep theirs."""
    import pandas as pd

    now = pd.Series(items.index.map(suspicion), index=items.index, dtype="float64").fillna(items["suspicion"])
    if now.equals(items["suspicion"].astype("float64")):
        return items
    order = now.rename("suspicion").to_frame().assign(item_id=items.index)
    order = order.dropna().sort_values(["suspicion", "item_id"], ascending=[False, True])
    rank = pd.Series(range(1, len(order) + 1), index=order.index, dtype="Int64")
    return items.assign(suspicion=now, rank=rank.reindex(items.index))


def _suggestion(items: pd.DataFrame, row: int) -> dict[str, Any]:
    """Return what the model would answer; an audit suggests the best *other* class, also where that is unlikely."""
    suggested = {name: _plain(items[name].iloc[row]) for name in ("suggested_label", "suggested_probability")}
    doubt = _plain(items["self_confidence"].iloc[row]) if "self_confidence" in items.columns else None
    if doubt is None or suggested["suggested_probability"] is None or suggested["suggested_probability"] > 1 - doubt:
        return suggested
    return {"suggested_label": _plain(items["given_label"].iloc[row]), "suggested_probability": 1 - doubt}


def _why(items: pd.DataFrame, row: int, part: str) -> str:
    """Say why an item was chosen; a known answer is not told from a suspect."""
    if part == "random":
        return "drawn at random"
    reasons = _plain(items["reasons"].iloc[row]) or ""
    if part in {"suspects", "gold"}:
        what = f"suspect, rank {_plain(items['rank'].iloc[row])}"
    elif part == "ambiguous":
        what = f"people may differ (ambiguity {items['ambiguity'].iloc[row]:.2f})"
    else:
        what = _OF_QUEUES.get(part, f"by {part}")
    return what + (f": {reasons}" if reasons else "")


def _batch(audit: Audit, items: tuple[BatchItem, ...], options: BatchOptions) -> Batch:
    named = json.dumps([audit.audit_id, asdict(options), [item.item_id for item in items]], ensure_ascii=True)
    digest = hashlib.blake2b(named.encode("ascii"), digest_size=5).hexdigest()
    return Batch(
        # Never all digits: a spreadsheet would make a number of it.
        batch_id=f"b-{digest}",
        audit_id=audit.audit_id,
        classes=tuple(audit.classes),
        items=items,
        several=options.several,
        blind=options.blind,
    )
