"""The queue with ordinary buttons and the same keys, where the card's script cannot run."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from labelaudit.reviewing import Card, Decision, Queue, Verdict, new_id
from labelaudit.ui.filter_bar import choose_view
from labelaudit.ui.session import Session
from labelaudit.ui.words import empty_state, progress_lines, unmarked

__all__ = ["show"]

_KEYS = {
    "Q": ("keep", "keep"),
    "A": ("people would differ", "ambiguous"),
    "M": ("several fit", "several_fit"),
    "N": ("none fits", "none_fits"),
    "E": ("exclude", "exclude"),
    "S": ("skip", "skip"),
}


def show(session: Session) -> None:
    """Show one item of the queue."""
    view = choose_view(session)
    _one(session, session.queue(view.filter, view.effective_order))


@st.fragment
def _one(session: Session, queue: Queue) -> None:
    standing = session.bench.standing(queue)
    counts = standing.progress.counts
    lines = progress_lines(standing, learned=session.bench.learned)
    st.caption(" · ".join([f"{counts.decided:,} of {counts.total:,}", *lines]))
    st.text(st.session_state.get("plain_said", ""))
    cards = (queue.claim(1) if session.may_judge else queue.page(limit=1))[:1]
    if not cards:
        state = empty_state(standing, queue.filter)
        st.subheader(state["title"], anchor=False)
        for line in state["lines"]:
            st.text(line)
        return
    card, shown = cards[0], session.bench.viewer.card(cards[0].item_id)
    left, right = st.columns([3, 2])
    with left:
        _content(shown["content"])
        st.text(f"id {card.item_id}")
        if not card.blind and shown["reasons"]:
            st.text(f"Why it is here: {shown['reasons']}.")
    with right:
        st.text(f"given: {card.given_label or 'no label'}")
        if not card.blind and card.suggested_label is not None:
            st.text(f"suggested: {card.suggested_label}")
        names = [entry["name"] for entry in shown["blind_classes" if card.blind else "classes"]]
        _classes(session, queue, card, names)
    _buttons(session, queue, card)


def _content(content: dict[str, Any]) -> None:
    if content["kind"] == "text":
        st.text(content["text"])
    elif content["kind"] == "image":
        st.image(content["src"], alt=content["name"], width=min(480, max(160, content["width"])))
    elif content["kind"] == "table":
        cells = content["cells"]
        st.table(
            pd.DataFrame(
                {
                    "column": [cell["name"] for cell in cells],
                    "value": ["missing" if cell["value"] is None else cell["value"] for cell in cells],
                    "unusual": [cell["why"] for cell in cells],
                }
            ),
            hide_index=True,
        )
    else:
        st.text(content["message"])
    for note in content["notes"]:
        st.text(note)


def _classes(session: Session, queue: Queue, card: Card, names: list[str]) -> None:
    with st.container(horizontal=True):
        for place, name in enumerate(names, start=1):
            take = partial(_relabel, session, queue, card, name)
            label, key = unmarked(name), str(place)
            st.button(label, key=f"class-{key}", shortcut=key, on_click=take, disabled=not session.may_judge)
    other = st.selectbox("Another class", session.bench.audit.classes, None, key=f"other-{card.item_id}")
    if other is not None:
        st.button("Take this class", on_click=partial(_relabel, session, queue, card, other))


def _buttons(session: Session, queue: Queue, card: Card) -> None:
    note = st.text_input("Note", key=f"note-{card.item_id}")
    off = not session.may_judge
    with st.container(horizontal=True):
        for key, (label, verdict) in _KEYS.items():
            decide = partial(_decide, session, queue, card, verdict, note=note)
            st.button(label, key=f"plain-{verdict}", shortcut=key.lower(), on_click=decide, disabled=off)
        if card.suggested_label is not None and not card.blind:
            take = partial(_relabel, session, queue, card, card.suggested_label)
            st.button("take suggestion", key="plain-accept", shortcut="w", on_click=take, disabled=off)
        st.button("undo", key="plain-undo", shortcut="z", on_click=partial(_undo, session, queue), disabled=off)
        st.button("redo", key="plain-redo", shortcut="y", on_click=partial(_redo, session, queue), disabled=off)


def _relabel(session: Session, queue: Queue, card: Card, label: str) -> None:
    note = st.session_state.get(f"note-{card.item_id}", "")
    if label == card.given_label:
        _decide(session, queue, card, "keep", note=note)
    else:
        _decide(session, queue, card, "relabel", (label,), note=note)


def _decide(
    session: Session, queue: Queue, card: Card, verdict: str, labels: tuple[str, ...] = (), *, note: str = ""
) -> None:
    decision = Decision(
        id=new_id(),
        item_id=card.item_id,
        verdict=Verdict(verdict),
        labels=labels,
        note=note,
        version=card.version,
        content_hash=card.content_hash,
    )
    outcome = queue.decide([decision]).outcomes[0]
    session.bench.count_decisions(int(outcome.status == "acknowledged"), session.person)
    st.session_state["plain_said"] = outcome.message or f"{card.item_id}: {', '.join(labels) or verdict} · Z undo"


def _undo(session: Session, queue: Queue) -> None:
    outcome = queue.undo()
    session.bench.forget()
    st.session_state["plain_said"] = outcome.message or f"{', '.join(outcome.item_ids)} taken back · Y redo"


def _redo(session: Session, queue: Queue) -> None:
    outcome = queue.redo()
    session.bench.forget()
    st.session_state["plain_said"] = outcome.message or f"{', '.join(outcome.item_ids)} decided as before · Z undo"
