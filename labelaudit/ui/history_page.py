"""History: who decided what and when, what held before, and taking it back."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pandas as pd
import streamlit as st

from labelaudit.reviewing import Event
from labelaudit.ui.session import Session
from labelaudit.ui.words import EVENTS, VERDICTS

__all__ = ["show"]

_EVENTS = 500
_DECISIONS = {"decide", "adjudicate"}


def show(session: Session) -> None:
    """Show the latest events, as far as the person may see them."""
    st.title("History")
    people = [person.name for person in session.bench.store.team.people()]
    with st.container(horizontal=True):
        person = st.selectbox("Person", people, None, placeholder="everybody")
        item_id = st.text_input("Item id", placeholder="any").strip()
    queue = session.queue()
    events = queue.history(item_id=item_id or None, of_person=person, limit=_EVENTS)
    if not events:
        st.write("Nothing has happened yet. Every decision, undo and change of the team will stand here.")
        return
    st.caption(
        f"The latest {len(events):,} events." + (" Tick a decision to take it back." if session.may_judge else "")
    )
    chosen = st.dataframe(
        _table(events),
        hide_index=True,
        column_config={"When": st.column_config.DatetimeColumn(format="localized")},
        height=520,
        on_select="rerun",
        selection_mode="single-row",
        key=f"history-{st.session_state.get('history_turn', 0)}",
    )
    said = st.session_state.pop("history_said", None)
    if said:
        st.text(said)
    if chosen.selection.rows:
        _one(session, events[chosen.selection.rows[0]])


def _one(session: Session, event: Event) -> None:
    if event.item_id is None:
        return
    with st.container(horizontal=True):
        if st.button("Open this item"):
            session.open_queue(item=event.item_id, queue="all")
        mine = event.person == session.person
        if event.action not in _DECISIONS or not (session.is_lead or (mine and session.may_judge)):
            return
        if st.button("Take this decision back"):
            _take_back(session, event.id)
        if event.bulk and st.button("Take the whole bulk action back"):
            _take_back(session, event.bulk)


def _take_back(session: Session, target: str) -> None:
    outcome = session.queue().undo(target)
    session.bench.forget()
    st.session_state["history_said"] = outcome.message or f"Taken back: {', '.join(outcome.item_ids[:10])}."
    st.session_state["history_turn"] = st.session_state.get("history_turn", 0) + 1
    st.rerun()


def _table(events: list[Event]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "When": [dt.datetime.fromtimestamp(event.at / 1000, dt.UTC) for event in events],
            "Who": [event.person for event in events],
            "What": [EVENTS[event.action] for event in events],
            "Item": [event.item_id or "" for event in events],
            "Before": [_spoken(event.before) for event in events],
            "After": [_spoken(event.after) for event in events],
            "Note": [_note(event.after) for event in events],
            "Bulk": ["yes" if event.bulk is not None and event.item_id is not None else "" for event in events],
        }
    )


def _spoken(side: str | None) -> str:
    values: dict[str, Any] = {} if side is None else json.loads(side)
    if "verdict" in values:
        labels = ", ".join(values["labels"]) or (values["given_label"] if values["verdict"] == "keep" else "")
        return VERDICTS[values["verdict"]] + (f": {labels}" if labels else "")
    plain = {name: value for name, value in values.items() if isinstance(value, str | int | float | bool)}
    return ", ".join(f"{name} {value}" for name, value in plain.items())


def _note(side: str | None) -> str:
    values: dict[str, Any] = {} if side is None else json.loads(side)
    return str(values.get("note", ""))
