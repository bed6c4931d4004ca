"""Decide on many items at once: choose, look at what will change, apply, and take it all back if it was wrong."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from labelaudit.reviewing import Answer, Card, Decision, Filter, Verdict, new_id
from labelaudit.ui.session import Session
from labelaudit.ui.words import VERDICTS, count_of

__all__ = ["LARGEST", "bulk_panel"]

LARGEST = 5_000
"""Items of one action, which is one transaction."""

_PREVIEWED = 20
_LABELS_NEEDED = {"relabel": 1, "several_fit": 2}


def bulk_panel(session: Session, ids: Sequence[str], *, count: int | None = None) -> None:
    """Show what can be done with the chosen items; `count` says how many are chosen where `ids` are not all of them."""
    _last_action(session)
    if not ids:
        st.caption("Choose items to decide on them together or to open them as a queue.")
        return
    chosen = list(dict.fromkeys(ids))
    if (count or len(chosen)) > LARGEST:
        st.text(f"{count or len(chosen):,} items are chosen; one action takes {LARGEST:,} of them.")
        chosen = chosen[:LARGEST]
    st.subheader(f"{count_of(len(chosen), 'item')} chosen", anchor=False)
    if st.button("Open as a queue"):
        st.session_state["selection"] = tuple(chosen)
        st.switch_page(session.pages["queue"], query_params={"queue": "all"})
    if not session.may_judge:
        st.caption("You may look, but not decide. A lead can change that.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        verdict = st.selectbox(
            "Decision", [v for v in VERDICTS if v != "skip"], format_func=VERDICTS.__getitem__, index=1
        )
        labels = _labels(session.bench.audit.classes, verdict)
    cards = session.queue(Filter(queue="all", item_ids=tuple(chosen))).page(limit=len(chosen))
    open_cards = [card for card in cards if card.status == "open"]
    _preview(session, open_cards, len(cards), verdict, labels)
    ready = bool(open_cards) and len(labels) >= _LABELS_NEEDED.get(verdict, 0)
    if st.button(f"Apply to {count_of(len(open_cards), 'item')}", disabled=not ready):
        _apply(session, open_cards, verdict, labels)
        st.rerun()


def _labels(classes: tuple[str, ...], verdict: str) -> tuple[str, ...]:
    """Ask for the labels that a verdict names."""
    if verdict == "relabel":
        label = st.selectbox("New label", classes, None)
        return () if label is None else (label,)
    return tuple(st.multiselect("Labels that fit", classes)) if verdict == "several_fit" else ()


def _preview(session: Session, cards: list[Card], chosen: int, verdict: str, labels: tuple[str, ...]) -> None:
    if chosen > len(cards):
        st.text(f"{count_of(chosen - len(cards), 'item')} already decided or disputed; these stay as they are.")
    shown = cards[:_PREVIEWED]
    named = ", ".join(labels)
    after = {"relabel": named or "choose a label", "several_fit": f"several fit: {named or 'choose two or more'}"}
    after["keep"] = ""
    lines = session.bench.viewer.lines([card.item_id for card in shown])
    table = pd.DataFrame(
        {
            "Item": [card.item_id for card in shown],
            "Given label": [card.given_label for card in shown],
            "will be": [after.get(verdict, VERDICTS[verdict]) or card.given_label for card in shown],
            "Content": [line["text"] for line in lines],
        }
    )
    if any("src" in line for line in lines):
        table.insert(1, "Image", [line.get("src") for line in lines])
    st.caption("What will change" + (f", first {_PREVIEWED}" if len(cards) > _PREVIEWED else ""))
    st.dataframe(table, hide_index=True, column_config={"Image": st.column_config.ImageColumn(width="small")})


def _apply(session: Session, cards: list[Card], verdict: str, labels: tuple[str, ...]) -> None:
    bulk = new_id()
    decisions = [
        Decision(
            id=new_id(),
            item_id=card.item_id,
            verdict=Verdict(verdict),
            labels=labels,
            version=card.version,
            content_hash=card.content_hash,
            bulk=bulk,
        )
        for card in cards
    ]
    answer = session.queue().decide(decisions)
    recorded = sum(outcome.status == "acknowledged" for outcome in answer.outcomes)
    session.bench.count_decisions(recorded, session.person)
    session.bench.forget()
    st.session_state["last_bulk"] = {"id": bulk if recorded else None, "said": _outcome(answer, recorded)}


def _outcome(answer: Answer, recorded: int) -> str:
    refused = [outcome.message for outcome in answer.outcomes if outcome.status == "refused"]
    said = f"{count_of(recorded, 'item')} decided."
    return f"{said} {len(refused):,} refused, such as: {refused[0]}" if refused else said


def _last_action(session: Session) -> None:
    last = st.session_state.get("last_bulk")
    if not last:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(last["said"])
        if last["id"] is not None and st.button("Undo the whole action"):
            outcome = session.queue().undo(last["id"])
            session.bench.forget()
            said = outcome.message or f"{count_of(len(outcome.item_ids), 'item')} taken back."
            st.session_state["last_bulk"] = {"id": None, "said": said}
            st.rerun()
