"""The card as a Streamlit component: plain JavaScript and CSS, no build step, nothing from a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

__all__ = ["begin_with_name", "mount_card", "remember_name"]

_FOLDER = Path(__file__).parent
_PARTS = ("outbox.js", "keys.js", "paint.js", "find.js", "several.js", "page.js", "desk.js", "main.js")
_REMEMBER = """
export default function (component) {
  const { name, cookie } = component.data;
  document.cookie = `${cookie}=${encodeURIComponent(name)}; SameSite=Strict; Path=/; Max-Age=31536000`;
}
"""
_BEGIN = """
export default function () {
  requestAnimationFrame(() => {
    const field = document.querySelector("[data-testid=stTextInput] input");
    if (!field || field.contains(document.activeElement)) return;
    field.focus();
    field.select();
  });
}
"""


def _source(*names: str) -> str:
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)


_card = st.components.v2.component(
    "labelaudit_card", html=_source("card.html"), css=_source("card.css"), js=_source(*_PARTS)
)
_name = st.components.v2.component("labelaudit_name", js=_REMEMBER)
_begin = st.components.v2.component("labelaudit_begin", js=_BEGIN)


def mount_card(data: dict[str, Any], *, key: str, on_message: Callable[[], None]) -> None:
    """Put the card on the page; `on_message` is called when ``st.session_state[key].outbox`` holds a new message."""
    _card(data=data, key=key, on_outbox_change=on_message)


def begin_with_name() -> None:
    """Put the cursor into the first field of the page, with what stands there chosen."""
    _begin(key="labelaudit_begin", height=1)


def remember_name(name: str, cookie: str) -> None:
    """Keep a name in a cookie of this browser."""
    _name(data={"name": name, "cookie": cookie}, key="labelaudit_name", height=1)
