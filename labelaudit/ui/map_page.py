"""Map: the items on a plane, to see what lies where and to choose whole regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from labelaudit.ui.bulk import bulk_panel
from labelaudit.ui.charts import MAP_COLORS, map_figure
from labelaudit.ui.session import Session
from labelaudit.ui.words import VERDICTS, count_of

__all__ = ["show"]

_POINTS = 20_000  # more would take longer than a second to arrive and be drawn


def show(session: Session) -> None:
    """Show the map of the audit."""
    st.title("Map")
    if "embeddings" not in session.bench.audit.arrays:
        st.write("This audit has no embeddings, so there is no map. Give some with --embeddings when you audit.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        color = st.segmented_control(
            "Colour", list(MAP_COLORS), format_func=MAP_COLORS.__getitem__, default="suspicion"
        )
        flagged = st.checkbox("Flagged items only")
    points = _points(session, color or "suspicion", flagged_only=flagged)
    st.caption(
        f"{count_of(len(points), 'item')} on the first two principal components. Draw around items to choose them."
    )
    chosen = st.plotly_chart(
        map_figure(points, color or "suspicion"), on_select="rerun", selection_mode=("lasso", "box"),
        key="map", config={"displaylogo": False}, alt="Items on a plane; the table lists the same items.",
    )  # fmt: skip
    bulk_panel(session, [_item_of(point) for point in chosen.selection.points])


def _points(session: Session, color: str, *, flagged_only: bool) -> pd.DataFrame:
    items = session.bench.audit.items
    places = session.bench.map_places
    table = pd.DataFrame(
        {
            "id": items.index.astype(str),
            "x": places[:, 0],
            "y": places[:, 1],
            "value": _values(session, color),
        }
    )
    if flagged_only:
        table = table[(items["is_suspect"] | items["is_ambiguous"]).to_numpy()]
    # Every so many of a larger audit, so that the picture keeps its shape.
    return table.iloc[:: max(1, -(-len(table) // _POINTS))]


def _values(session: Session, color: str) -> Any:
    items = session.bench.audit.items
    if color in {"suspicion", "ambiguity"}:
        return items[color].to_numpy(dtype=np.float64, na_value=np.nan)
    if color == "given":
        return items["given_label"].astype(object).fillna("no label").to_numpy()
    decided = {row.item_id: row.verdict for row in session.bench.store.records.resolved()}
    return [VERDICTS[decided[item]] if item in decided else "open" for item in items.index]


def _item_of(point: Any) -> str:
    data = point["customdata"]
    return str(data[0] if isinstance(data, list) else data)
