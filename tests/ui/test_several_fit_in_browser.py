"""Several labels that fit, recorded on the page without script and for many items at once."""

from __future__ import annotations

import json

import pytest

from tests.ui.conftest import decisions, verdicts
from tests.ui.test_pages_in_browser import settled

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

FITTING = ["order_status", "refund_status"]


def pick(page, field, names):
    """Choose several entries of a field by keyboard, and leave it."""
    page.get_by_role("combobox", name=field).click()
    for name in names:
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        page.locator(f"[data-tag][aria-label='{name}']:visible").first.wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("heading").first.or_(page.locator("[data-plain]")).first.click()
    page.wait_for_timeout(700)


def test_the_page_without_script_records_which_labels_fit(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open("/plain")
    settled(ann.page, "plain")
    shown = ann.page.get_attribute("[data-plain]", "data-plain")
    ann.page.keyboard.press("m")
    ann.page.get_by_text("Choose two or more labels that fit").wait_for()
    assert verdicts(audit_folder) == {}
    pick(ann.page, "Labels that fit (then M)", FITTING)
    ann.page.keyboard.press("m")
    ann.page.get_by_text(f"{shown}: {', '.join(FITTING)}").wait_for()
    assert {item: (verdict, json.loads(labels)) for item, (verdict, labels) in verdicts(audit_folder).items()} == {
        shown: ("several_fit", FITTING)
    }
    ann.page.wait_for_function("id => document.querySelector('[data-plain]')?.dataset.plain !== id", arg=shown)
    assert ann.page.locator("[data-tag]").count() == 0  # the next item starts with an empty field


def test_several_labels_fit_many_items_at_once_and_one_undo_takes_it_back(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open("/table")
    settled(ann.page, "table")
    canvas = ann.page.locator("[data-testid=stDataFrame] canvas").first.bounding_box()
    for row in range(3):
        ann.page.mouse.click(canvas["x"] + 16, canvas["y"] + 52 + 35 * row)
        ann.page.get_by_role("heading", name=f"{row + 1} item").wait_for()
    settled(ann.page, "table")
    ann.page.get_by_role("combobox", name="Decision").click()
    ann.page.keyboard.type("several fit")
    ann.page.keyboard.press("Enter")
    ann.page.get_by_role("combobox", name="Labels that fit").wait_for()
    assert ann.page.get_by_role("button", name="Apply to 3 items").is_disabled()
    pick(ann.page, "Labels that fit", FITTING)
    ann.page.get_by_text("What will change").wait_for()
    ann.page.get_by_role("button", name="Apply to 3 items").click()
    ann.page.get_by_text("3 items decided.").wait_for()
    stored = verdicts(audit_folder)
    assert {(verdict, tuple(json.loads(labels))) for verdict, labels in stored.values()} == {
        ("several_fit", tuple(FITTING))
    }
    assert len(stored) == 3
    assert len({event.bulk for event in decisions(audit_folder)}) == 1
    ann.page.get_by_role("button", name="Undo the whole action").click()
    ann.page.get_by_text("taken back.").wait_for()
    assert verdicts(audit_folder) == {}
