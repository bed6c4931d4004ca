"""Signing in: with an OpenID provider in a real browser, and each branch without one."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from labelaudit.reviewing import open_store
from labelaudit.ui.serving import SCRIPT
from tests.ui.conftest import Server, decisions
from tests.ui.openid_provider import CLIENT, SECRET, Provider


@pytest.fixture
def provider():
    pytest.importorskip("authlib", reason="authlib is not installed: make test installs it")
    running = Provider({"sub": "17", "email": "ann@example.org", "email_verified": True, "name": "Ann"})
    yield running
    running.close()


@pytest.fixture
def sign_in_server(provider, audit_folder, serve, tmp_path):
    """A server whose ``.streamlit/secrets.toml`` names the provider."""

    def prepare(server: Server) -> None:
        server.folder = tmp_path / "work"
        (server.folder / ".streamlit").mkdir(parents=True)
        (server.folder / ".streamlit" / "secrets.toml").write_text(
            f"""[auth]
redirect_uri = "{server.url}/oauth2callback"
cookie_secret = "only for this test"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{provider.url}/.well-known/openid-configuration"
"""
        )

    return lambda: serve(audit_folder, prepare)


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_who_signs_in_decides_under_their_address_and_can_sign_out(provider, sign_in_server, audit_folder, sit_down):
    with open_store(audit_folder) as store:
        store.team.set_person("ann@example.org", "reviewer", by="ann")
    ann = sit_down(sign_in_server(), "bob")  # a name in a cookie counts for nothing here
    ann.open()
    ann.page.get_by_role("button", name="Sign in").click()
    ann.press("q")
    ann.saved()
    assert [event.person for event in decisions(audit_folder)] == ["ann@example.org"]
    ann.page.get_by_role("button", name="Sign out").click()
    ann.page.get_by_role("button", name="Sign in").wait_for()


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_somebody_nobody_added_is_told_and_may_change_the_account(provider, sign_in_server, sit_down):
    zoe = sit_down(sign_in_server(), "ann")
    zoe.open()
    zoe.page.get_by_role("button", name="Sign in").click()
    zoe.page.wait_for_selector("text=Ask a lead")
    zoe.page.get_by_role("button", name="Sign in with another account").click()
    zoe.page.get_by_role("button", name="Sign in").wait_for()


# ---- each branch, without a provider


@pytest.fixture
def page(audit_folder, monkeypatch):
    """The page as a person sees it who is signed in as given; None for nobody."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    st.cache_resource.clear()
    monkeypatch.setattr(sys, "argv", ["app.py", str(audit_folder)])
    monkeypatch.setattr("labelaudit.ui.session.find_spec", lambda _: object())

    def show(claims):
        user = SimpleNamespace(is_logged_in=claims is not None, get=(claims or {}).get)
        monkeypatch.setattr(st, "user", user)
        app = AppTest.from_file(str(SCRIPT), default_timeout=60)
        app.secrets["auth"] = {"client_id": CLIENT}
        return app.run()

    yield show
    st.cache_resource.clear()


def said(app) -> str:
    return " ".join(element.value for element in [*app.text, *app.caption, *app.title, *app.subheader])


def test_nobody_is_asked_to_sign_in_and_sees_nothing_else(page):
    app = page(None)
    assert [button.label for button in app.button] == ["Sign in"]
    assert "ticket" not in said(app)


def test_the_address_is_the_name(page):
    assert "bob · reviewer" in said(page({"email": "bob", "sub": "17"}))


@pytest.mark.parametrize("claims", [{"email": "bob", "email_verified": False}, {"name": "bob"}])
def test_what_people_call_themselves_is_no_name(page, claims):
    told = said(page({**claims, "sub": "17"}))
    assert "Unknown person '17'. Ask a lead" in told
    assert "bob" not in told


def test_a_missing_package_is_named(page, monkeypatch):
    monkeypatch.setattr("labelaudit.ui.session.find_spec", lambda _: None)
    app = page({"email": "bob"})
    assert "needs the package 'authlib'" in said(app)
    assert "pip install 'labelaudit[sign-in]'" in said(app)
