"""Take the pictures of the review page in the documentation: the sample data in a real Chromium.

python tools/review_pictures.py docs/images
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

SAMPLES = Path(__file__).parent.parent / "sample_data"
AUDITS = {
    "tickets": ["tickets.csv", "--group", "channel"],
    "digits": ["digits"],
    "machines": ["machines.csv", "--label", "fault", "--group", "inspector"],
}
PICTURES = [
    ("review-queue", "tickets", "", "light"),
    ("review-image", "digits", "", "light"),
    ("review-row", "machines", "", "light"),
    ("review-overview", "tickets", "overview", "light"),
    ("review-table", "tickets", "table", "light"),
    ("review-map-dark", "tickets", "map", "dark"),
    ("review-confusion", "tickets", "confusion", "light"),
    ("review-check", "tickets", "?queue=check", "light"),
]
"""Name of the file, audit, page and theme."""
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]  # the map needs WebGL
SETTLED_S = 6  # pages have drawn themselves by then


def audit(name: str, folder: Path) -> Path:
    """Audit a sample as the README does."""
    data, *options = AUDITS[name]
    out = folder / f"{name}.audit"
    command = [sys.executable, "-m", "labelaudit", "audit", str(SAMPLES / data), *options, "--out", str(out)]
    subprocess.run(command, check=True)  # noqa: S603 - our own command on our own data
    return out


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the review page of an audit."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "labelaudit", "review", str(folder), "--as", "ann", "--headless"]
    server = subprocess.Popen([*command, "--port", str(port)])  # noqa: S603 - our own command
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=2)  # noqa: S310 - this machine
                break
            except OSError:
                if server.poll() is not None:
                    raise
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def picture(browser: Any, url: str, theme: str, path: Path) -> None:
    """Take one picture."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=theme)
    page.goto(url)
    page.wait_for_timeout(1000 * SETTLED_S)
    if page.get_by_role("button", name="Draw the random check").count():
        page.get_by_role("button", name="Draw the random check").click()
        page.wait_for_timeout(1000 * SETTLED_S)
    page.screenshot(path=path)
    page.context.close()


def main(target: Path) -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name in AUDITS:
            with served(audit(name, Path(scratch))) as url:
                for file, of, page, theme in PICTURES:
                    if of == name:
                        picture(browser, f"{url}/{page}", theme, target / f"{file}.png")
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path, help="folder that the pictures are put into, docs/images say")
    main(parser.parse_args().target)
