"""Cells that a spreadsheet must not run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labelaudit.spreadsheet import escape_cell, restore_cell

texts = st.text(st.sampled_from("'=+-@\t\ra ")) | st.text()


@given(texts)
def test_round_trip(text):
    assert restore_cell(escape_cell(text)) == text


@given(texts)
def test_nothing_escaped_is_a_formula(text):
    assert not escape_cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))
