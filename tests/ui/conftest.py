"""An audit to review, the server on a free port, and a real Chromium."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import labelaudit as la
from labelaudit.reviewing import open_queue, open_store

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--use-angle=swiftshader",  # the map needs WebGL, which --disable-gpu would take away
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 30_000


@pytest.fixture(scope="session")
def audited_tickets(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of the sample tickets, made once; with 150 suspects, however many the ranking would flag."""
    folder = tmp_path_factory.mktemp("audit") / "tickets.audit"
    audit = la.audit(la.read(sample_data / "tickets.csv"))
    items = audit.items.assign(is_suspect=(audit.items["rank"] <= 150).to_numpy(dtype=bool))
    replace(audit, items=items).save(folder)
    return folder


@pytest.fixture
def audit_folder(audited_tickets: Path, tmp_path: Path) -> Path:
    """A copy of the audit without reviews, with ann as lead and bob as reviewer."""
    folder = tmp_path / "tickets.audit"
    shutil.copytree(audited_tickets, folder)
    enroll(folder)
    return folder


def enroll(folder: Path) -> None:
    queue = open_queue(folder, person="ann")
    queue.store.team.set_person("bob", "reviewer", by="ann")
    queue.store.team.set_person("vic", "viewer", by="ann")
    queue.close()


class Server:
    """``labelaudit review`` as a user starts it."""

    def __init__(self, audit: Path, log: Path) -> None:
        self.audit, self.log = audit, log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder: Path | None = None  # to run in, where it matters
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "labelaudit",
            "review",
            str(self.audit),
            "--headless",
            "--port",
            str(self.port),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, cwd=self.folder)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2)
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"The server did not start: {self.log.read_text()}")

    def interrupt(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)

    def kill(self) -> None:
        """Kill the whole process group, as a power cut would."""
        import os

        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Path], Server]]:
    """Start a server on an audit."""
    started: list[Server] = []

    def start(audit: Path, prepare: Callable[[Server], None] | None = None) -> Server:
        server = Server(audit, tmp_path / "server.log")
        if prepare is not None:
            prepare(server)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        if server.process is not None and server.process.poll() is None:
            server.kill()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make test installs it")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium on this machine: make services installs it")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


class Reviewer:
    """A person at a browser."""

    def __init__(self, browser: Any, url: str, name: str, **options: Any) -> None:
        self.url = url
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.context.add_cookies([{"name": "labelaudit_person", "value": name, "url": url}])
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, address: str = "/") -> None:
        self.page.goto(self.url + address)

    def card(self) -> str:
        """Return the id of the item on the screen, once there is one."""
        self.page.wait_for_selector("[data-item]")
        return self.page.get_attribute("[data-item]", "data-item")

    def press(self, key: str) -> str:
        """Press a key that decides, and return the item that it was pressed on, once the next card is painted."""
        before = self.card()
        self.page.keyboard.press(key)
        self.leaves(before)
        return before

    def leaves(self, item: str) -> None:
        """Wait until another item is on the screen."""
        self.page.wait_for_function("id => document.querySelector('[data-item]')?.dataset.item !== id", arg=item)

    def comes_to(self, item: str) -> None:
        """Wait until an item is on the screen."""
        self.page.wait_for_function("id => document.querySelector('[data-item]')?.dataset.item === id", arg=item)

    def saved(self) -> None:
        """Wait until everything is acknowledged."""
        self.page.wait_for_function(
            "() => Object.keys(localStorage).every((key) => !key.startsWith('labelaudit:outbox:'))", timeout=60_000
        )

    def said(self) -> str:
        return self.page.locator("[data-part=said]").inner_text()


@pytest.fixture
def sit_down(chromium: Any) -> Iterator[Callable[..., Reviewer]]:
    """Open a browser of its own for a person; no page may have raised an error in the end."""
    sitting: list[Reviewer] = []

    def sit(server: Server, name: str, **options: Any) -> Reviewer:
        reviewer = Reviewer(chromium, server.url, name, **options)
        sitting.append(reviewer)
        return reviewer

    yield sit
    for reviewer in sitting:
        reviewer.context.close()
        assert reviewer.errors == []


def verdicts(audit: Path) -> dict[str, tuple[str, str]]:
    """Verdict and labels that stand, by item, of all people."""
    with open_store(audit) as store:
        return {row.item_id: (row.verdict, row.labels) for row in store.records.standings()}


def decisions(audit: Path) -> list[Any]:
    """Every decision ever recorded, first to last."""
    with open_store(audit) as store:
        return [event for event in store.records.history(viewer="ann") if event.action == "decide"][::-1]
