"""Figures, checked by plotly, as plotly.js takes them. No widgets."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.health import Health

__all__ = ["MAP_COLORS", "MAP_HEIGHT", "confusion_figure", "literal", "map_figure"]

_CLASSES_SHOWN = 40
_LONGEST = 28
_CELL = 26
_BANDS = 10
# All colours show on light and on dark.
_SUSPECT = ((0x8C, 0x97, 0xA8), (0xD9, 0x48, 0x0F))  # red, green, blue of 0 and of 1
_UNKNOWN = "#6c7683"
_MANY, _LARGE, _SMALL = 20_000, 6, 4  # points, and their size in pixels
_COLORS = ("#4c78a8", "#e8792b", "#3a9e5f", "#d64550", "#8a6fc2", "#9c7a5b", "#d877b0", "#7f8c8d", "#b5a21e", "#2aa5b8")
_SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up", "star", "x", "pentagon", "hexagon")
_CLEAR = {"template": "none", "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}

MAP_COLORS = {
    "given": "given label",
    "suspicion": "suspicion",
    "ambiguity": "ambiguity",
    "verdict": "verdict",
}
"""What the points of the map can be coloured by."""

MAP_HEIGHT = 620
"""Pixels."""


def literal(text: str) -> str:
    """Return `text` so that plotly shows it as it is: it takes ``<b>`` and links in labels for markup.

    Examples
    --------
    >>> literal("<b>refund</b>")
    '&lt;b&gt;refund&lt;/b&gt;'
    """
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…", quote=False)


def confusion_figure(health: Health, cells: pd.DataFrame) -> dict[str, Any]:
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
    # Markers, not a heat map trace: only the points of scatter traces can be chosen.
    trace = {
        "type": "scatter",
        "mode": "markers+text",
        "x": shown["suggested"].map(place).astype(int).tolist(),
        "y": shown["given"].map(place).astype(int).tolist(),
        "text": shown["suspects"].astype(str).tolist(),
        "textfont": {"size": 10, "color": "#10233f"},
        "marker": {
            "symbol": "square",
            "size": _CELL - 2,
            "color": shown["suspects"].tolist(),
            "colorscale": [[0, "#dbe7f6"], [1, "#8ab0e6"]],  # light enough for dark figures in both themes
            "cmin": 0,
            "line": {"width": 0},
        },
        "customdata": shown[["given", "suggested"]].astype(str).to_numpy().tolist(),
        "hovertemplate": "labelled %{y}<br>looks like %{x}<br>%{text} suspects<extra></extra>",
        "unselected": {"marker": {"opacity": 1}},
    }
    side = max(320, _CELL * len(names))
    ticks = {"tickvals": list(range(len(names))), "ticktext": [literal(name) for name in names]}
    span = [-0.6, len(names) - 0.4]
    common = {**ticks, "zeroline": False, "automargin": True, "gridcolor": "rgba(128,128,128,0.25)"}
    layout = {
        "height": side + 220,
        "width": side + 260,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "xaxis": {
            **common,
            "title": {"text": "suggested label", "standoff": 12},
            "tickangle": -45,
            "side": "top",
            "range": span,
        },
        "yaxis": {**common, "title": {"text": "given label", "standoff": 12}, "range": span[::-1]},
        "dragmode": False,
        "clickmode": "event+select",
        "showlegend": False,
    }
    return _checked([trace], layout, {"displayModeBar": False})


def map_figure(points: pd.DataFrame, color: str) -> dict[str, Any]:
    """Draw items on a plane; each point carries its item id in ``customdata``.

    Values from 0 to 1 are drawn in ten bands of one colour each: to give each of 100,000 points a colour of its own
    takes plotly half a second longer, and a band can be hidden by its name beside the map.

    Parameters
    ----------
    points : DataFrame
        With the columns ``id``, ``x``, ``y`` and ``value``, which is a number from 0 to 1 for ``suspicion``
        and ``ambiguity`` and a name otherwise. What comes later is drawn on top.
    color : str
        One of :data:`MAP_COLORS`.
    """
    groups = _bands(points["value"]) if color in {"suspicion", "ambiguity"} else _names(points["value"])
    size = _LARGE if len(points) <= _MANY else _SMALL
    x, y = (points[axis].to_numpy(dtype=np.float32) for axis in ("x", "y"))
    ids = points["id"].to_numpy(dtype=object)
    traces = [_trace(x[is_in], y[is_in], name, {"size": size, **marker}) for name, marker, is_in in groups]
    legend = {"title": {"text": MAP_COLORS[color]}, "itemsizing": "constant"}
    layout = {
        "height": MAP_HEIGHT,
        # Nothing is measured first, so there is one draw: fixed margins and ranges.
        "margin": {"l": 0, "r": 230, "t": 0, "b": 0, "autoexpand": False},
        "xaxis": {"visible": False, "range": _range(points["x"])},
        "yaxis": {"visible": False, "range": _range(points["y"])},
        "dragmode": "lasso",
        "clickmode": "event+select",
        "showlegend": True,
        "legend": {**legend, "traceorder": "reversed" if color in {"suspicion", "ambiguity"} else "normal"},
    }
    buttons = [["lasso2d", "select2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]]
    figure = _checked(traces, layout, {"displaylogo": False, "modeBarButtons": buttons})
    for trace, (_, _, is_in) in zip(figure["data"], groups, strict=True):
        # Any list of strings will do, and plotly would take 0.2 s to copy 130,000 of them one by one.
        trace.update(_ids(ids[is_in].tolist()))
    return figure


def _checked(data: list[dict[str, Any]], layout: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Return a figure whose properties and values plotly knows, arrays of numbers as the bytes that plotly.js reads."""
    return {**go.Figure(data=data, layout={**_CLEAR, **layout}).to_dict(), "config": config}


