"""What the pages say, what they show as HTML, and how they remember numbers; without a browser."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from labelaudit.errors import StoreError
from labelaudit.health import Health
from labelaudit.residual import draw_check, summarize_check
from labelaudit.reviewing import Card, Counts
from labelaudit.reviewing.queue import Progress
from labelaudit.reviewing.standing import Standing
from labelaudit.ui import measures
from labelaudit.ui.measures import Measures
from labelaudit.ui.plain_card import plain_card
from labelaudit.ui.words import EVENTS, certainty_lines, certificate_line, progress_lines
from labelaudit.verdicts import Action

HEALTH = Health(items=1000, assessed=1000, unlabelled=0, not_assessable=0, suspects=90, ambiguous=50,
                suspect_errors=63.0, expected_errors=100.0, expected_errors_range=(40.0, 200.0),
                range_kind="by the model", agreement=0.85,
                classes=())  # fmt: skip
STANDING = Standing(progress=Progress(Counts(open=70, decided=30), {"relabel": 24, "keep": 6}), errors_left=50.0,
                    chance_ahead=0.6, seconds_per_decision=None, expected_among_decided=27.0)  # fmt: skip


def test_the_certificate_says_what_it_would_take():
    line = certificate_line(HEALTH, None)
    assert line.startswith("No stopping certificate")
    assert "299 random items" in line
    assert 0.99**299 <= 0.05 < 0.99**298
    assert "120 random items" in certificate_line(replace(HEALTH, assessed=120), None)
    assert "Random check" in line


def test_a_random_check_takes_the_place_of_the_missing_certificate():
    check = draw_check([0.1] * 300, 60)
    summary = summarize_check(check, [True] * 6 + [False] * 54, [1] * 60, found=5)
    low, high = summary.estimate.interval
    line = certificate_line(HEALTH, summary)
    assert f"of 300 labels; {low:.0f} to {high:.0f} (95% confidence interval from 60 random checks" in line
    assert "5 found so far" in line
    assert line in certainty_lines(HEALTH, summary)
    begun = summarize_check(check, [0] * 60, [1] * 29 + [0] * 31)
    assert certificate_line(HEALTH, begun).startswith("No stopping certificate: no interval yet; 29 of 60")


def test_a_model_that_promised_too_much_is_told_and_one_that_kept_its_word_is_not():
    assert progress_lines(STANDING, learned=0)[0] == "80% of decided labels were wrong"
    few = replace(STANDING, progress=Progress(Counts(open=70, decided=30), {"relabel": 3, "keep": 27}))
    assert progress_lines(few, learned=0)[0] == (
        "10% of decided labels were wrong; the model expected 90%. It is too sure of itself here"
    )
    early = replace(few, progress=Progress(Counts(open=70, decided=10), {"keep": 10}))
    assert "expected" not in progress_lines(early, learned=0)[0]


def test_the_plain_card_is_data_and_never_markup():
    evil = "<script>x</script><img src=x onerror=y>\"'&"
    card = Card(item_id=evil, row=0, content_hash="", given_label=evil, suggested_label=evil,
                suggested_probability=0.9, suspicion=0.9, ambiguity=0.1, kind=None, status="open", verdict=None,
                label=None, version=0)  # fmt: skip
    near = [{"name": evil, "items": [{"text": evil}, {"text": evil, "src": "data:image/png;base64,AA"}]}]
    cells = [{"name": evil, "value": evil, "why": evil}, {"name": "b", "value": None, "why": ""}]
    contents = (
        {"kind": "text", "text": evil},
        {"kind": "table", "cells": cells},
        {"kind": "image", "src": "data:image/png;base64,AA", "name": evil, "width": 32, "height": 16},
        {"kind": "none", "message": evil},
    )  # fmt: skip
    for content in contents:
        page = plain_card(card, {"content": {**content, "notes": [evil]}, "reasons": evil, "neighbors": near})
        assert "<script" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;" in page
    blind = plain_card(replace(card, blind=True, suggested_label="secret"),
                       {"content": {**contents[0], "notes": []}, "reasons": "hint", "neighbors": near})  # fmt: skip
    assert "secret" not in blind
    assert "hint" not in blind
    assert "nearest" not in blind


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(measures, "time", SimpleNamespace(monotonic=lambda: now.value))
    return now


def settle():
    """Wait until nothing is measured any more."""
    for thread in threading.enumerate():
        if thread.name == "measure":
            thread.join(20)
            assert not thread.is_alive()


def test_an_old_number_is_shown_while_a_new_one_is_measured(clock):
    kept, values = Measures(), iter(range(10))
    assert kept.get("k", lambda: next(values)) == 0
    clock.value += 2
    assert kept.get("k", lambda: next(values)) == 0
    clock.value += 2
    assert kept.get("k", lambda: next(values)) == 0  # nobody waits
    settle()
    assert kept.get("k", lambda: next(values)) == 1
    clock.value += 61
    assert kept.get("k", lambda: next(values)) == 2  # too old to be shown
    assert kept.get("k", lambda: next(values), exact=True) == 3
    kept.forget()
    assert kept.get("k", lambda: next(values)) == 4


def test_a_dear_number_is_measured_again_sooner_at_rest(clock):
    kept, values = Measures(), iter(range(10))

    def costs_two_seconds():
        clock.value += 2
        return next(values)

    assert kept.get("k", costs_two_seconds) == 0
    clock.value += 10
    for at_rest in (False, True):
        assert kept.get("k", costs_two_seconds, at_rest=at_rest) == 0
        settle()
        assert kept.get("k", costs_two_seconds) == int(at_rest)


def test_a_number_from_before_a_change_is_told_from_one_after_it(clock):
    kept = Measures()
    assert not kept.is_from("k", 0.0)
    kept.get("k", lambda: 1)
    assert kept.is_from("k", clock.value)
    clock.value += 1
    assert not kept.is_from("k", clock.value)
    kept.get("k", lambda: 2, exact=True)
    assert kept.is_from("k", clock.value)


def test_a_number_that_cannot_be_measured_again_stays(clock):
    kept = Measures()
    assert kept.get("k", lambda: 1) == 1
    clock.value += 5

    def fails():
        raise StoreError("The database is away.")

    for _ in range(2):  # and it is tried again
        assert kept.get("k", fails) == 1
        settle()
    clock.value += 100
    with pytest.raises(StoreError, match="away"):
        kept.get("k", fails)


def test_every_event_has_words_on_the_page_of_history():
    assert set(EVENTS) == set(map(str, Action))
