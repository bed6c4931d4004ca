"""Map: the items on a plane, to see what lies where and to choose whole regions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from labelaudit.errors import MissingExtraError
from labelaudit.ui.bulk import LARGEST, bulk_panel
from labelaudit.ui.charts import MAP_COLORS, MAP_HEIGHT, map_figure
from labelaudit.ui.plot import load_plotly, mount_plot
from labelaudit.ui.session import Session
from labelaudit.ui.words import VERDICTS, count_of
from labelaudit.viewing import scattered

__all__ = ["show"]

_POINTS = {"pca": 150_000, "umap": 10_000}  # more take longer to be drawn, or laid out, than people like to wait
_KEPT = 8  # figures; of 100,000 items each takes 3 MB
_PROJECTIONS = {"pca": "principal components", "umap": "neighbourhoods (UMAP)"}
_MEANING = {
    "pca": "Places are the first two principal components: what lies far apart differs.",
    "umap": "Places keep neighbours together (UMAP): groups mean something, distances between them do not.",
}


def show(session: Session) -> None:
    """Show the map of the audit."""
    load_plotly()
    st.title("Map")
    if "embeddings" not in session.bench.audit.arrays:
        st.write("This audit has no embeddings, so there is no map. Give some with --embeddings when you audit.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        color = _choice("Colour", MAP_COLORS, "suspicion")
        projection = _choice("Places", _PROJECTIONS, "pca")
        flagged = st.checkbox("Flagged items only")
    rows = _rows(session, _POINTS[projection], flagged_only=flagged)
    places = _places(session, rows, projection)
    if places is None:
        projection, places = "pca", session.bench.map_places[rows]
    st.caption(_shown(session, len(rows), flagged_only=flagged))
    if color == "verdict":
        figure = _figure(session, rows, places, color)
    else:
        key = (session.bench.path, color, projection, flagged, len(rows))
        figure = _kept_figure(session, rows, places, color, key)
    alt = "Items on a plane; the table lists the same items."
    chosen = mount_plot(figure, height=MAP_HEIGHT, key="map", alt=alt, most=LARGEST)
    st.caption(_MEANING[projection])
    bulk_panel(session, chosen.points, count=chosen.count)


def _figure(session: Session, rows: NDArray[np.intp], places: NDArray[np.float32], color: str) -> bytes:
    points = pd.DataFrame(
        {
            "id": session.bench.audit.items.index[rows].astype(str),
            "x": places[:, 0],
            "y": places[:, 1],
            "value": _values(session, color)[rows],
        }
    )
    if color in {"suspicion", "ambiguity"}:
        points = points.sort_values("value", kind="stable", na_position="first")  # what matters is drawn on top
    return json.dumps(map_figure(points, color)).encode()


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _kept_figure(
    _session: Session,
    _rows: NDArray[np.intp],
    _places: NDArray[np.float32],
    _color: str,
    key: tuple[Any, ...],  # noqa: ARG001 -- Streamlit tells figures apart by it
) -> bytes:
    """Return a figure that no decision changes: each choice on the page would make it again, in a tenth of a second."""
    return _figure(_session, _rows, _places, _color)


def _choice(title: str, options: dict[str, str], usual: str) -> str:
    chosen: str | None = st.segmented_control(
        title, list(options), format_func=options.__getitem__, default=usual, key=f"map-{title}"
    )
    return chosen or usual


def _flagged(session: Session) -> NDArray[np.bool_]:
    items = session.bench.audit.items
    flagged: NDArray[np.bool_] = (items["is_suspect"] | items["is_ambiguous"]).to_numpy(dtype=bool)
    return flagged


def _rows(session: Session, most: int, *, flagged_only: bool) -> NDArray[np.intp]:
    """Return up to `most` rows of the audit's table to draw."""
    suspicion = session.bench.audit.items["suspicion"].to_numpy(dtype=np.float64, na_value=np.nan)
    among = np.flatnonzero(_flagged(session)) if flagged_only else np.arange(len(suspicion))
    return among[scattered(suspicion[among], most)]


def _places(session: Session, rows: NDArray[np.intp], projection: str) -> NDArray[np.float32] | None:
    if projection == "pca":
        return session.bench.map_places[rows]
    try:
        with st.spinner("Laying out neighbourhoods; about a minute, once …"):
            return session.bench.neighborhoods(rows)
    except MissingExtraError as error:
        st.text(f"{error.problem} {error.fix}")
        return None


def _shown(session: Session, count: int, *, flagged_only: bool) -> str:
    total = int(_flagged(session).sum()) if flagged_only else len(session.bench.audit.items)
    kind = "flagged item" if flagged_only else "item"
    how = "Draw around items, or click one, to choose them; without a mouse use the table."
    if count == total:
        return f"{count_of(total, kind)}. {how}"
    return (
        f"{count:,} of {count_of(total, kind)} shown: the {count // 4:,} most suspect, and an even choice of the "
        f"others. {how} What is not shown is not chosen."
    )


def _values(session: Session, color: str) -> NDArray[Any]:
    items = session.bench.audit.items
    if color in {"suspicion", "ambiguity"}:
        return items[color].to_numpy(dtype=np.float32, na_value=np.nan)
    if color == "given":
        return items["given_label"].astype(object).fillna("no label").to_numpy()
    decided = {row.item_id: row.verdict for row in session.bench.store.records.resolved(viewer=session.person)}
    return np.array([VERDICTS[decided[item]] if item in decided else "open" for item in items.index], dtype=object)
