"""The queue in a real Chromium: keys, outbox, reload, outage, and what the database says after each."""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import replace
from typing import Any

import pytest

import labelaudit as la
from labelaudit.reviewing import Filter, open_store
from tests.ui.conftest import decisions, enroll, verdicts

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

KEYS = {"q": "keep", "a": "ambiguous", "m": "several_fit", "n": "none_fits", "e": "exclude", "s": "skip"}


def test_a_queue_is_worked_by_keyboard_alone(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    given = {}
    for key in ["q", "w", "a", "m", "n", "e", "s", "1", "2", "9"] * 3:
        if key == "m":
            ann.page.keyboard.press("m")  # opens the choice, in which the given and the suggested label are ticked
            given[ann.press("Enter")] = key
        else:
            given[ann.press(key)] = key
    assert len(given) == 30
    ann.saved()
    stored = verdicts(audit_folder)
    items = open_items(audit_folder)
    for item, key in given.items():
        if key in KEYS:
            assert stored[item][0] == KEYS[key], (item, key)
            labels = {items[item]["given"], items[item]["suggested"]} if key == "m" else set()
            assert set(json.loads(stored[item][1])) == labels
        elif key == "w":
            assert stored[item] == ("relabel", json.dumps([items[item]["suggested"]])), item
        else:
            label = json.loads(stored[item][1])
            assert stored[item][0] == ("relabel" if label else "keep")
    taken_back = list(given)[:-4:-1]
    for item in taken_back:
        ann.page.keyboard.press("z")
        ann.comes_to(item)
    ann.saved()
    assert not set(taken_back) & set(verdicts(audit_folder))
    ann.page.keyboard.press("y")
    ann.leaves(taken_back[2])
    ann.saved()
    again = verdicts(audit_folder)
    assert taken_back[2] in again
    assert not {taken_back[0], taken_back[1]} & set(again)
    assert len(decisions(audit_folder)) == 30


def open_items(audit_folder) -> dict[str, dict[str, Any]]:
    items = la.load(audit_folder).items
    return {
        str(item): {"given": row["given_label"], "suggested": row["suggested_label"]} for item, row in items.iterrows()
    }


def test_reload_links_and_filters_come_back_to_the_same_item(audit_folder, serve, sit_down):
    server = serve(audit_folder)
    ann = sit_down(server, "ann")
    ann.open()
    for _ in range(3):
        ann.press("q")
    here = ann.card()
    ann.page.reload()
    assert ann.card() == here
    items = open_items(audit_folder)
    label = items[here]["given"]
    ann.open(f"/?given={label}")
    assert items[ann.card()]["given"] == label
    assert f"given={label}" in ann.page.url
    ann.page.reload()
    assert items[ann.card()]["given"] == label
    ann.saved()
    unclaimed = list(items)[-5]
    ann.open(f"/?queue=all&item={unclaimed}")
    assert ann.card() == unclaimed
    ann.press("q")
    ann.saved()
    assert verdicts(audit_folder)[unclaimed][0] == "keep"


def test_a_link_is_followed_once(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    asked = ann.card()
    ann.open(f"/?item={asked}")
    assert ann.press("a") == asked
    seen = []
    for _ in range(4):  # each answer of the server could bring it back
        ann.saved()
        seen.append(ann.press("q"))
    assert asked not in seen
    ann.saved()
    assert len(decisions(audit_folder)) == 5


def test_choosing_a_filter_turns_the_queue(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    ann.card()
    ann.page.get_by_role("combobox", name="Queue").click()
    ann.page.get_by_role("option", name="Ambiguous items").click()
    ann.page.wait_for_url("**queue=ambiguous**")
    with open_store(audit_folder) as store:
        first = store.page(Filter(queue="ambiguous"), "ambiguity", person="ann", limit=1)[0]
    ann.comes_to(first.item_id)


def test_twenty_fast_presses_are_twenty_decisions_on_painted_cards(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    ann.card()
    ann.page.evaluate(
        """() => {
            window.painted = [document.querySelector('[data-item]').dataset.item];
            new MutationObserver(() => window.painted.push(document.querySelector('[data-item]')?.dataset.item))
              .observe(document.body, {attributes: true, subtree: true, attributeFilter: ['data-item']});
        }"""
    )
    pressed = [ann.press("q") for _ in range(20)]  # each as soon as the card before it has gone
    ann.saved()
    assert [event.item_id for event in decisions(audit_folder)] == pressed
    assert len(set(pressed)) == 20
    assert set(pressed) <= set(ann.page.evaluate("window.painted"))


def test_a_held_key_and_a_double_click_count_once(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    ann.card()
    for _ in range(25):
        ann.page.keyboard.down("q")  # every down after the first is a repeat
    ann.page.keyboard.up("q")
    ann.saved()
    assert len(decisions(audit_folder)) == 1
    ann.page.get_by_role("button", name="keep").dblclick()
    ann.page.wait_for_timeout(500)
    ann.saved()
    assert len(decisions(audit_folder)) == 2


def test_another_queue_by_its_address_brings_its_own_items_at_once(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    skipped = {ann.press("s"), ann.press("s")}
    ann.saved()
    ann.open("/?queue=skipped")
    assert ann.card() in skipped
    ann.page.get_by_text("2 left").wait_for()


def test_what_a_closed_tab_held_comes_first_in_the_next(audit_folder, serve, sit_down):
    server = serve(audit_folder)
    ann = sit_down(server, "ann")
    ann.open()
    ann.press("q")
    ann.saved()
    first = ann.card()
    other = ann.context.new_page()
    other.goto(server.url)
    other.wait_for_selector("[data-item]")
    assert other.get_attribute("[data-item]", "data-item") != first  # the first tab lives, and keeps what it holds
    other.close()
    ann.page.close()
    ann.page = ann.context.new_page()
    ann.open()
    assert ann.card() == first
    ann.page.wait_for_function(
        "() => Object.keys(localStorage).filter((key) => key.startsWith('labelaudit:tab:')).length === 1"
    )


def test_a_reload_at_any_moment_loses_nothing(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    pressed = []
    for pause in (0, 5, 20, 60, 150):
        pressed.append(ann.card())
        ann.page.keyboard.press("q")
        ann.page.wait_for_timeout(pause)
        ann.page.reload()
    ann.card()
    ann.saved()
    assert [event.item_id for event in decisions(audit_folder)] == pressed


def test_a_server_that_dies_for_ten_seconds_loses_and_doubles_nothing(audit_folder, serve, sit_down):
    server = serve(audit_folder)
    ann = sit_down(server, "ann")
    ann.open()
    pressed = [ann.press("q") for _ in range(3)]
    ann.saved()
    ann.page.wait_for_timeout(1000)
    server.kill()
    pressed += [ann.press("a") for _ in range(5)]
    ann.page.wait_for_selector("text=not saved yet: 5")
    time.sleep(10)
    server.start()
    ann.saved()
    assert [event.item_id for event in decisions(audit_folder)] == pressed


def test_two_reviewers_never_share_an_item(audit_folder, serve, sit_down):
    server = serve(audit_folder)
    ann, bob = sit_down(server, "ann"), sit_down(server, "bob")
    ann.open()
    ann.card()
    bob.open()
    seen = {"ann": set(), "bob": set()}
    for _ in range(10):
        seen["ann"].add(ann.press("q"))
        seen["bob"].add(bob.press("q"))
    assert not (seen["ann"] | {ann.card()}) & (seen["bob"] | {bob.card()})
    ann.saved()
    bob.saved()
    by = {event.item_id: event.person for event in decisions(audit_folder)}
    assert by == {item: name for name, items in seen.items() for item in items}


def test_find_note_and_changed_keys(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    noted = ann.card()
    ann.page.keyboard.press("t")
    ann.page.get_by_label("Note, kept with your next decision").wait_for()
    ann.page.keyboard.type("asked the depot")
    ann.page.keyboard.press("Enter")
    ann.page.keyboard.press("f")
    ann.page.get_by_label("Find a class").wait_for()
    assert not ann.page.get_by_role("button", name="keep").is_visible()  # what is below the panel does nothing now
    ann.page.keyboard.type("invoice req")  # the class is written with an underscore
    ann.page.keyboard.press("Enter")
    ann.leaves(noted)
    ann.page.keyboard.press("k")
    ann.page.get_by_role("button", name="Key for keep").click()
    ann.page.keyboard.press("g")
    ann.page.get_by_role("button", name="Done").click()
    kept = ann.press("g")
    ann.page.reload()
    again = ann.press("g")
    ann.saved()
    with open_store(audit_folder) as store:
        standing = {row.item_id: row for row in store.records.standings()}
    assert standing[noted].note == "asked the depot"
    assert json.loads(standing[noted].labels) in (["invoice_request"], [])
    assert standing[kept].verdict == standing[again].verdict == "keep"


def test_a_card_says_how_many_classes_it_does_not_show(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    ann.card()
    shown = set(ann.page.locator("button.class .name").all_inner_texts())
    hidden = len(la.load(audit_folder).classes) - len(shown)
    assert hidden > 0
    ann.page.get_by_role("button", name=re.compile(f"^{hidden} more class")).click()
    ann.page.get_by_label("Find a class").wait_for()


def test_several_that_fit_are_chosen_by_number_and_by_name(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    here = ann.card()
    item = open_items(audit_folder)[here]
    listed = [name.removesuffix(" · given") for name in ann.page.locator(".class .name").all_inner_texts()]
    ann.page.keyboard.press("m")
    for name in (item["given"], item["suggested"]):
        ann.page.keyboard.press(str(listed.index(name) + 1))  # takes the tick away
    ann.page.keyboard.press("Enter")
    ann.page.get_by_text("Tick two or more labels").wait_for()
    ann.page.keyboard.press("Escape")
    assert ann.card() == here
    ann.page.keyboard.press("m")
    ann.page.keyboard.press(str(listed.index(item["given"]) + 1))
    ann.page.keyboard.press("f")
    ann.page.keyboard.type("invoice req")  # the class is written with an underscore
    ann.page.keyboard.press("Enter")
    ann.page.keyboard.press("Enter")
    ann.leaves(here)
    assert "several fit: " in ann.said()
    ann.saved()
    verdict, labels = verdicts(audit_folder)[here]
    assert verdict == "several_fit"
    assert set(json.loads(labels)) == {item["suggested"], "invoice_request"}


def test_blind_first_shows_the_suggestion_only_after_a_choice(audit_folder, serve, sit_down):
    with open_store(audit_folder) as store:
        store.team.set_rules(replace(store.team.rules(), blind_first=True), by="ann")
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    item = ann.card()
    suggested = open_items(audit_folder)[item]["suggested"]
    assert ann.page.locator("dd.suggested").count() == 0
    assert "Why it is here" not in ann.page.locator("[data-part=card]").inner_text()
    ann.page.keyboard.press("q")
    ann.page.wait_for_selector("dd.suggested")
    assert suggested in ann.page.locator("dd.suggested").inner_text()
    assert ann.card() == item
    ann.page.keyboard.press("w")  # a changed mind is one more key
    ann.leaves(item)
    ann.saved()
    assert verdicts(audit_folder)[item] == ("relabel", json.dumps([suggested]))
    with open_store(audit_folder) as store:
        first = store.records.first_answers()
    assert [(row.blind, row.accepted) for row in first] == [(True, 0)]


def test_a_viewer_may_look_but_not_decide(audit_folder, serve, sit_down):
    vic = sit_down(serve(audit_folder), "vic")
    vic.open()
    here = vic.card()
    vic.page.keyboard.press("q")
    vic.page.wait_for_selector("text=You may look, but not decide")
    assert vic.card() == here
    assert decisions(audit_folder) == []


def test_a_name_is_asked_once_and_unknown_people_are_told(audit_folder, serve, sit_down):
    server = serve(audit_folder)
    new = sit_down(server, "")
    new.open()
    new.page.get_by_label("Your name").fill("zoe")
    new.page.get_by_role("button", name="Start").click()
    new.page.wait_for_selector("text=A lead adds people")
    new.page.get_by_role("button", name="Use another name").click()
    new.page.get_by_label("Your name").fill("bob")
    new.page.get_by_role("button", name="Start").click()
    here = new.card()
    new.page.reload()
    assert new.card() == here


def test_the_server_stops_cleanly(audit_folder, serve):
    server = serve(audit_folder)
    assert server.interrupt() == 0
    assert "Stopped." in server.log.read_text()


def test_the_count_above_the_card_does_not_stay_behind(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    for _ in range(3):
        ann.press("q")
    # At rest: nobody touches anything, and the next sign of life would be a minute away.
    ann.page.locator("[data-part=progress]").get_by_text("3 of 150", exact=True).wait_for(timeout=30_000)


def test_all_keys_stand_in_one_line(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    ann.card()
    tops = [button.bounding_box()["y"] for button in ann.page.locator("[data-part=buttons] button").all()]
    assert len(tops) == 12
    assert len(set(tops)) == 1


def test_a_small_share_is_never_said_to_be_none(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    ann.open()
    ann.card()
    shares = ann.page.locator(".class .figure").all_inner_texts()
    assert shares
    assert "0%" not in shares


def test_who_comes_first_types_a_name_at_once(audited_tickets, serve, chromium, tmp_path):
    folder = tmp_path / "new.audit"
    shutil.copytree(audited_tickets, folder)
    server = serve(folder)
    page = chromium.new_context().new_page()
    page.goto(server.url)
    page.wait_for_function("document.activeElement.getAttribute('aria-label') === 'Your name'")
    page.keyboard.type("cyd")  # in place of the name of the account, which is chosen
    page.keyboard.press("Enter")
    page.get_by_text("cyd · lead").wait_for()
    page.context.close()


def test_a_lead_settles_disagreements_by_keyboard_and_leaves_one_for_later(audit_folder, serve, sit_down):
    with open_store(audit_folder) as store:
        store.team.set_rules(replace(store.team.rules(), opinions=2, overlap=1.0), by="ann")
    server = serve(audit_folder)
    ann, bob = sit_down(server, "ann"), sit_down(server, "bob")
    ann.open()
    disputed = [ann.press("w") for _ in range(3)]
    ann.saved()
    bob.open()
    assert [bob.press("a") for _ in range(3)] == disputed
    bob.saved()
    bob.open("/?queue=conflicts")
    bob.card()
    bob.page.get_by_text("a lead settles it").wait_for()
    ann.open("/?queue=conflicts")
    first = ann.press("s")
    assert ann.said() == f"{first} left for later"
    settled = [ann.press("w"), ann.press("w"), ann.press("w")]
    assert settled[-1] == first
    ann.page.get_by_text("There is no disagreement.").wait_for()
    ann.page.keyboard.press("z")
    ann.comes_to(first)
    ann.press("a")
    ann.saved()
    with open_store(audit_folder) as store:
        decided = store.records.decided()
    assert {item: str(decided[item].opinion.verdict) for item in disputed} == {
        item: "ambiguous" if item == first else "relabel" for item in disputed
    }


def test_a_finger_records_several_labels_and_leaves_each_panel(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann", has_touch=True)
    ann.page.set_viewport_size({"width": 390, "height": 844})
    ann.open()
    first = ann.card()
    for button in ("note", "find class…", "several fit…"):
        ann.page.get_by_role("button", name=button, exact=True).click()
        ann.page.get_by_role("button", name="Leave").click()
        ann.page.get_by_role("button", name="Leave").wait_for(state="detached")
    ann.page.get_by_role("button", name="note").click()
    ann.page.locator("textarea").fill("two things at once")
    ann.page.get_by_role("button", name="Keep", exact=True).click()
    ann.page.get_by_role("button", name="several fit…").click()
    ann.page.get_by_role("button", name="Record").click()
    ann.leaves(first)
    ann.saved()
    (event,) = decisions(audit_folder)
    assert "two things at once" in event.after
    assert verdicts(audit_folder)[first][0] == "several_fit"


def test_what_is_unusual_in_a_row_is_not_marked_before_a_blind_choice(sample_data, serve, sit_down, tmp_path):
    folder = tmp_path / "machines.audit"
    la.audit(la.read(sample_data / "machines.csv", label="fault")).save(folder)
    enroll(folder)
    with open_store(folder) as store:
        store.team.set_rules(replace(store.team.rules(), blind_first=True), by="ann")
    ann = sit_down(serve(folder), "ann")
    ann.open()
    shown = []
    for _ in range(12):
        ann.card()
        assert not ann.page.locator(".cells .unusual").count(), (
            "it is unusual for the given class, not for the suggested"
        )
        ann.page.keyboard.press("q")
        ann.page.get_by_text("Enter for the next").wait_for()
        shown.append(ann.page.locator(".cells .unusual").count())
        ann.press("Enter")
    assert sum(shown) > 0
