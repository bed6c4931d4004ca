"""Fixtures shared by all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from tests.store.postgres import PostgresServer

# How long an example takes says how loaded the machine is; a test with a limit of its own says so.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# A shell without job control lets what it starts in the background ignore Ctrl-C, and what that starts in turn.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def nobody_reviews() -> Iterator[None]:
    """Whoever runs the tests may have reviews of their own: no test opens these, or decides in that name."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LABELAUDIT_STORE", "LABELAUDIT_PERSON"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread of BLAS, as an engine has it."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real Postgres, or a skip where there is none."""
    from tests.store.postgres import remove, start_postgres  # which needs Unix

    server = start_postgres()
    yield server
    remove(server)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets, which stand beside a developer's checkout and are no part of the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets (../shared/data) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """The sample data that ships with the project."""
    return ROOT / "sample_data"
