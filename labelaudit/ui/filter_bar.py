"""The widgets that choose a queue; what they choose stands in the address."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from labelaudit.ui.filters import PRESETS, View, view_of
from labelaudit.ui.session import Session

__all__ = ["choose_view"]

_ORDERS = {"suspicion": "most suspicious first", "ambiguity": "most ambiguous first", "chance": "in random order"}
_FIELDS = ("preset", "given", "suggested", "slice", "order")


def choose_view(session: Session, *, with_check: bool = False) -> View:
    """Show the filters and return the queue they name; the random check only where the page can show it blind."""
    classes = session.bench.audit.classes
    parameters = _parameters()
    view, problems = view_of(parameters, classes)
    for problem in problems:
        st.text(problem)
    if view.is_check and not with_check:
        st.text("The random check is answered on the page Queue; these are the suspects.")
        view = View()
    if not view.is_check:
        view = replace(view, selection=st.session_state.get("selection"))
    for name in _FIELDS:
        st.session_state[f"filter_{name}"] = getattr(view, name)
    usual = _ORDERS[replace(view, order=None).effective_order]
    columns = st.container(key="filters").columns(5)  # the key names its style
    with columns[0]:
        presets = [name for name in PRESETS if with_check or name != "check"]
        st.selectbox("Queue", presets, format_func=PRESETS.__getitem__, key="filter_preset", on_change=_turn)
    if view.is_check:  # narrowed by labels it would not be blind, and in another order not random
        return view
    with columns[1]:
        st.selectbox("Given label", classes, None, key="filter_given", on_change=_turn, placeholder="all")
    with columns[2]:
        st.selectbox("Suggested label", classes, None, key="filter_suggested", on_change=_turn, placeholder="all")
    with columns[3]:
        st.selectbox("Slice", _slices(session), None, key="filter_slice", on_change=_turn, placeholder="all")
    with columns[4]:
        spoken = _ORDERS.__getitem__
        st.selectbox("Order", list(_ORDERS), None, spoken, key="filter_order", on_change=_turn, placeholder=usual)
    if view.selection is not None:
        st.text(f"Only the {len(view.selection):,} items that you selected.")
        st.button("All items of the queue again", on_click=_drop_selection)
    return view


def _parameters() -> dict[str, str]:
    """Return the address parameters; on coming back from another page, those of the last time."""
    named = {name: value for name, value in st.query_params.items() if name != "item"}
    if not named and "item" not in st.query_params:
        named = st.session_state.get("last_filter", {})
        st.query_params.update(named)
    st.session_state["last_filter"] = named
    return named


def _turn() -> None:
    """Write the chosen filters into the address."""
    view = View(**{name: st.session_state.get(f"filter_{name}") for name in _FIELDS})
    st.query_params.from_dict(view.parameters())
    st.session_state["last_filter"] = view.parameters()


def _drop_selection() -> None:
    st.session_state.pop("selection", None)


def _slices(session: Session) -> list[str]:
    """Return ``name=value`` of the slices with the most expected errors."""
    return [f"{part.group}={part.value}" for part in session.bench.health.slices]
