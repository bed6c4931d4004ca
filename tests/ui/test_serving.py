"""What is served beside Streamlit's own: the frame of the pages, plotly.js, and the browser that opens."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from labelaudit.ui import serving
from labelaudit.ui.pages import FIRST, PAGES


@pytest.mark.parametrize(("base", "root"), [("", "/"), ("team/labels", "/team/labels/")])
def test_every_page_and_the_library_have_a_route_below_the_base(monkeypatch, base, root):
    monkeypatch.setattr(serving.st, "get_option", {"server.baseUrlPath": base}.get)
    paths = {route.path for route in serving.routes()}
    assert paths == {root, root + serving.PLOTLY} | {root + page for page in PAGES if page != FIRST}


def opened(monkeypatch, **options):
    """Return the address that is opened when a server starts; None if none is."""
    found, done = [], threading.Event()
    monkeypatch.setattr(serving.st, "get_option", {"server.port": 8501, **options}.get)
    monkeypatch.setattr(serving.webbrowser, "open", lambda address: (found.append(address), done.set()))

    async def start():
        async with serving.open_browser(None):
            await asyncio.to_thread(done.wait, 0.5)

    with ThreadPoolExecutor(1) as apart:  # in the thread of the tests a browser may have its own loop
        apart.submit(asyncio.run, start()).result()
    return found[0] if found else None


def test_the_browser_opens_where_the_server_is(monkeypatch):
    headed = {"server.headless": False}
    assert opened(monkeypatch, **headed, **{"server.address": "127.0.0.1"}) == "http://localhost:8501/"
    assert opened(monkeypatch, **headed, **{"server.address": "0.0.0.0"}) == "http://localhost:8501/"
    assert opened(monkeypatch, **headed, **{"server.address": "box", "server.baseUrlPath": "x"}) == "http://box:8501/x"
    assert opened(monkeypatch, **headed, **{"server.address": "::1"}) == "http://[::1]:8501/"
    assert opened(monkeypatch, **{"server.headless": True}) is None


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_a_page_finds_its_server_at_once_and_the_library_comes_once(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    asked = []
    ann.page.on("request", lambda request: asked.append(request.url.removeprefix(ann.url)))
    sizes = []
    for _ in range(2):
        ann.open("/map?shared=link")
        ann.page.wait_for_selector("[data-drawn]")
        (entry,) = ann.page.evaluate(
            "() => performance.getEntriesByType('resource').filter((entry) => entry.name.includes('plotly-gl2d'))"
            ".map((entry) => entry.transferSize)"
        )
        sizes.append(entry)
    assert [address for address in asked if "/_stcore/health" in address] == ["/_stcore/health"] * 2
    assert sizes[0] > 100_000
    assert sizes[1] == 0
