"""The other pages in a real Chromium: bulk by lasso, links between pages, both themes, accessibility."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

import labelaudit as la
from tests.conftest import ROOT
from tests.ui.conftest import decisions, enroll, verdicts

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

PAGES = {
    "queue": "/",
    "overview": "/overview",
    "table": "/table",
    "map": "/map",
    "confusion": "/confusion",
    "people": "/people",
    "history": "/history",
    "plain": "/plain",
}
SCREENSHOTS = ROOT / "test-artifacts" / "review"


def settled(page: Any, name: str) -> None:
    """Wait until a page has drawn everything."""
    if name == "queue":
        page.wait_for_selector("[data-item]")
    elif name == "plain":
        page.get_by_role("button", name="keep").wait_for()
    else:
        page.wait_for_selector("h1")
    if name in {"map", "confusion"}:
        page.wait_for_selector("[data-drawn]")
    page.wait_for_selector("[data-testid=stStatusWidget]", state="detached")
    page.wait_for_timeout(700)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_whole_and_open_to_everybody(theme, audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann", color_scheme=theme)
    ann.open()
    for key in "qwas":
        ann.press(key)
    ann.saved()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, address in PAGES.items():
        ann.open(address)
        settled(ann.page, name)
        ann.page.screenshot(path=SCREENSHOTS / f"{name}-{theme}.png")
        assert ann.page.get_by_text("That did not work").count() == 0, name
        assert ann.page.locator("[data-testid=stException]").count() == 0, name
        found[name] = barriers(ann.page)
    assert not any(found.values()), json.dumps(found, indent=1)


def barriers(page: Any) -> list[str]:
    """What keeps people who cannot see or point from using a page, as axe-core finds it."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
    return [
        f"{violation['id']}: {violation['help']} {[node['target'] for node in violation['nodes']][:3]}"
        for violation in found.response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_overview_begins_with_what_to_beware_of(theme, audited_tickets, tmp_path, serve, sit_down):
    audit = la.load(audited_tickets)
    folder = tmp_path / "tickets.audit"
    replace(audit, health={**audit.health, "association": 0.0}).save(folder)
    enroll(folder)
    ann = sit_down(serve(folder), "ann", color_scheme=theme)
    ann.open("/overview")
    settled(ann.page, "overview")
    ann.page.screenshot(path=SCREENSHOTS / f"overview-beware-{theme}.png")
    warning = ann.page.get_by_role("alert").filter(has_text="do not go with these labels")
    advice = ann.page.get_by_role("heading", name="What should I do now?")
    assert warning.bounding_box()["y"] < advice.bounding_box()["y"]
    assert not barriers(ann.page)


def test_a_lasso_relabels_many_and_one_undo_takes_it_back(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open("/map")
    settled(ann.page, "map")
    box = ann.page.locator(".js-plotly-plot .draglayer .nsewdrag").first.bounding_box()
    x, y = box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.1
    right, low = box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.95
    ann.page.mouse.move(x, y)
    ann.page.mouse.down()
    for corner in ((right, y), (right, low), (x, low), (x, y)):
        ann.page.mouse.move(*corner, steps=6)
    ann.page.mouse.up()
    ann.page.get_by_role("heading", name="chosen").wait_for()
    chosen = int(ann.page.get_by_role("heading", name="chosen").inner_text().split()[0].replace(",", ""))
    assert chosen > 20
    settled(ann.page, "map")
    ann.page.get_by_role("combobox", name="New label").click()
    ann.page.keyboard.type("refund_status")
    ann.page.keyboard.press("Enter")
    ann.page.get_by_role("button", name="Apply to").click()
    ann.page.get_by_text("items decided.").wait_for()
    stored = verdicts(audit_folder)
    assert len(stored) == chosen
    assert {labels for verdict, labels in stored.values() if verdict == "relabel"} == {'["refund_status"]'}
    assert {verdict for verdict, _ in stored.values()} <= {"relabel", "keep"}
    assert len({event.bulk for event in decisions(audit_folder)}) == 1
    ann.page.get_by_role("button", name="Undo the whole action").click()
    ann.page.get_by_text("taken back.").wait_for()
    assert verdicts(audit_folder) == {}


def test_a_pair_on_the_confusion_page_opens_its_queue(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open("/confusion")
    settled(ann.page, "confusion")
    cell = ann.page.locator(".js-plotly-plot .scatterlayer .point").first.bounding_box()
    ann.page.mouse.click(cell["x"] + cell["width"] / 2, cell["y"] + cell["height"] / 2)
    ann.page.wait_for_url("**given=**suggested=**")
    ann.card()
    given = ann.page.locator("dd.given").inner_text()
    assert f"given={given}" in ann.page.url


def test_the_page_without_script_decides_with_the_same_keys(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open("/plain")
    settled(ann.page, "plain")
    for key, said in (("q", "keep"), ("a", "ambiguous"), ("1", "·"), ("z", "taken back")):
        ann.page.keyboard.press(key)
        ann.page.get_by_text(said, exact=False).first.wait_for()
        ann.page.wait_for_timeout(600)
    assert sorted(verdict for verdict, _ in verdicts(audit_folder).values()) == ["ambiguous", "keep"]


def test_history_takes_a_decision_back(audit_folder: Path, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    ann.press("e")
    ann.saved()
    ann.open("/history")
    settled(ann.page, "history")
    canvas = ann.page.locator("[data-testid=stDataFrame] canvas").first.bounding_box()
    ann.page.mouse.click(canvas["x"] + 16, canvas["y"] + 52)  # the box of the first row
    ann.page.get_by_role("button", name="Take this decision back").click()
    ann.page.get_by_text("Taken back:").wait_for()
    assert verdicts(audit_folder) == {}
