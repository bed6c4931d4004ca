"""The queue with ordinary buttons and the same keys, where the card's script cannot run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from labelaudit.errors import LabelAuditError
from labelaudit.reviewing import Card, Decision, Filter, Queue, Verdict, new_id
from labelaudit.ui.filter_bar import choose_view
from labelaudit.ui.plain_card import plain_card
from labelaudit.ui.session import Session, show_error
from labelaudit.ui.words import certificate_line, empty_state, opinions_line, progress_lines, unmarked

__all__ = ["show"]

_KEYS = {
    "Q": ("keep", "keep"),
    "A": ("people would differ", "ambiguous"),
    "M": ("several fit", "several_fit"),
    "N": ("none fits", "none_fits"),
    "E": ("exclude", "exclude"),
    "S": ("skip", "skip"),
}
_FIELDS: dict[str, Any] = {"plain-note": "", "plain-other": None, "plain-several": []}
"""Fields that belong to one item. They keep their places on the page, and are emptied for the next item."""


def show(session: Session) -> None:
    """Show one item of the queue."""
    view = choose_view(session)
    _one(session, session.queue(view.filter, view.effective_order))


@st.fragment
def _one(session: Session, queue: Queue) -> None:
    # A fragment runs again by itself, outside of the page that shows what goes wrong.
    try:
        _item(session, queue)
    except LabelAuditError as error:
        show_error(error)


def _item(session: Session, queue: Queue) -> None:
    cards = _hand(session, queue)
    standing = session.bench.standing(queue, exact=not cards)
    counts = standing.progress.counts
    lines = progress_lines(standing, learned=session.bench.learned)
    st.caption(" · ".join([f"{counts.decided:,} of {counts.total:,}", *lines]))
    st.caption(certificate_line(session.bench.health, session.bench.check))
    st.text(st.session_state.get("plain_said", ""))
    if not cards:
        state = empty_state(standing, queue.filter)
        st.subheader(state["title"], anchor=False)
        for line in state["lines"]:
            st.text(line)
        return
    card, shown = cards[0], session.bench.viewer.card(cards[0].item_id)
    if queue.filter.queue == "conflicts":
        st.text(opinions_line(queue.store.records.opinions_on([card.item_id]).get(card.item_id, [])))
    st.html(plain_card(card, shown))
    names = [entry["name"] for entry in shown["blind_classes" if card.blind else "classes"]]
    _buttons(session, queue, card, names)
    _fields(session, queue, card)


def _hand(session: Session, queue: Queue) -> list[Card]:
    """Return the item to show: with the last decision the next one was claimed in the same transaction."""
    claimed: tuple[Queue, list[Card]] | None = st.session_state.pop("plain_hand", None)
    if claimed is not None and claimed[0] == queue:
        return claimed[1][:1]
    return (queue.claim(1) if _may_judge(session, queue) else queue.page(limit=1))[:1]


def _may_judge(session: Session, queue: Queue) -> bool:
    return session.may_settle if queue.filter.queue == "conflicts" else session.may_judge


def _buttons(session: Session, queue: Queue, card: Card, names: list[str]) -> None:
    off = not _may_judge(session, queue)
    with st.container(horizontal=True):
        for place, name in enumerate(names, start=1):
            take, key = partial(_in_words, _relabel, session, queue, card, name), str(place)
            st.button(unmarked(name), key=f"class-{key}", shortcut=key, on_click=take, disabled=off)
    with st.container(horizontal=True):
        for key, (label, verdict) in _KEYS.items():
            decide = partial(_in_words, _decide, session, queue, card, verdict)
            st.button(label, key=f"plain-{verdict}", shortcut=key.lower(), on_click=decide, disabled=off)
        if card.suggested_label is not None and not card.blind:
            take = partial(_in_words, _relabel, session, queue, card, card.suggested_label)
            st.button("take suggestion", key="plain-accept", shortcut="w", on_click=take, disabled=off)
        st.button("undo", key="plain-undo", shortcut="z", on_click=partial(_in_words, _undo, queue), disabled=off)
        redo = partial(_in_words, _redo, queue)
        st.button("redo", key="plain-redo", shortcut="y", on_click=redo, disabled=off)


def _fields(session: Session, queue: Queue, card: Card) -> None:
    classes = session.bench.audit.classes
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.multiselect("Labels that fit (then M)", classes, key="plain-several", placeholder="for “several fit”")
        other = st.selectbox("Another class", classes, None, key="plain-other", placeholder="when it has no button")
        st.text_input("Note", key="plain-note", placeholder="kept with your next decision")
        if other is not None:
            st.button("Take this class", on_click=partial(_in_words, _relabel, session, queue, card, other))


def _in_words(act: Callable[..., None], *given: Any) -> None:
    """Do what a button stands for; what goes wrong is said above the item, and the fields keep what is in them."""
    try:
        act(*given)
    except LabelAuditError as error:
        st.session_state["plain_said"] = f"{error.problem} {error.fix}".strip()


def _relabel(session: Session, queue: Queue, card: Card, label: str) -> None:
    if label == card.given_label:
        _decide(session, queue, card, "keep")
    else:
        _decide(session, queue, card, "relabel", (label,))


def _decide(session: Session, queue: Queue, card: Card, verdict: str, labels: tuple[str, ...] = ()) -> None:
    if verdict == "several_fit":
        labels = tuple(st.session_state.get("plain-several", ()))
        if len(labels) < 2:
            st.session_state["plain_said"] = "Choose two or more labels that fit in the field below, then press M."
            return
    decision = Decision(
        id=new_id(),
        item_id=card.item_id,
        verdict=Verdict(verdict),
        labels=labels,
        note=st.session_state.get("plain-note", ""),
        version=card.version,
        content_hash=card.content_hash,
        settles=queue.filter.queue == "conflicts",
    )
    answer = queue.decide([decision], then_claim=1)
    outcome = answer.outcomes[0]
    st.session_state.update(_FIELDS | {"plain_hand": (queue, list(answer.cards))})
    session.bench.count_decisions(int(outcome.status == "acknowledged"), session.person)
    st.session_state["plain_said"] = outcome.message or f"{card.item_id}: {', '.join(labels) or verdict} · Z undo"


def _undo(queue: Queue) -> None:
    outcome = queue.undo()
    if len(outcome.item_ids) == 1:  # it comes back to the screen
        back = queue.where(Filter(queue="all", item_ids=outcome.item_ids)).claim(1)
        st.session_state.update(_FIELDS | {"plain_hand": (queue, back)})
    st.session_state["plain_said"] = outcome.message or f"{', '.join(outcome.item_ids)} taken back · Y redo"


def _redo(queue: Queue) -> None:
    outcome = queue.redo()
    st.session_state.update(_FIELDS)
    st.session_state["plain_said"] = outcome.message or f"{', '.join(outcome.item_ids)} decided as before · Z undo"
