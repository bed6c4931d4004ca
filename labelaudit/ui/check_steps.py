"""What a lead does for a random check on the page of the queue: draw it, and ask for second looks."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from labelaudit.errors import LabelAuditError
from labelaudit.loop import CheckQueue, ask_again, start_check
from labelaudit.ui.check_words import check_price_line
from labelaudit.ui.session import Session, show_error
from labelaudit.ui.words import count_of

__all__ = ["offer_steps"]

_USUAL = 200


def offer_steps(session: Session) -> None:
    """Offer a lead what comes next in the random check, if it is theirs to do; above the card, in its fragment."""
    if not session.is_lead:
        return
    standing = session.bench.check_standing()
    if standing is None:
        _offer_draw(session)
    elif standing.to_look_again and standing.summary.estimate is not None and not _is_busy(session):
        wanted = count_of(len(standing.to_look_again), "item")
        if st.button(f"Ask for second looks at {wanted}", key="check-again"):
            _do(session, lambda: ask_again(session.bench.audit, store=session.bench.url))


def _is_busy(session: Session) -> bool:
    """Say whether something of the check is left for the person, so that more first answers are to come."""
    return bool(CheckQueue.over(session.queue(), session.bench.sheet).waiting().mine)


def _offer_draw(session: Session) -> None:
    assessed = session.bench.health.assessed
    with st.form("draw-check", border=False):
        st.text(check_price_line(session.bench.check_price(min(_USUAL, assessed))))
        size = st.number_input("Items to draw", 1, assessed, min(_USUAL, assessed), key="check-size", width=160)
        if st.form_submit_button("Draw the random check"):
            _do(session, lambda: start_check(session.bench.audit, int(size), store=session.bench.url))


def _do(session: Session, act: Callable[[], object]) -> None:
    try:
        act()
    except LabelAuditError as error:
        show_error(error)
        return
    session.bench.forget()
    st.rerun()  # of the whole page: its queue is another one now
