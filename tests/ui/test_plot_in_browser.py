"""Figures in a real Chromium: what stays chosen, what is hidden, and a library that does not come."""

from __future__ import annotations

import json

import pytest

from tests.ui.test_pages_in_browser import settled

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


def chosen(page):
    """Return how many items are chosen."""
    heading = page.get_by_role("heading", name="chosen")
    heading.wait_for()
    return int(heading.inner_text().split()[0].replace(",", ""))


def draw_around(page, left, top, right, low):
    """Draw a lasso around a part of the map, in shares of its width and height."""
    box = page.locator(".js-plotly-plot .draglayer .nsewdrag").first.bounding_box()
    corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"])
               for x, y in ((left, top), (right, top), (right, low), (left, low), (left, top))]  # fmt: skip
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=6)
    page.mouse.up()


def marked(page):
    """Return ids that the figure shows as chosen."""
    return set(
        page.evaluate("""() => document.querySelector('.js-plotly-plot').data.flatMap(
        (trace) => (trace.selectedpoints ?? []).map((index) => trace.customdata[index]))""")
    )


def test_a_choice_stays_in_other_colours_and_leaves_out_what_is_hidden(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open("/map")
    settled(ann.page, "map")
    assert int(ann.page.get_attribute("[data-drawn]", "data-drawn")) == 900
    draw_around(ann.page, 0.02, 0.02, 0.98, 0.98)
    first = chosen(ann.page)
    ids = marked(ann.page)
    assert len(ids) == first > 500
    ann.page.get_by_role("radio", name="given label", exact=True).click()
    ann.page.wait_for_function(
        "() => document.querySelector('.js-plotly-plot').layout.legend.title.text === 'given label'"
    )
    settled(ann.page, "map")
    assert marked(ann.page) == ids
    assert chosen(ann.page) == first
    ann.page.locator(".legendtoggle").first.click()
    ann.page.wait_for_function("() => document.querySelector('.js-plotly-plot').data[0].visible === 'legendonly'")
    hidden = json.loads(
        ann.page.evaluate("() => JSON.stringify(document.querySelector('.js-plotly-plot').data[0].customdata)")
    )
    draw_around(ann.page, 0.03, 0.03, 0.97, 0.97)
    ann.page.wait_for_function(
        "(most) => parseInt([...document.querySelectorAll('h3')].find((h) => h.innerText.includes('chosen'))"
        "?.innerText.replace(',', '') ?? '9999') < most", arg=first - len(ids & set(hidden)) + 1,
    )  # fmt: skip


def test_a_click_on_a_point_chooses_it_and_opens_it_as_a_queue(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open("/map")
    settled(ann.page, "map")
    place = ann.page.evaluate("""() => {
        const plot = document.querySelector('.js-plotly-plot');
        const { _fullLayout: { xaxis, yaxis } } = plot;
        const trace = plot._fullData.at(-1); // drawn on top
        const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
        return [trace.customdata[0], box.x + xaxis.c2p(trace.x[0]), box.y + yaxis.c2p(trace.y[0])];
    }""")
    ann.page.mouse.move(place[1] - 3, place[2])
    ann.page.mouse.move(place[1], place[2])
    ann.page.locator(".hoverlayer").get_by_text(place[0]).wait_for()
    ann.page.mouse.click(place[1], place[2])
    assert chosen(ann.page) == 1
    ann.page.get_by_role("button", name="Open as a queue").click()
    assert ann.card() == place[0]


def test_a_library_that_does_not_come_is_said_where_the_map_would_be(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.page.route("**/plotly-gl2d.min.js", lambda route: route.abort())
    ann.open("/map")
    ann.page.get_by_text("The figure could not be loaded").wait_for()
    ann.page.unroute("**/plotly-gl2d.min.js")
    ann.page.get_by_role("radio", name="ambiguity", exact=True).click()
    ann.page.wait_for_selector("[data-drawn]")
    assert ann.page.get_by_text("The figure could not be loaded").count() == 0
