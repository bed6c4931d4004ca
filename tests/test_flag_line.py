"""Above which suspicion labels are flagged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.flag_line import worth_flagging

falling = st.lists(st.floats(0.001, 1.0), min_size=1, max_size=60).map(lambda values: np.sort(values)[::-1])


def expected_f1(chances, k):
    return 2.0 * chances[:k].sum() / (k + chances.sum())


@given(falling)
def test_no_other_number_of_flags_has_a_higher_expected_f1(chances):
    flagged = int((chances > worth_flagging(chances)).sum())
    best = max(expected_f1(chances, k) for k in range(1, len(chances) + 1))
    assert expected_f1(chances, flagged) == pytest.approx(best)


@given(falling)
def test_the_first_place_is_always_flagged_and_one_half_always_enough(chances):
    assert worth_flagging(chances) < chances[0]
    assert worth_flagging(chances) <= 0.5


def test_where_all_is_known_the_line_is_one_half():
    assert worth_flagging(np.r_[np.ones(30), np.zeros(70)]) == 0.5


def test_the_same_places_are_flagged_where_all_chances_are_too_low():
    chances = np.r_[np.full(30, 0.9), np.full(70, 0.05)]
    for part in (0.5, 0.2, 0.1):
        assert int((part * chances > worth_flagging(part * chances)).sum()) == 30


def test_without_places_there_is_a_line_all_the_same():
    assert worth_flagging(np.zeros(0)) == 0.5
