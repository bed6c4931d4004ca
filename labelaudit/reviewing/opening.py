"""From an audit to its queue: where its reviews live, and how they get there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.decisions import Action
from labelaudit.errors import LabelAuditError, StoreError, UsageError
from labelaudit.reviewing.queue import Queue, new_id
from labelaudit.store import Binding, CarriedOver, Filter, QueueItem, Store

if TYPE_CHECKING:
    import pandas as pd

    from labelaudit.audit_folder import Audit

__all__ = ["carry_over", "check_carry_over", "open_queue", "open_store", "queue_items", "store_location"]

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
    loaded = _loaded(audit)
    opened = open_store(loaded, store=store, create=True, patience=patience)
    try:
        _enter(opened, loaded, person)
        return Queue(opened, person, client or new_id(), wanted, order)
    except LabelAuditError:
        opened.close()
        raise


def _enter(store: Store, audit: Audit, person: str) -> None:
    bound, binding = store.binding, _binding_of(audit)
    if bound is not None and bound.audit_id != binding.audit_id:
        raise StoreError(
            f"{store.database.name} holds the reviews of the audit {bound.audit_id}, but this is {binding.audit_id}.",
            "If this audit came after it, take its decisions along with: labelaudit store carry OLD NEW",
        )
    store.team.enter(person)
    if bound is None or store.is_without_items:
        store.bind(binding, queue_items(audit.items), person=person)


def carry_over(
    earlier: Audit | str | os.PathLike[str],
    later: Audit | str | os.PathLike[str],
    *,
    person: str,
    store: str | None = None,
) -> CarriedOver:
    """Take the decisions made on an earlier audit along to a later one, of a grown or corrected data set.

    The later audit gets a copy of the whole store, history included. Decisions hold there on items whose content is
    the same and whose label is the one that was judged or decided on; the others are asked again. If both are the same
    folder (audited again in place), its store is used as it is.

    Parameters
    ----------
    earlier, later : Audit or path
        The audits.
    person : str
        Who asks for it: a lead of the earlier store.
    store : str, optional
        Database URL of the later audit's store; default: a SQLite file in its folder.

    Returns
    -------
    CarriedOver

    Raises
    ------
    DecisionRefusedError
        If the person is no lead of the earlier store; nothing was copied.
    StoreError
        If the later audit has reviews of its own.
    """
    target = _loaded(later)
    old_place, _ = store_location(earlier)
    new_place, _ = store_location(target, store)
    with open_store(earlier) if old_place != new_place else contextlib.nullcontext() as source:
        if source is not None:  # who may not is told before anything is made
            source.team.require(person, Action.BIND)
        with open_store(target, store=store, create=True) as opened:
            # After an interruption the copy may be there already.
            if source is not None and opened.head() != source.head():
                source.copy_to(opened)
            opened.team.require(person, Action.BIND)
            return opened.bind(_binding_of(target), queue_items(target.items), person=person)


def check_carry_over(
    earlier: Audit | str | os.PathLike[str],
    later: Audit | str | os.PathLike[str],
    *,
    person: str,
    store: str | None = None,
) -> None:
    """Raise what :func:`carry_over` would, also before the later audit is made, so that nobody waits for it in vain.

    Parameters and errors are those of :func:`carry_over`; `later` may be a folder that is not there yet.
    """
    old_place, _ = store_location(earlier)
    new_place, _ = store_location(later, store)
    if isinstance(old_place, Path) and not old_place.exists():
        return
    with open_store(earlier) as source:
        source.team.require(person, Action.BIND)
        if old_place == new_place or (isinstance(new_place, Path) and not new_place.exists()):
            return
        with open_store(later, store=store) as opened:
            events, _ = head = opened.head()
            if events and head != source.head():
                raise StoreError(
                    f"{opened.database.name} holds reviews already; those of {source.database.name} cannot go there.",
                    "Write the audit to another folder, or audit after the one whose reviews are to go on.",
                )


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


def _loaded(audit: Audit | str | os.PathLike[str]) -> Audit:
    from labelaudit.audit_folder import load

    return load(audit) if isinstance(audit, str | os.PathLike) else audit


def _binding_of(audit: Audit) -> Binding:
    return Binding(audit.audit_id, audit.fingerprint, tuple(audit.classes))
