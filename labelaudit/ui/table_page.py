"""Table: the items of a queue, page by page, to choose many of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from labelaudit.reviewing import Card
from labelaudit.ui.bulk import bulk_panel
from labelaudit.ui.filter_bar import choose_view
from labelaudit.ui.session import Session
from labelaudit.ui.words import KINDS, VERDICTS, count_of

__all__ = ["show"]

_ROWS = 100


def show(session: Session) -> None:
    """Show a page of the queue that the address names."""
    st.title("Table")
    view = choose_view(session)
    queue = session.queue(view.filter, view.effective_order)
    turned = st.session_state.get("table_view") != view.name
    if turned:
        st.session_state.update(table_view=view.name, table_after=[None])
    pages: list[str | None] = st.session_state["table_after"]
    cards = queue.page(after=pages[-1], limit=_ROWS)
    if not cards:
        st.write("No item matches. Take a filter away, or choose another queue.")
        bulk_panel(session, [])
        return
    total = session.bench.standing(queue).progress.counts.total
    first = _ROWS * (len(pages) - 1) + 1
    st.caption(f"Items {first:,} to {first + len(cards) - 1:,} of {total:,}. Tick rows to decide on them together.")
    table = _as_table(session, cards)
    wide = st.column_config.TextColumn(width="large")
    number = st.column_config.NumberColumn(format="%.2f")
    chosen = st.dataframe(
        table,
        hide_index=True,
        height=420,
        column_config={
            "Suspicion": number,
            "Ambiguity": number,
            "Content": wide,
            "Image": st.column_config.ImageColumn(width="small"),
        },
        on_select="rerun",
        selection_mode="multi-row",
        key=f"table-{view.name}-{pages[-1]}",
    )
    _turning(pages, last=cards[-1].item_id, is_full=len(cards) == _ROWS)
    ids = [cards[row].item_id for row in chosen.selection.rows]
    if len(ids) == 1 and st.button("Open this item"):
        session.open_queue(item=ids[0], queue="all")
    bulk_panel(session, ids)


def _as_table(session: Session, cards: Sequence[Card]) -> pd.DataFrame:
    lines = session.bench.viewer.lines([card.item_id for card in cards])
    table = pd.DataFrame(
        {
            "Item": [card.item_id for card in cards],
            "Content": [line["text"] for line in lines],
            "Given": [card.given_label for card in cards],
            "Suggested": [card.suggested_label for card in cards],
            "Suspicion": [card.suspicion for card in cards],
            "Ambiguity": [card.ambiguity for card in cards],
            "Kind": [KINDS.get(card.kind or "", card.kind) for card in cards],
            "Decided": [VERDICTS.get(card.verdict or "", card.status) for card in cards],
        }
    )
    if any("src" in line for line in lines):
        table.insert(1, "Image", [line.get("src") for line in lines])
    return table


def _turning(pages: list[str | None], *, last: str, is_full: bool) -> None:
    with st.container(horizontal=True):
        st.button("Earlier", disabled=len(pages) == 1, on_click=pages.pop)
        st.button(count_of(_ROWS, "more item"), disabled=not is_full, on_click=lambda: pages.append(last))
