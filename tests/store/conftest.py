"""Stores on SQLite and on a real Postgres, and items to fill them with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labelaudit.store import Binding, QueueItem, Store
from tests.store.postgres import PostgresServer

CLASSES = ("cat", "dog", "eel")


def queue_items(n: int, *, suspects: float = 1.0) -> list[QueueItem]:
    """Items of which a share is suspect, in the order of their numbers."""
    return [
        QueueItem(
            item_id=f"i{k:06d}",
            row=k + 1,
            content_hash=f"h{k:06d}",
            given_label=CLASSES[k % 3],
            suggested_label=CLASSES[(k + 1) % 3],
            suggested_probability=0.9,
            suspicion=1 - k / n,
            ambiguity=((k * 7919) % n) / n,
            is_suspect=k < suspects * n,
            is_ambiguous=k % 5 == 0,
            kind="wrong_label" if k % 2 else "ambiguous",
            suspicion_rank=k + 1,
            ambiguity_rank=None,
            groups=(("channel", "email" if k % 4 else "chat"),),
        )
        for k in range(n)
    ]


BINDING = Binding("audit-1", "f" * 64, CLASSES)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a new store is to live: the contract tests run on both databases."""
    if request.param == "sqlite":
        return tmp_path / "store.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_store()


@pytest.fixture
def open_store(location: Path | str, tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Open the store of this test, as often as wanted."""
    opened: list[Store] = []

    def open_(**options: object) -> Store:
        opened.append(Store(location, backups=tmp_path / "backups", **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    """A store of 30 items with the lead ann and the reviewers bob and eve."""
    return filled(open_store())


def filled(store: Store, n: int = 30, **options: float) -> Store:
    store.team.enter("ann")
    store.bind(BINDING, queue_items(n, **options), person="ann")
    for name in ("bob", "eve"):
        store.team.set_person(name, "reviewer", by="ann")
    store.team.set_person("vic", "viewer", by="ann")
    return store
