"""Figures as plotly draws them. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

if TYPE_CHECKING:
    import pandas as pd

    from labelaudit.health import Health

__all__ = ["MAP_COLORS", "confusion_figure", "literal", "map_figure"]

_CLASSES_SHOWN = 40
_LONGEST = 28
_CELL = 26
_SUSPECT = [[0, "#8c97a8"], [1, "#d9480f"]]  # both ends show on light and on dark
_SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up", "star", "x", "pentagon", "hexagon", "triangle-down")

MAP_COLORS = {
    "given": "given label",
    "suspicion": "suspicion",
    "ambiguity": "ambiguity",
    "verdict": "verdict",
}
"""What the points of the map can be coloured by."""


def literal(text: str) -> str:
    """Return `text` so that plotly shows it as it is: it takes ``<b>`` and links in labels for markup.

    Examples
    --------
    >>> literal("<b>refund</b>")
    '&lt;b&gt;refund&lt;/b&gt;'
    """
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def confusion_figure(health: Health, cells: pd.DataFrame) -> go.Figure:
    """Draw suspects by given and suggested label; a cell carries both names in ``customdata``.

    Parameters
    ----------
    health : Health
        For the order of classes: most expected errors first, at most 40.
    cells : DataFrame
        With the columns ``given``, ``suggested`` and ``suspects``.
    """
    worst = sorted(health.classes, key=lambda part: (-part.expected_errors, part.name))
    names = [part.name for part in worst][:_CLASSES_SHOWN]
    shown = cells[cells["given"].isin(names) & cells["suggested"].isin(names)]
    place = {name: index for index, name in enumerate(names)}
    side = max(320, _CELL * len(names))
    # Markers, not a heat map trace: only the points of scatter traces can be chosen.
    figure = go.Figure(
        go.Scatter(
            x=shown["suggested"].map(place),
            y=shown["given"].map(place),
            mode="markers+text",
            text=shown["suspects"].astype(str),
            textfont={"size": 10},
            marker={
                "symbol": "square",
                "size": _CELL - 2,
                "color": shown["suspects"],
                "colorscale": [[0, "#dbe7f6"], [1, "#8ab0e6"]],  # light enough for dark figures in both themes
                "cmin": 0,
                "line": {"width": 0},
            },
            customdata=shown[["given", "suggested", "suspects"]].to_numpy(),
            hovertemplate="labelled %{y}<br>looks like %{x}<br>%{text} suspects<extra></extra>",
        )
    )
    figure.update_traces(
        textfont_color="#10233f", selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}}
    )
    ticks: dict[str, Any] = {
        "tickvals": list(range(len(names))), "ticktext": [literal(name) for name in names],
        "range": [-0.6, len(names) - 0.4], "zeroline": False,
    }  # fmt: skip
    figure.update_xaxes(title="suggested label", tickangle=-45, side="top", **ticks)
    figure.update_yaxes(title="given label", **{**ticks, "range": ticks["range"][::-1]})
    figure.update_layout(
        height=side + 220,
        width=side + 260,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        dragmode=False,
        showlegend=False,
    )
    return figure


def map_figure(points: pd.DataFrame, color: str) -> go.Figure:
    """Draw items on a plane; each point carries its item id in ``customdata``.

    Parameters
    ----------
    points : DataFrame
        With the columns ``id``, ``x``, ``y`` and ``value``, which is a number from 0 to 1 for ``suspicion``
        and ``ambiguity`` and a name otherwise.
    color : str
        One of :data:`MAP_COLORS`.
    """
    figure = go.Figure()
    if color in {"suspicion", "ambiguity"}:
        marker = {"size": 6, "color": points["value"], "colorscale": _SUSPECT, "cmin": 0, "cmax": 1}
        marker["colorbar"] = {"title": color}
        figure.add_trace(_points(points, color, marker))
    else:
        for index, name in enumerate(_by_size(points["value"])):
            part = points[points["value"] == name]
            figure.add_trace(_points(part, literal(name), {"size": 6, "symbol": _SYMBOLS[index % len(_SYMBOLS)]}))
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.update_layout(
        height=620, margin={"l": 0, "r": 0, "t": 0, "b": 0}, dragmode="lasso", legend={"itemsizing": "constant"}
    )
    return figure


def _points(points: pd.DataFrame, name: str, marker: dict[str, Any]) -> go.Scattergl:
    return go.Scattergl(
        x=points["x"],
        y=points["y"],
        mode="markers",
        name=name,
        marker=marker,
        customdata=points["id"],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _by_size(values: pd.Series[Any]) -> Sequence[str]:
    counts = values.value_counts()
    return [str(name) for name in counts.sort_index().sort_values(ascending=False, kind="stable").index]