def _trace(x: NDArray[np.float32], y: NDArray[np.float32], name: str, marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scattergl",
        "mode": "markers",
        "name": literal(name),
        "x": x,
        "y": y,
        "marker": marker,
        "unselected": {"marker": {"opacity": 0.15}},
    }


def _ids(ids: list[str]) -> dict[str, Any]:
    """Return the ids that points carry, and how they are shown when pointed at."""
    together = "".join(ids)  # one search, not one for each of 100,000
    if "<" not in together and "&" not in together:
        return {"customdata": ids, "hovertemplate": "%{customdata}<extra>%{fullData.name}</extra>"}
    shown = [escape(item, quote=False) for item in ids]
    return {"customdata": ids, "text": shown, "hovertemplate": "%{text}<extra>%{fullData.name}</extra>"}


def _range(values: pd.Series[float]) -> list[float]:
    low, high = float(values.min()), float(values.max())
    room = 0.03 * (high - low) or 1.0
    return [low - room, high + room]


def _bands(values: pd.Series[float]) -> list[tuple[str, dict[str, Any], NDArray[np.bool_]]]:
    """Return name, marker and members of each tenth that somebody is in, lowest first."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    band = np.where(np.isnan(numbers), -1, np.minimum(numbers * _BANDS, _BANDS - 1)).astype(np.int8)
    found = []
    for place in np.unique(band):
        name = "not assessable" if place < 0 else f"{place / _BANDS:.1f} to {(place + 1) / _BANDS:.1f}"
        marker = {"color": _UNKNOWN, "symbol": "x"} if place < 0 else {"color": _shade(place / (_BANDS - 1))}
        found.append((name, marker, band == place))
    return found


def _shade(share: float) -> str:
    """Return a colour between the two ends."""
    return "#" + "".join(f"{round(low + share * (high - low)):02x}" for low, high in zip(*_SUSPECT, strict=True))


def _names(values: pd.Series[Any]) -> list[tuple[str, dict[str, Any], NDArray[np.bool_]]]:
    """Return name, marker and members of each group, largest first; 90 combinations of colour and symbol."""
    counts = values.value_counts()
    names = [str(name) for name in counts.sort_index().sort_values(ascending=False, kind="stable").index]
    return [
        (
            name,
            {"color": _COLORS[index % len(_COLORS)], "symbol": _SYMBOLS[index % len(_SYMBOLS)]},
            (values == name).to_numpy(),
        )
        for index, name in enumerate(names)
    ]
