"""The report as a page: on a phone and on paper."""

from __future__ import annotations

from pathlib import Path

import pytest

import labelaudit as la
from labelaudit.reporting import REPORT_FORMATS, make_report


@pytest.fixture
def report_page(audited_tickets: Path, tmp_path: Path) -> str:
    file = tmp_path / "report.html"
    file.write_text(REPORT_FORMATS.get("html").render(make_report(la.load(audited_tickets))), encoding="utf-8")
    return file.as_uri()


@pytest.mark.slow
def test_no_column_is_cut_on_a_phone(chromium, report_page):
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    page.goto(report_page)
    widths = page.eval_on_selector_all(".wide", "parts => parts.map((part) => [part.scrollWidth, part.clientWidth])")
    assert len(widths) >= 4
    assert all(needed <= given for needed, given in widths)
    page.close()


@pytest.mark.slow
def test_on_paper_nothing_is_folded_away(chromium, report_page):
    page = chromium.new_page()
    page.goto(report_page)
    folded = "element => element.getBoundingClientRect().height"
    on_screen = page.eval_on_selector("details", folded)
    page.emulate_media(media="print")
    assert page.eval_on_selector("details", folded) > 1.5 * on_screen  # sentences instead of a line to click on
    assert not page.locator("summary").is_visible()
    page.close()
