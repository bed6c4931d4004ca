"""Overview: how healthy are the labels, what to do now, and how sure is that."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from labelaudit.health import Health
from labelaudit.reviewing import Filter
from labelaudit.ui.session import Session
from labelaudit.ui.words import certainty_lines, count_of, health_lines, next_steps, progress_lines

__all__ = ["show"]

_PAIRS = 8
_WIDTHS = {"Labelled": 210, "looks like": 210, "Suspects": 75, "Expected errors": 115}


def show(session: Session) -> None:
    """Show the overview."""
    bench, health = session.bench, session.bench.health
    st.title("How healthy are the labels?")
    st.text(_summary(session, health))
    for column, (name, value, meaning) in zip(st.container(key="glance").columns(5), health_lines(health), strict=True):
        column.metric(name, value)
        column.caption(meaning)
    if health.caution:
        st.warning(health.caution)  # before anybody sets to work on it
    left, right = st.columns([3, 2], gap="large")
    with left:
        _what_now(session, health)
        _pairs(session, health)
    with right:
        st.header("How sure are we?", anchor=False)
        for line in certainty_lines(health, bench.check):
            st.text(line)
        notes = bench.audit.provenance.get("notes", ())
        if notes:
            with st.expander("Notes of the audit"):
                for note in notes:
                    st.text(str(note))
    _classes(health)


def _summary(session: Session, health: Health) -> str:
    source = session.bench.audit.origin
    parts = [f"{health.items:,} items in {len(health.classes)} classes"]
    parts += [f"{health.unlabelled:,} unlabelled"] if health.unlabelled else []
    parts += [f"{health.not_assessable:,} not assessable"] if health.not_assessable else []
    return "; ".join(parts) + (f" · {Path(source.path).name}" if source else "")


def _what_now(session: Session, health: Health) -> None:
    st.header("What should I do now?", anchor=False)
    queue = session.queue(Filter())
    standing = session.bench.standing(queue)
    counts = standing.progress.counts
    share = counts.decided / counts.total if counts.total else 1.0
    st.progress(share, text=f"{counts.decided:,} of {count_of(counts.total, 'suspect')} decided")
    for step in next_steps(standing, health):
        st.markdown(f"- {step}")
    st.caption(" · ".join(progress_lines(standing, learned=session.bench.learned)))
    with st.container(horizontal=True):
        if st.button("Review the suspects"):
            session.open_queue()
        if st.button("Look at the ambiguous items"):
            session.open_queue(queue="ambiguous")


def _pairs(session: Session, health: Health) -> None:
    if not health.confused_pairs:
        return
    st.subheader("Most confused pairs", anchor=False)
    st.caption("Choose a row to open its queue.")
    pairs = health.confused_pairs[:_PAIRS]
    table = pd.DataFrame(
        {
            "Labelled": [pair.given for pair in pairs],
            "looks like": [pair.suggested for pair in pairs],
            "Suspects": [pair.suspects for pair in pairs],
            "Expected errors": [pair.expected_errors for pair in pairs],
        }
    )
    # So wide that the numbers are in sight beside long names.
    widths = {name: st.column_config.Column(width=width) for name, width in _WIDTHS.items()}
    widths["Expected errors"] = st.column_config.NumberColumn(format="%.1f", width=_WIDTHS["Expected errors"])
    chosen = st.dataframe(
        table, hide_index=True, on_select="rerun", selection_mode="single-row", key="pairs", column_config=widths
    )
    if chosen.selection.rows:
        pair = pairs[chosen.selection.rows[0]]
        session.open_queue(given=pair.given, suggested=pair.suggested)


def _classes(health: Health) -> None:
    st.subheader("Classes", anchor=False)
    shown = sorted(health.classes, key=lambda part: (-part.expected_errors, part.name))
    table = pd.DataFrame(
        {
            "Class": [part.name for part in shown],
            "Items": [part.items for part in shown],
            "Suspects": [part.suspects for part in shown],
            "Share": [None if part.share is None else 100 * part.share for part in shown],
            "Expected errors": [part.expected_errors for part in shown],
            "Ambiguous": [part.ambiguous for part in shown],
        }
    )
    columns = {
        "Share": st.column_config.ProgressColumn(format="%.1f%%", min_value=0, max_value=100),
        "Expected errors": st.column_config.NumberColumn(format="%.1f"),
    }
    st.dataframe(table, hide_index=True, column_config=columns)
    if any(part.items and part.share is None for part in shown):
        st.caption(
            "A class without a share is not assessable: too few items to be judged by a model that has not seen them."
        )
