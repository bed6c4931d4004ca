"""Who is at this browser, and on which audit."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import threading
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import streamlit as st

from labelaudit.decisions import Action, may
from labelaudit.errors import DecisionRefusedError, LabelAuditError, MissingExtraError
from labelaudit.reviewing import Filter, Queue, Role, new_id
from labelaudit.ui.card import begin_with_name, remember_name
from labelaudit.ui.workbench import Workbench

__all__ = ["Session", "keep_name", "show_error", "sign_in", "sign_out"]

_CARD_FIRST = 4.0  # seconds that the first card has the processor to itself
_COOKIE = "labelaudit_person"


@dataclass(frozen=True)
class Session:
    """A signed-in browser tab.

    Attributes
    ----------
    bench : Workbench
        The audit and its reviews.
    person, role : str
        Who, and what they may do.
    pages : dict of str to Page
        Where to go, by address.
    """

    bench: Workbench
    person: str
    role: str
    pages: dict[str, Any] = field(default_factory=dict)

    @property
    def may_judge(self) -> bool:
        """Whether the person may decide."""
        return may(Role(self.role), Action.DECIDE)

    @property
    def may_settle(self) -> bool:
        """Whether the person may settle what others disagree on."""
        return may(Role(self.role), Action.ADJUDICATE)

    @property
    def is_lead(self) -> bool:
        """Whether the person leads the review."""
        return Role(self.role) is Role.LEAD

    def queue(self, filter: Filter | None = None, order: str = "suspicion") -> Queue:
        """Return a view of the queue for pages that claim nothing."""
        if "client" not in st.session_state:
            st.session_state["client"] = f"page-{new_id()}"
        return self.bench.queue(self.person, st.session_state["client"], filter or Filter(queue="all"), order)

    def open_queue(self, **parameters: str) -> None:
        """Turn to the page of a queue."""
        st.session_state.pop("selection", None)
        st.switch_page(self.pages["queue"], query_params=parameters)


def sign_in() -> Session | None:
    """Open the audit named behind ``streamlit run app.py --`` and find out who is there; None while that is open."""
    options = _options()
    try:
        bench = _bench(options.audit, options.store)
        name = options.person or _name_of_account() or st.session_state.get("person") or _remembered()
        if not name:
            _ask_name(bench)
            return None
        role = _admit(bench, name)
    except LabelAuditError as error:
        show_error(error)
        if options.person is None:
            _ask_again()
        return None
    return Session(bench, name, role)


def _admit(bench: Workbench, name: str) -> str:
    try:
        return bench.enter(name)
    except DecisionRefusedError as error:
        if not _has_accounts():
            raise
        # Whoever has an account somewhere is not told who reviews here.
        fix = "Ask a lead, who adds people and lets them back in on the page People."
        raise DecisionRefusedError(error.problem, fix) from error


def show_error(error: LabelAuditError) -> None:
    """Show what is wrong and how to mend it, as plain text."""
    with st.container(border=True):
        st.subheader("That did not work")
        st.text(error.problem)
        if error.fix:
            st.text(error.fix)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="streamlit run app.py --")
    parser.add_argument("audit")
    parser.add_argument("--store", default=os.environ.get("LABELAUDIT_STORE"))
    parser.add_argument("--as", dest="person")
    return parser.parse_args(sys.argv[1:])


@st.cache_resource(show_spinner="Opening the audit …")
def _bench(path: str, url: str | None) -> Workbench:
    bench = Workbench(path, url)
    bench.viewer.warm_up()
    threading.Timer(_CARD_FIRST, bench.prepare).start()
    return bench


def _has_accounts() -> bool:
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def _name_of_account() -> str | None:
    """Return the name of a person signed in by OIDC, where that is set up in ``.streamlit/secrets.toml``."""
    if not _has_accounts():
        return None
    if find_spec("authlib") is None:
        raise MissingExtraError.of("The sign-in that .streamlit/secrets.toml asks for", "authlib", "sign-in")
    if not st.user.is_logged_in:
        st.title("labelaudit")
        st.button("Sign in", on_click=st.login)
        st.stop()
    # A display name is what people call themselves, and so is an address that nobody has verified.
    email = st.user.get("email") if st.user.get("email_verified", True) else None
    return str(email or st.user.get("sub"))


def sign_out() -> None:
    """Offer to sign out, where people sign in."""
    if _has_accounts():
        st.button("Sign out", on_click=st.logout, type="tertiary")


def _remembered() -> str | None:
    if st.session_state.get("ask_name"):
        return None
    name = st.context.cookies.get(_COOKIE)
    return name or None


def _ask_name(bench: Workbench) -> None:
    st.title("Who is reviewing?")
    st.write("Every decision is kept with the name of who made it. The first person to come becomes the lead.")
    with st.form("who", border=False):
        name = st.text_input("Your name", value=_login_name(), max_chars=100)
        if st.form_submit_button("Start") and name.strip():
            bench.enter(name.strip())
            st.session_state["person"] = name.strip()
            st.session_state["ask_name"] = False
            st.rerun()
    begin_with_name()


def _ask_again() -> None:
    if _has_accounts():
        if st.user.is_logged_in:
            st.button("Sign in with another account", on_click=st.logout)
        return

    def ask() -> None:
        st.session_state.pop("person", None)
        st.session_state["ask_name"] = True

    st.button("Use another name", on_click=ask)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def keep_name(session: Session) -> None:
    """Remember the name in this browser, so that a reload does not ask again."""
    if st.session_state.get("person") == session.person:
        remember_name(session.person, _COOKIE)
