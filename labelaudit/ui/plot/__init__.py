"""Figures as a Streamlit component that draws with plotly.js and tells which points were chosen."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from labelaudit.ui.serving import PLOTLY

__all__ = ["Chosen", "load_plotly", "mount_plot"]

_FOLDER = Path(__file__).parent


def _source(*names: str) -> str:
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)


# Not in a shadow of its own: plotly puts its styles into the page.
_plot = st.components.v2.component(
    "labelaudit_plot", css=_source("plot.css"), js=_source("library.js", "plot.js"), isolate_styles=False
)


def load_plotly() -> None:
    """Let the browser fetch and start plotly while the page is still being made."""
    # Nothing of the data is in this script. A component would do the same some tenths of a second later.
    call = f"library({json.dumps(PLOTLY)}).catch(() => {{}}); // the figure itself says so"
    st.html(f"<script>(() => {{\n{_source('library.js')}\n{call}\n}})();</script>", unsafe_allow_javascript=True)


@dataclass(frozen=True)
class Chosen:
    """What was chosen in a figure.

    Attributes
    ----------
    points : list
        ``customdata`` of the chosen points, topmost first; of a large choice only the first ones.
    count : int
        How many are chosen.
    """

    points: list[Any]
    count: int


def mount_plot(figure: bytes, *, height: int, key: str, alt: str, most: int = 1) -> Chosen:
    """Draw a figure and return what was chosen in it.

    Parameters
    ----------
    figure : bytes
        JSON of ``data``, ``layout`` and ``config`` as plotly.js takes them. Points of a trace are chosen by their
        ``customdata``. Without a width it is as wide as the page.
    height : int
        Pixels.
    key : str
        Its place in the session.
    alt : str
        What it shows, for those who do not see it.
    most : int
        So many of the chosen points are told, and the number of all.
    """
    which = hashlib.blake2b(figure, digest_size=16).hexdigest()
    head = {"library": PLOTLY, "figure": which, "alt": alt, "most": most}
    # Bytes travel as they are. Inside other JSON a figure of 3 MB would be written, hashed and read twice.
    message = json.dumps(head).encode() + b"\n" + figure
    default = {"chosen": {"points": [], "count": 0}}
    drawn = _plot(data=message, key=key, default=default, height=height, on_chosen_change=lambda: None)
    return Chosen(points=list(drawn.chosen["points"]), count=int(drawn.chosen["count"]))
