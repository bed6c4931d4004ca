"""What the server sends beside Streamlit's own: the pages' frame, and plotly.js, which browsers may keep."""

from __future__ import annotations

import hashlib
import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from labelaudit.ui.pages import FIRST, PAGES

__all__ = ["PLOTLY", "SCRIPT", "open_browser", "routes"]

SCRIPT = Path(__file__).with_name("script.py")
"""The script that Streamlit runs for each change on a page."""

_FILE = Path(__file__).parent / "plot" / "plotly" / "plotly-gl2d.min.js"
PLOTLY = f"labelaudit/{hashlib.sha256(_FILE.read_bytes()).hexdigest()[:16]}/{_FILE.name}"
"""Address of plotly.js below the server's; another version has another address."""

_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASK_AGAIN = {"Cache-Control": "no-cache"}
# Streamlit's page looks for its server below its own address first, as in /map/_stcore/health, and rests for a tenth of
# a second before it looks one level higher. It can be told; a version that cannot looks as before.
_WHERE = '<script>window.__streamlit ??= { BACKEND_BASE_URL: new URL(".", location.href).href };</script>'
# What stands in for a page that is not there yet glows, sixty times a second. Without a graphics card that keeps all
# processors from making the page.
_STILL = '<style>[data-testid="stSkeleton"], [data-testid="stSkeleton"] * { animation: none !important; }</style>'


def routes() -> list[Route]:
    """Return what is served beside Streamlit's own routes."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    root = f"/{base}/" if base else "/"
    addresses = ["" if page == FIRST else page for page in PAGES]
    return [Route(root + PLOTLY, _plotly), *(Route(root + address, _page) for address in addresses)]


def _plotly(_: Request) -> Response:
    # Streamlit would send it, and compress it, each time that a figure is opened.
    return FileResponse(_FILE, media_type="text/javascript", headers=_FOR_GOOD)


def _page(_: Request) -> Response:
    frame = files("streamlit").joinpath("static", "index.html").read_text(encoding="utf-8")
    return HTMLResponse(frame.replace("<head>", f"<head>{_WHERE}{_STILL}", 1), headers=_ASK_AGAIN)


@asynccontextmanager
async def open_browser(_: Any) -> AsyncIterator[None]:
    """Open the browser when the server starts, unless it was told not to."""
    if not st.get_option("server.headless"):
        host = st.get_option("server.address")
        here = "localhost" if host in {None, "", "0.0.0.0", "127.0.0.1", "::"} else host  # noqa: S104 -- not bound to
        named = f"[{here}]" if ":" in here else here
        address = f"http://{named}:{st.get_option('server.port')}/{st.get_option('server.baseUrlPath') or ''}"
        # The port is bound already. Some browsers return only when they are closed.
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
    yield
