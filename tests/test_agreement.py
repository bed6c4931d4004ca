"""Agreement against scikit-learn's and krippendorff's own numbers."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from labelaudit.agreement import MISSING, cohen_kappa, krippendorff_alpha, opinion_table, pairwise_kappa


def random_table(seed: int) -> np.ndarray:
    """People by items, with a true answer behind it, so that agreement is neither 0 nor 1, and gaps."""
    rng = np.random.default_rng(seed)
    people, items, classes = rng.integers(2, 9), rng.integers(5, 60), rng.integers(2, 7)
    truth = rng.integers(classes, size=items)
    noise = rng.integers(classes, size=(people, items))
    table = np.where(rng.random((people, items)) < rng.uniform(0, 1), truth, noise)
    return np.where(rng.random((people, items)) < rng.uniform(0, 0.6), MISSING, table)


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_kappa_and_alpha_equal_the_references_on_tables_with_gaps(seed):
    table = random_table(seed)
    both = (table[0] != MISSING) & (table[1] != MISSING)
    if both.any():
        expected = cohen_kappa_score(table[0][both], table[1][both])
        assert cohen_kappa(table[0], table[1]) == pytest.approx(expected, abs=1e-9, nan_ok=True)
    judged_twice = (table != MISSING).sum(axis=0) > 1
    values = np.unique(table[:, judged_twice][table[:, judged_twice] != MISSING])
    if len(values) > 1:
        expected = krippendorff.alpha(np.where(table == MISSING, np.nan, table), level_of_measurement="nominal")
        assert krippendorff_alpha(table) == pytest.approx(expected, abs=1e-9)
    else:
        assert np.isnan(krippendorff_alpha(table))


def test_perfect_agreement_is_one_and_no_common_item_is_unknown():
    table = np.array([[0, 1, 2, MISSING], [0, 1, 2, 2]])
    assert cohen_kappa(*table) == 1
    assert krippendorff_alpha(table) == 1
    apart = np.array([[0, MISSING], [MISSING, 1]])
    assert np.isnan(cohen_kappa(*apart))
    assert np.isnan(krippendorff_alpha(apart))
    assert np.isnan(krippendorff_alpha(np.full((2, 3), MISSING)))


def test_chance_agreement_that_is_certain_gives_no_kappa():
    assert np.isnan(cohen_kappa([1, 1, 1], [1, 1, 1]))


def test_pairwise_kappa_weighs_partners_by_common_items():
    table, people, _ = opinion_table(
        [
            (p, f"i{k}", (k + (p == "eve" and k == 0)) % 2)
            for p in ("ann", "bob", "eve")
            for k in range(6)
            if p != "eve" or k < 4
        ]
    )
    kappa, common = pairwise_kappa(table)
    assert people == ("ann", "bob", "eve")
    assert common.tolist() == [10, 10, 8]
    with_eve = cohen_kappa(table[0], table[2])
    assert kappa[0] == pytest.approx((6 * 1 + 4 * with_eve) / 10)


def test_a_person_alone_has_no_kappa():
    table, _, _ = opinion_table([("ann", "i1", "cat"), ("ann", "i1", "dog")])
    kappa, common = pairwise_kappa(table)
    assert np.isnan(kappa[0])
    assert common[0] == 0
    assert table.tolist() == [[1]]
