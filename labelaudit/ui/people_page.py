"""People: who reviews, how well they agree, and by which rules."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from labelaudit.decisions import Role, Rules
from labelaudit.errors import LabelAuditError
from labelaudit.reviewing import PersonStatistics, Share
from labelaudit.ui.session import Session, show_error

__all__ = ["show"]


def show(session: Session) -> None:
    """Show the people of the store; leads may change them."""
    st.title("People")
    if session.role == Role.REVIEWER:
        st.write("You review here. What others decide is shown to leads, so that opinions stay independent.")
        _names(session)
        return
    statistics = session.bench.statistics(session.queue())
    if statistics.people:
        st.dataframe(_table(statistics.people), hide_index=True)
        alpha = "nothing was judged twice yet" if statistics.alpha is None else f"{statistics.alpha:.2f}"
        st.caption(
            f"Krippendorff's alpha of all reviewers: {alpha}. Kappa is the mean over the others, by common items."
        )
        for note in statistics.one_sided_notes():
            st.text(note)
    else:
        st.write("Nobody has decided yet. Statistics of each reviewer come here.")
    _names(session)
    if session.is_lead:
        _change(session)
        _rules(session)


def _table(people: tuple[PersonStatistics, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Name": [person.person for person in people],
            "Decisions": [person.decisions for person in people],
            "Seconds each": [_rounded(person.seconds_per_decision) for person in people],
            "Kappa": ["–" if person.kappa is None else f"{person.kappa:.2f}" for person in people],
            "Right on known answers": [_share(person.gold) for person in people],
            "Took a shown suggestion": [_share(person.accepted_shown) for person in people],
            "Chose it unseen": [_share(person.accepted_blind) for person in people],
            "One-sided": [str(person.one_sided) for person in people],
        }
    )


def _names(session: Session) -> None:
    people = session.bench.store.team.people()
    table = {
        "Name": [person.name for person in people],
        "Role": [str(person.role) for person in people],
        "Active": [person.active for person in people],
    }
    st.subheader("Who may do what", anchor=False)
    st.caption("Leads decide everything, reviewers judge items, viewers look.")
    st.dataframe(pd.DataFrame(table), hide_index=True)


def _change(session: Session) -> None:
    with st.form("person", clear_on_submit=True):
        st.subheader("Add or change a person", anchor=False)
        name = st.text_input("Name", max_chars=100)
        role = st.selectbox("Role", [str(role) for role in Role], index=[*Role].index(Role.REVIEWER))
        active = st.checkbox("Active", value=True)
        if st.form_submit_button("Save") and name.strip():
            try:
                session.bench.store.team.set_person(name.strip(), role, active=active, by=session.person)
            except LabelAuditError as error:
                show_error(error)
            else:
                st.rerun()


def _rules(session: Session) -> None:
    rules: Rules = session.bench.store.team.rules()
    with st.form("rules"):
        st.subheader("Rules", anchor=False)
        changed = replace(
            rules,
            opinions=int(st.number_input("People who judge an item of the overlap", 1, 9, rules.opinions)),
            overlap=float(st.slider("Share of items in the overlap", 0.0, 1.0, rules.overlap, 0.05)),
            blind_first=st.checkbox(
                "Blind first: hide the suggestion until the reviewer has chosen", rules.blind_first
            ),
            gold_every=int(
                st.number_input("One item in so many has a known answer (0: none)", 0, 1000, rules.gold_every)
            ),
        )
        if st.form_submit_button("Save"):
            try:
                session.bench.store.team.set_rules(changed, by=session.person)
            except LabelAuditError as error:
                show_error(error)
            else:
                session.bench.forget()
                st.rerun()


def _share(share: Share) -> str:
    return "–" if share.value is None else f"{share.value:.0%} of {share.whole:,}"


def _rounded(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f}"
