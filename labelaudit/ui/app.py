"""The frame of the pages: who is here, and where to go."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module

import streamlit as st

from labelaudit.errors import LabelAuditError
from labelaudit.ui.pages import FIRST, PAGES
from labelaudit.ui.session import Session, keep_name, show_error, sign_in, sign_out

__all__ = ["main"]

_STYLE = """<style>
.block-container { padding-top: 4rem; padding-bottom: 2rem; max-width: 84rem; }
h1 { font-size: 1.7rem !important; } h2 { font-size: 1.3rem !important; } h3 { font-size: 1.1rem !important; }
[data-testid="stCaptionContainer"] { color: inherit !important; opacity: 0.78; }
/* On a phone five columns one below the other would take the screen from what they are about. */
@media (max-width: 640px) {
  .block-container { padding-top: 3.5rem; }
  :is(.st-key-filters, .st-key-glance) [data-testid="stHorizontalBlock"] { gap: 0 0.8rem; }
  :is(.st-key-filters, .st-key-glance) [data-testid="stColumn"] { min-width: calc(50% - 0.4rem); flex: 1 1 0; }
  .st-key-filters [data-testid="stColumn"]:first-child { min-width: 100%; }
}
</style>"""


def main() -> None:
    """Show the page that the address names."""
    st.set_page_config(page_title="labelaudit", layout="wide")
    st.html(_STYLE)
    session = sign_in()
    if session is None:
        return
    for path, title in PAGES.items():
        session.pages[path] = st.Page(partial(_show, session, path), title=title, url_path=path, default=path == FIRST)
    keep_name(session)
    st.navigation(list(session.pages.values()), position="top").run()
    st.caption(f"{session.person} · {session.role}", text_alignment="right")
    sign_out()


def _show(session: Session, path: str) -> None:
    # Imported when it is first shown, so that the queue does not wait for what other pages need.
    show: Callable[[Session], None] = import_module(f"labelaudit.ui.{path}_page").show
    try:
        show(session)
    except LabelAuditError as error:
        show_error(error)
