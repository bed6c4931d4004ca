"""From one audit of the data to the next: what was decided goes along, wherever the reviews are."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from labelaudit.decisions import Action
from labelaudit.errors import StoreError
from labelaudit.reviewing.opening import binding_of, loaded_audit, open_store, queue_items, store_location
from labelaudit.store import CarriedOver

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit

__all__ = ["carry_over", "check_carry_over", "store_of_earlier"]


def carry_over(
    earlier: Audit | str | os.PathLike[str],
    later: Audit | str | os.PathLike[str],
    *,
    person: str,
    store: str | None = None,
) -> CarriedOver:
    """Take the decisions made on an earlier audit along to a later one, of a grown or corrected data set.

    Decisions hold there on items whose content is the same and whose label is the one that was judged or decided on;
    the others are asked again. If the reviews are in the earlier audit's folder, the later one gets a copy of the whole
    store, history included. A database that holds the reviews of the earlier audit goes on as that of the later one,
    and so does the store of a folder in which the audit was made again.

    Parameters
    ----------
    earlier, later : Audit or path
        The audits.
    person : str
        Who asks for it: a lead of the earlier store.
    store : str, optional
        Database URL of the later audit's reviews, which may hold those of the earlier one; default: a SQLite file in
        the folder of each.

    Returns
    -------
    CarriedOver

    Raises
    ------
    DecisionRefusedError
        If the person is no lead of the earlier store; nothing was copied.
    StoreError
        If there are no reviews of the earlier audit, or the later one has reviews of its own.
    """
    target = loaded_audit(later)
    held = store_of_earlier(earlier, store, later=target)
    old_place, _ = store_location(earlier, held)
    new_place, _ = store_location(target, store)
    with open_store(earlier, store=held) if old_place != new_place else contextlib.nullcontext() as source:
        if source is not None:  # who may not is told before anything is made
            source.team.require(person, Action.BIND)
        with open_store(target, store=store, create=True) as opened:
            # After an interruption the copy may be there already.
            if source is not None and opened.head() != source.head():
                source.copy_to(opened)
            opened.team.require(person, Action.BIND)
            return opened.bind(binding_of(target), queue_items(target.items), person=person)


def check_carry_over(
    earlier: Audit | str | os.PathLike[str],
    later: Audit | str | os.PathLike[str],
    *,
    person: str,
    store: str | None = None,
) -> bool:
    """Raise what :func:`carry_over` would, also before the later audit is made, so that nobody waits for it in vain.

    Parameters and errors are those of :func:`carry_over`; `later` may be a folder that is not there yet.

    Returns
    -------
    bool
        Whether there are reviews to take along; without any nothing is wrong.
    """
    held = store_of_earlier(earlier, store, later=later)
    old_place, _ = store_location(earlier, held)
    new_place, _ = store_location(later, store)
    if isinstance(old_place, Path) and not old_place.exists():
        return False
    with open_store(earlier, store=held) as source:
        source.team.require(person, Action.BIND)
        if old_place == new_place or (isinstance(new_place, Path) and not new_place.exists()):
            return True
        with open_store(later, store=store) as opened:
            events, _ = head = opened.head()
            if events and head != source.head():
                raise StoreError(
                    f"{opened.database.name} holds reviews already; those of {source.database.name} cannot go there.",
                    "Write the audit to another folder, or audit after the one whose reviews are to go on.",
                )
    return True


def store_of_earlier(
    earlier: Audit | str | os.PathLike[str],
    store: str | None,
    *,
    later: Audit | str | os.PathLike[str] | None = None,
) -> str | None:
    """Return where the reviews of an earlier audit are: in the database `store`, or, None, in its folder.

    Raises
    ------
    StoreError
        If the database holds reviews of another audit, and there are none in the folder.
    """
    if store is None:
        return None
    folder, _ = store_location(earlier)
    if later is not None and Path(folder).resolve() == Path(store_location(later)[0]).resolve():
        return store
    with open_store(earlier, store=store) as opened:
        bound, name = opened.binding, opened.database.name
    wanted = loaded_audit(earlier).audit_id
    if bound is None or bound.audit_id == wanted:
        return None if bound is None else store
    if isinstance(folder, Path) and folder.exists():
        return None
    raise StoreError(
        f"{name} holds the reviews of the audit {bound.audit_id}, and the earlier audit is {wanted}.",
        "Name the audit on which was decided last, or the database with its reviews (--store, LABELAUDIT_STORE).",
    )
