"""The queue: one card after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from labelaudit.errors import LabelAuditError
from labelaudit.ui.card import mount_card
from labelaudit.ui.check_exchange import CheckExchange
from labelaudit.ui.check_steps import offer_steps
from labelaudit.ui.exchange import Exchange
from labelaudit.ui.filter_bar import choose_view
from labelaudit.ui.session import Session, show_error

__all__ = ["show"]

_KEY = "card"


def show(session: Session) -> None:
    """Show the queue that the address names."""
    view = choose_view(session, with_check=True)
    kind = CheckExchange if view.is_check else Exchange
    exchange = kind(
        bench=session.bench,
        person=session.person,
        may_judge=session.may_settle if view.preset == "conflicts" else session.may_judge,
        filter=view.filter,
        order=view.effective_order,
        # Another check, or second looks, make it another queue to browsers.
        view=f"{view.name}#{session.bench.read_sheet().version}" if view.is_check else view.name,
        visit=_visit(),
    )
    _card(exchange, session)


def _visit() -> str | None:
    """Return the item that the address named when this tab was opened; later the card keeps the address."""
    if "visited" not in st.session_state:
        st.session_state["visited"] = st.query_params.get("item")
    visit: str | None = st.session_state["visited"]
    return visit


@st.fragment
def _card(exchange: Exchange, session: Session) -> None:
    if isinstance(exchange, CheckExchange):
        offer_steps(session)
    problem: LabelAuditError | None = st.session_state.get("card_problem")
    if problem is not None:
        show_error(problem)
    data: dict[str, Any] = st.session_state.get("card_answer") or exchange.opening()
    if data["scope"] != exchange.scope:
        data = exchange.opening()
    mount_card({**data, "view": exchange.view}, key=_KEY, on_message=lambda: _take(exchange))


def _take(exchange: Exchange) -> None:
    message = st.session_state[_KEY].get("outbox")
    if not message:
        return
    try:
        # A fragment keeps the exchange that it began with, but a link is followed once: a decided item would come back.
        current = replace(exchange, visit=st.session_state.get("visited"))
        answer = current.answer(message, last_view=st.session_state.get("claimed_view"))
    except LabelAuditError as error:
        # Nothing is acknowledged, so the browser keeps everything and sends it again.
        st.session_state["card_problem"] = error
        return
    st.session_state["card_problem"] = None
    st.session_state["claimed_view"] = exchange.view
    st.session_state["visited"] = None
    st.session_state["card_answer"] = answer
