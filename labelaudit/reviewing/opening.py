"""From an audit to its queue: where its reviews live, and how they get there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.errors import LabelAuditError, StoreError, UsageError
from labelaudit.reviewing.queue import Queue, new_id
from labelaudit.store import Binding, Filter, QueueItem, Store

if TYPE_CHECKING:
    import pandas as pd

    from labelaudit.audit_folder import Audit

__all__ = [
    "binding_of",
    "check_reviews",
    "loaded_audit",
    "open_queue",
    "open_store",
    "queue_items",
    "store_location",
]

_FOLDER = "reviews"
_FILE = "store.sqlite"


def store_location(audit: Audit | str | os.PathLike[str], store: str | None = None) -> tuple[Path | str, Path]:
    """Return where the reviews of an audit live, and the folder for their backups.

    Parameters
    ----------
    audit : Audit or path
        The audit, or its folder.
    store : str, optional
        Database URL; default: a SQLite file in the audit folder.

    Raises
    ------
    UsageError
        If the audit was never saved, and no database is named.
    """
    folder = audit if isinstance(audit, str | os.PathLike) else audit.path
    if folder is None:
        if store is None:
            raise UsageError(
                "This audit is not saved, so there is no place for its reviews.", "Save it first: audit.save(PATH)"
            )
        return store, Path("backups")
    reviews = Path(folder) / _FOLDER
    return store or reviews / _FILE, reviews / "backups"


def open_store(
    audit: Audit | str | os.PathLike[str], *, store: str | None = None, create: bool = False, patience: float = 10.0
) -> Store:
    """Open the reviews of an audit without a person: for care, reports and batches.

    Parameters
    ----------
    audit : Audit or path
        The audit, or its folder.
    store : str, optional
        Database URL; default: a SQLite file in the audit folder.
    create : bool
        Make an empty store where there is none.
    patience : float
        Seconds to keep trying while the database is locked or away.

    Raises
    ------
    StoreError
        If there is none, or it cannot be opened.
    """
    location, backups = store_location(audit, store)
    if isinstance(location, Path):
        folder = location.parent.parent
        if not folder.is_dir():
            raise StoreError(f"There is no audit folder {folder}.", "Check the path.")
        if not location.exists() and not create:
            raise StoreError(f"There are no reviews at {location}.", f"Begin with: labelaudit review {folder}")
        location.parent.mkdir(exist_ok=True)
    return Store(location, backups=backups, patience=patience)


def open_queue(
    audit: Audit | str | os.PathLike[str] | Store,
    filter: Filter | None = None,
    order: str = "suspicion",
    *,
    person: str,
    client: str | None = None,
    store: str | None = None,
    patience: float = 10.0,
) -> Queue:
    """Open a queue over an audit for one person at one client.

    The first person to open a new store becomes its lead; everybody else is added by a lead.

    Parameters
    ----------
    audit : Audit, path or Store
        The audit, its folder, or its store if it is open already.
    filter : Filter, optional
        Which items; default: the suspects.
    order : str
        ``suspicion``, ``ambiguity`` or ``chance``.
    person : str
        Who reviews.
    client : str, optional
        Browser tab or process that holds the claims; default: a new one.
    store : str, optional
        Database URL; default: a SQLite file in the audit folder.
    patience : float
        Seconds to keep trying while the database is locked or away.

    Returns
    -------
    Queue

    Raises
    ------
    DecisionRefusedError
        If the person is not known to the store.
    StoreError
        If the store cannot be opened, or holds the reviews of another audit.
    """
    wanted = Filter() if filter is None else filter
    if isinstance(audit, Store):
        audit.team.enter(person)
        return Queue(audit, person, client or new_id(), wanted, order)
    loaded = loaded_audit(audit)
    opened = open_store(loaded, store=store, create=True, patience=patience)
    try:
        _enter(opened, loaded, person)
        return Queue(opened, person, client or new_id(), wanted, order)
    except LabelAuditError:
        opened.close()
        raise


def _enter(store: Store, audit: Audit, person: str) -> None:
    bound = _bound_to(store, audit)
    store.team.enter(person)
    if bound is None or store.is_without_items:
        store.bind(binding_of(audit), queue_items(audit.items), person=person)
    store.serve(audit.audit_id)


def _bound_to(store: Store, audit: Audit) -> Binding | None:
    """Return the binding of a store, None if it is new; raise StoreError if it is that of another audit."""
    bound = store.binding
    if bound is not None and bound.audit_id != audit.audit_id:
        raise StoreError(
            f"{store.database.name} holds the reviews of the audit {bound.audit_id}, but this is {audit.audit_id}.",
            "If this audit came after it, take its decisions along with: labelaudit store carry OLD NEW",
        )
    return bound


def check_reviews(audit: Audit, *, store: str | None = None) -> None:
    """Raise what :func:`open_queue` would of any person: a store that cannot be opened, or is of another audit.

    Parameters
    ----------
    audit : Audit
        The audit, saved.
    store : str, optional
        Database URL; default: a SQLite file in the audit folder, which need not be there yet.

    Raises
    ------
    UsageError
        If the URL is of no database that a store can live in.
    StoreError
        If the store cannot be opened, or holds the reviews of another audit.
    """
    place, _ = store_location(audit, store)
    if isinstance(place, str) or place.exists():
        with open_store(audit, store=store) as opened:
            _bound_to(opened, audit)


def queue_items(items: pd.DataFrame) -> Iterator[QueueItem]:
    """Yield the rows of ``audit.items`` as the store takes them."""
    slices = [name for name in items.columns if name.startswith("group:")]
    names = {
        "row": "row",
        "content_hash": "content_hash",
        "given_label": "given_label",
        "suggested_label": "suggested_label",
        "suggested_probability": "suggested_probability",
        "suspicion": "suspicion",
        "ambiguity": "ambiguity",
        "is_suspect": "is_suspect",
        "is_ambiguous": "is_ambiguous",
        "kind": "kind",
        "suspicion_rank": "rank",
        "ambiguity_rank": "ambiguity_rank",
    }
    columns = {name: _plain(items[column]) for name, column in names.items()}
    values = {name: _plain(items[name]) for name in slices}
    for place, item_id in enumerate(items.index):
        fields = {name: column[place] for name, column in columns.items()}
        groups = [(name.removeprefix("group:"), column[place]) for name, column in values.items()]
        yield QueueItem(
            item_id=str(item_id),
            groups=tuple((name, str(value)) for name, value in groups if value is not None),
            **{**fields, **{rank: _whole(fields[rank]) for rank in ("suspicion_rank", "ambiguity_rank", "row")}},
        )


def _plain(column: pd.Series[Any]) -> list[Any]:
    return column.astype(object).where(column.notna(), None).tolist()


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def loaded_audit(audit: Audit | str | os.PathLike[str]) -> Audit:
    """Return an audit, loaded if it is the path of one."""
    from labelaudit.audit_folder import load

    return load(audit) if isinstance(audit, str | os.PathLike) else audit


def binding_of(audit: Audit) -> Binding:
    """Return what a store is to know of its audit."""
    return Binding(audit.audit_id, audit.fingerprint, tuple(audit.classes))
