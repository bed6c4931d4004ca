"""Hostile data in a real Chromium: nothing of it runs, and nothing is fetched from elsewhere."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

import labelaudit as la
from tests.ui.conftest import enroll
from tests.ui.test_pages_in_browser import PAGES, settled
from tests.viewing.test_viewing import HOSTILE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

CLASSES = ("<img src=x onerror='window.hacked = true'>", "**bold** [x](http://192.0.2.1) :smile: $x$")


def test_no_page_runs_or_fetches_anything_of_the_data(tmp_path, serve, sit_down):
    with (tmp_path / "data.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label", "channel"])
        for k in range(80):
            text = f"{list(HOSTILE.values())[k % len(HOSTILE)]} number {k}"
            writer.writerow([f"<b>{k}</b>", text, CLASSES[k % 2], "<script>window.hacked = true</script>"])
    audit = la.audit(la.read(tmp_path / "data.csv", text="text", group="channel"))
    folder = tmp_path / "hostile.audit"
    replace(audit, items=audit.items.assign(is_suspect=True)).save(folder)
    enroll(folder)
    server = serve(folder)
    ann = sit_down(server, "ann")
    foreign = []
    ann.page.on("request", lambda request: foreign.append(request.url) if not _own(request.url, server.url) else None)
    ann.open()
    for _ in range(len(HOSTILE)):
        ann.press("a")
    ann.saved()
    for name, address in PAGES.items():
        ann.open(address)
        settled(ann.page, name)
        assert ann.page.evaluate("window.hacked") is None, name
        assert ann.page.get_by_text("That did not work").count() == 0, name
    assert foreign == []


def _own(url: str, server: str) -> bool:
    return url.startswith((server, server.replace("http", "ws"), "data:", "blob:"))
