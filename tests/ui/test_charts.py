"""Figures as plotly.js takes them, and the plotly.js that comes with the package; without a browser."""

from __future__ import annotations

import base64
import hashlib
from types import SimpleNamespace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from labelaudit.ui.charts import MAP_COLORS, confusion_figure, map_figure
from tests.conftest import ROOT

BUNDLE = ROOT / "labelaudit" / "ui" / "plot" / "plotly"


def points(values):
    places = np.linspace(-3, 5, len(values), dtype=np.float32)
    ids = [f"t{k}" for k in range(len(values))]
    return pd.DataFrame({"id": ids, "x": places, "y": -places, "value": values})


def decoded(part):
    assert part["dtype"] == "f4"
    return np.frombuffer(base64.b64decode(part["bdata"]), dtype="<f4")


def is_drawable(figure):
    """Plotly's own schema knows every property and value."""
    go.Figure(data=figure["data"], layout=figure["layout"])
    return figure


@pytest.mark.parametrize("color", MAP_COLORS)
def test_every_point_is_drawn_once_at_its_place_and_carries_its_id(color):
    values = np.linspace(0, 1, 40) if color in {"suspicion", "ambiguity"} else [f"class {k % 7}" for k in range(40)]
    wanted = points(values)
    figure = is_drawable(map_figure(wanted, color))
    found = {
        item: (x, y)
        for trace in figure["data"]
        for item, x, y in zip(trace["customdata"], decoded(trace["x"]), decoded(trace["y"]), strict=True)
    }
    assert found == {row.id: (np.float32(row.x), np.float32(row.y)) for row in wanted.itertuples()}
    low, high = figure["layout"]["xaxis"]["range"]
    assert low < wanted["x"].min()
    assert high > wanted["x"].max()


def test_values_come_in_bands_from_low_to_high_and_what_is_not_assessable_apart():
    values = np.array([0.05, 0.95, 1.0, np.nan, 0.9, 0.0, 0.31])
    traces = map_figure(points(values), "suspicion")["data"]
    assert {trace["name"]: trace["customdata"] for trace in traces} == {
        "not assessable": ["t3"],
        "0.0 to 0.1": ["t0", "t5"],
        "0.3 to 0.4": ["t6"],
        "0.9 to 1.0": ["t1", "t2", "t4"],
    }
    assert [trace["name"] for trace in traces][-1] == "0.9 to 1.0"  # drawn on top
    assert len({trace["marker"]["color"] for trace in traces}) == 4


def test_77_classes_are_told_apart_by_colour_and_symbol():
    traces = map_figure(points([f"class {k % 77}" for k in range(300)]), "given")["data"]
    assert len({(trace["marker"]["color"], trace["marker"]["symbol"]) for trace in traces}) == 77
    assert len({trace["marker"]["symbol"] for trace in traces[:9]}) == 9  # so colour alone tells nothing


def test_names_and_ids_are_never_markup_and_the_id_stays_what_it_is():
    evil = "<b>x</b> & <a href='http://192.0.2.1'>y</a>"
    shown = points(["<i>given</i>", "<i>given</i>"]).assign(id=[evil, "plain"])
    (trace,) = is_drawable(map_figure(shown, "given"))["data"]
    assert trace["name"] == "&lt;i&gt;given&lt;/i&gt;"
    assert trace["customdata"] == [evil, "plain"]
    assert trace["hovertemplate"].startswith("%{text}")
    assert trace["text"] == ["&lt;b&gt;x&lt;/b&gt; &amp; &lt;a href='http://192.0.2.1'&gt;y&lt;/a&gt;", "plain"]


def test_a_map_of_one_point_has_a_range():
    figure = is_drawable(map_figure(points([0.5]), "suspicion"))
    assert figure["layout"]["xaxis"]["range"] == [-4.0, -2.0]


def test_a_cell_of_the_confusion_carries_both_labels():
    classes = [SimpleNamespace(name=name, expected_errors=count) for name, count in (("a", 1), ("<b>", 5), ("c", 3))]
    cells = pd.DataFrame({"given": ["a", "<b>"], "suggested": ["c", "a"], "suspects": [4, 2]})
    figure = is_drawable(confusion_figure(SimpleNamespace(classes=classes), cells))
    (trace,) = figure["data"]
    assert figure["layout"]["yaxis"]["ticktext"] == ["&lt;b&gt;", "c", "a"]  # worst first
    assert trace["customdata"] == [["a", "c"], ["<b>", "a"]]
    assert list(zip(trace["y"], trace["x"], strict=True)) == [(2, 1), (0, 2)]


def test_plotly_is_the_published_one_and_its_licence_is_there():
    library = (BUNDLE / "plotly-gl2d.min.js").read_bytes()
    told = (BUNDLE / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(library).hexdigest() in told
    assert f"{library[:200].decode().split(' v')[1].split()[0]} as published" in told
    assert "MIT" in (BUNDLE / "LICENSE").read_text(encoding="utf-8")
