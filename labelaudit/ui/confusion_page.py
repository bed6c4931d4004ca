"""Classes and confusion: which labels stand for which, and what a class looks like."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from labelaudit.ui.charts import confusion_figure
from labelaudit.ui.plot import load_plotly, mount_plot
from labelaudit.ui.session import Session
from labelaudit.ui.words import count_of

__all__ = ["show"]

_EXEMPLARS = 6
_NAMED = 3


def show(session: Session) -> None:
    """Show the confusion of given and suggested labels, and one class in detail."""
    load_plotly()
    st.title("Classes and confusion")
    cells = _cells(session)
    if cells.empty:
        st.write("No label is suspect, so there is no confusion to show.")
    else:
        _confusion(session, cells)
    _one_class(session)


def _cells(session: Session) -> pd.DataFrame:
    items = session.bench.audit.items
    suspects = items[items["is_suspect"]]
    counts = suspects.groupby(["given_label", "suggested_label"], observed=True).size()
    table = counts.rename("suspects").reset_index()
    return table.rename(columns={"given_label": "given", "suggested_label": "suggested"})


def _confusion(session: Session, cells: pd.DataFrame) -> None:
    for pair in session.bench.health.confused_pairs[:_NAMED]:
        st.text(f"{pair.given} looks like {pair.suggested}: {count_of(pair.suspects, 'suspect')}")
    st.caption("Suspects by given and suggested label, worst classes first. Choose a cell to open its queue.")
    figure = confusion_figure(session.bench.health, cells)
    chosen = mount_plot(
        json.dumps(figure).encode(),
        height=figure["layout"]["height"],
        key="confusion",
        alt="Suspects by given and suggested label; the overview lists the strongest pairs as a table.",
    )
    if chosen.points:
        given, suggested = chosen.points[0]
        session.open_queue(given=given, suggested=suggested)


def _one_class(session: Session) -> None:
    classes = {part.name: part for part in session.bench.health.classes}
    worst = sorted(classes, key=lambda name: (-classes[name].expected_errors, name))
    st.header("A class in detail", anchor=False)
    named = st.query_params.get("class")
    name = st.selectbox("Class", worst, index=worst.index(named) if named in classes else 0)
    st.query_params["class"] = name
    part = classes[name]
    st.text(
        f"{count_of(part.items, 'item')}; {count_of(part.suspects, 'suspect')}; about "
        f"{count_of(part.expected_errors, 'error')} expected; {part.ambiguous:,} ambiguous"
    )
    if st.button("Review the suspects of this class"):
        session.open_queue(given=name)
    items = session.bench.audit.items
    own = items[items["given_label"] == name]
    for column, (title, ids) in zip(
        st.columns(3),
        {
            "Typical": session.bench.viewer.exemplars(name, _EXEMPLARS),
            "Suspect": own[own["is_suspect"]].sort_values("rank").index[:_EXEMPLARS],
            "Ambiguous": own[own["is_ambiguous"]].sort_values("ambiguity_rank").index[:_EXEMPLARS],
        }.items(),
        strict=True,
    ):
        with column:
            st.subheader(title, anchor=False)
            _exemplars(session, [str(item) for item in ids])


def _exemplars(session: Session, ids: list[str]) -> None:
    if not ids:
        st.caption("none")
    for item_id, line in zip(ids, session.bench.viewer.lines(ids), strict=True):
        if "src" in line:
            st.image(line["src"], alt=line["text"], width=96)
        st.text(line["text"] or item_id)
