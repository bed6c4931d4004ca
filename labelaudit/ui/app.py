"""The frame of the pages: who is here, and where to go."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from labelaudit.errors import LabelAuditError
from labelaudit.ui import queue_page
from labelaudit.ui.session import Session, keep_name, show_error, sign_in

__all__ = ["main"]

_STYLE = "<style>.block-container { padding-top: 4rem; padding-bottom: 2rem; max-width: 84rem; }</style>"


def main() -> None:
    """Show the page that the address names."""
    st.set_page_config(page_title="labelaudit", layout="wide", initial_sidebar_state="auto")
    session = sign_in()
    if session is None:
        return
    pages = {
        "Review": [
            _page(session, queue_page.show, "Queue", "queue", default=True),
        ],
    }
    chosen = st.navigation(pages, position="top")
    st.html(_STYLE)
    keep_name(session)
    chosen.run()


def _page(
    session: Session, show: Callable[[Session], None], title: str, path: str, *, default: bool = False
) -> st.Page:
    shown = partial(_guarded, session, show)
    return st.Page(shown, title=title, url_path=path, default=default)


def _guarded(session: Session, show: Callable[[Session], None]) -> None:
    try:
        show(session)
    except LabelAuditError as error:
        show_error(error)
