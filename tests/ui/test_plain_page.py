"""The queue without script: what goes wrong is said in words, also where a part of the page runs by itself."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from labelaudit.errors import StoreUnavailableError
from labelaudit.reviewing import Queue


def _page(folder: str) -> None:
    """Run as the script of the page: it sees nothing of this module."""
    from labelaudit.ui.plain_page import show
    from labelaudit.ui.session import Session
    from labelaudit.ui.workbench import Workbench

    bench = Workbench(folder)
    bench.enter("ann")
    show(Session(bench, "ann", "lead"))


@pytest.fixture
def page(audit_folder) -> AppTest:
    shown = AppTest.from_function(_page, args=(str(audit_folder),), default_timeout=30).run()
    assert not shown.exception
    return shown


def _away(*_args, **_kwargs):
    raise StoreUnavailableError("The review store is away.", "Start its server.")


@pytest.mark.parametrize("key", ["plain-keep", "plain-undo", "plain-redo", "plain-accept", "class-1"])
def test_a_store_that_is_away_when_a_button_is_pressed_is_said(page, monkeypatch, key):
    page.text_input(key="plain-note").set_value("mind this")
    for name in ("decide", "undo", "redo"):
        monkeypatch.setattr(Queue, name, _away)
    page.button(key=key).click().run()
    assert not page.exception
    assert "The review store is away. Start its server." in [text.value for text in page.text]
    assert page.text_input(key="plain-note").value == "mind this", "nothing was decided, so the note stays"


def test_a_store_that_is_away_when_an_item_is_fetched_is_said(page, monkeypatch):
    monkeypatch.setattr(Queue, "claim", _away)
    page.run()
    assert not page.exception
    assert [head.value for head in page.subheader] == ["That did not work"]
    monkeypatch.undo()
    page.run()
    assert not page.subheader
    page.button(key="plain-keep").click().run()
    assert any("Z undo" in text.value for text in page.text)
