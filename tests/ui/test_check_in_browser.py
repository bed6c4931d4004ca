"""The random check in a real Chromium: drawn, answered blind by two people, and counted, by keyboard alone."""

from __future__ import annotations

import pytest

import labelaudit as la
from labelaudit.loop import check_standing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


def shown(reviewer) -> str:
    return reviewer.page.locator("article").inner_text()


def choose(reviewer, label: str) -> None:
    """Answer with a class by keyboard: by its number if it is listed, else by its name."""
    names = reviewer.page.locator(".class .name").all_inner_texts()
    before = reviewer.card()
    if label in names:
        reviewer.page.keyboard.press(str(names.index(label) + 1))
    else:
        reviewer.page.keyboard.press("f")
        reviewer.page.keyboard.type(label)
        reviewer.page.keyboard.press("Enter")
    reviewer.leaves(before)


def answer_all(reviewer, given: dict[str, str]) -> list[str]:
    done = []
    while True:
        reviewer.page.wait_for_selector("[data-item], .empty h2:not(:text('Fetching'))")
        if not reviewer.page.locator("[data-item]").count():
            reviewer.saved()
            return done
        done.append(reviewer.card())
        choose(reviewer, given[done[-1]])


def test_a_check_is_drawn_answered_and_looked_at_again_by_keyboard(audit_folder, serve, sit_down):
    audit = la.load(audit_folder)
    given = {str(item): str(label) for item, label in audit.items["given_label"].items()}
    server = serve(audit_folder)
    ann, bob = sit_down(server, "ann"), sit_down(server, "bob")
    bob.open("/?queue=check")
    bob.page.get_by_role("heading", name="No random check has been drawn yet.").wait_for()
    assert not bob.page.get_by_role("button", name="Draw the random check").count(), "bob is no lead"
    ann.open("/?queue=check")
    ann.page.get_by_label("Items to draw").fill("12")
    ann.page.keyboard.press("Enter")
    first = ann.card()
    assert "queue=check" in ann.page.url
    assert ann.page.get_by_role("combobox").count() == 1, "what narrows a queue by labels would tell them"
    assert "Why it is here" not in shown(ann)
    assert "nearest" not in shown(ann)
    assert not ann.page.locator(".given, .suggested, .bar, .scores").count()
    for key in "qw":
        ann.page.keyboard.press(key)
        ann.page.locator("[data-part=said].problem").wait_for()
    assert ann.card() == first
    choose(ann, given[first])
    ann.page.keyboard.press("z")
    ann.comes_to(first)
    ann.page.reload()
    assert ann.card() == first
    assert "The count comes at the end." in ann.page.locator("[data-part=certificate]").inner_text()
    assert set(answer_all(ann, given)) == {item.item_id for item in check_standing(audit).record.batch.items}
    ann.page.get_by_text("Wrong labels: about").wait_for()
    standing = check_standing(audit)
    assert (standing.summary.answered, standing.people) == (12, ("ann",))
    again = ann.page.get_by_role("button", name="Ask for second looks at 10 items")
    again.focus()
    ann.page.keyboard.press("Enter")
    ann.page.get_by_text("10 items that you answered or skipped left to somebody else").wait_for()
    bob.open("/?queue=check")
    assert set(answer_all(bob, given)) == set(standing.to_look_again)
    bob.page.get_by_role("heading", name="The random check is finished.").wait_for()
    assert check_standing(audit).summary.looked_at_twice == 10


def test_other_pages_send_the_check_to_the_queue(audit_folder, serve, sit_down):
    ann = sit_down(serve(audit_folder), "ann")
    for page in ("/table", "/plain"):
        ann.open(f"{page}?queue=check")
        ann.page.get_by_text("The random check is answered on the page Queue; these are the suspects.").wait_for()
