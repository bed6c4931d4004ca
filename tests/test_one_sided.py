"""Who answers to one side: exact tests against scipy's and against enumeration, and teams whose truth is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest, fisher_exact

from labelaudit.agreement import MISSING
from labelaudit.one_sided import KEPT, LEVEL, OTHER, TOOK, Side, Source, _upper_tail, one_sidedness

NOTHING_KNOWN = MISSING


def team(kinds: str, *, n=60, share=1.0, known=0, seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Answers of people who judge ("j", one in eight slips), always take ("t") or always keep ("k"), and the truth."""
    rng = np.random.default_rng(seed)
    right = rng.choice([KEPT, TOOK, OTHER], p=[0.5, 0.4, 0.1], size=n)
    said = {"t": lambda: np.full(n, TOOK), "k": lambda: np.full(n, KEPT)}
    judge = lambda: np.where(rng.random(n) < 1 / 8, rng.integers(0, 3, n), right)  # noqa: E731
    answers = np.stack([said.get(kind, judge)() for kind in kinds])
    answers = np.where(rng.random(answers.shape) < share, answers, MISSING)
    return answers, np.where(np.arange(n) < known, right, NOTHING_KNOWN)


def sides(found) -> list[str]:
    return [str(one) for one in found]


def test_known_answers_name_who_never_looks_and_nobody_else():
    found = one_sidedness(*team("tjk", known=60, seed=1))
    assert sides(found) == ["takes suggestions", "no", "keeps labels"]
    lean = found[0].leans[0]
    assert (lean.source, lean.part, lean.compared) == (Source.KNOWN, lean.whole, 0)
    assert "took 26 of 26 suggestions known to be wrong, but kept 0% of labels known to be wrong" in str(lean)


def test_the_chance_of_known_answers_is_fishers():
    answers = np.array([[TOOK] * 9 + [KEPT] * 11 + [KEPT] * 1 + [TOOK] * 19])
    truth = np.array([KEPT] * 20 + [TOOK] * 20)
    (found,) = one_sidedness(answers, truth)
    expected = fisher_exact([[9, 11], [1, 19]], alternative="greater").pvalue
    assert sides([found]) == ["takes suggestions"]
    assert found.leans[0].p_value == pytest.approx(2 * expected)  # two tests: takes, keeps


def test_even_slips_are_no_side_however_uneven_the_known_answers():
    answers = np.array([[TOOK] * 30 + [KEPT] * 270 + [KEPT] * 2 + [TOOK] * 18])
    truth = np.array([KEPT] * 300 + [TOOK] * 20)
    assert sides(one_sidedness(answers, truth)) == ["no"]


def test_two_people_are_compared_as_by_a_sign_test_and_neither_is_preferred():
    answers = np.array([[TOOK] * 24 + [KEPT] * 6, [KEPT] * 20 + [TOOK] * 4 + [KEPT] * 4 + [TOOK] * 2])
    ann, bob = one_sidedness(answers, np.full(30, NOTHING_KNOWN))
    assert sides([ann, bob]) == ["takes suggestions", "keeps labels"]
    expected = 4 * binomtest(20, 22, alternative="greater").pvalue
    assert [ann.leans[0].p_value, bob.leans[0].p_value] == pytest.approx([expected, expected])
    assert "which of the two is right only known answers tell" in str(ann.leans[0])


@pytest.mark.parametrize("seed", range(5))
def test_the_chance_of_second_looks_is_that_of_all_ways_to_deal_the_answers(seed):
    rng = np.random.default_rng(seed)
    answers = rng.choice([KEPT, TOOK, OTHER, MISSING], size=(4, 8))
    answers[0] = np.where(np.arange(8) < 6, TOOK, KEPT)
    answers[1] = KEPT
    judged = answers != MISSING
    others = (answers == TOOK).sum(axis=0) - (answers[0] == TOOK)
    chances = (others + (answers[0] == TOOK)) / judged.sum(axis=0)
    ways = [
        np.prod(np.where(dealt, chances, 1 - chances)) for dealt in product([True, False], repeat=8) if sum(dealt) >= 6
    ]
    assert _upper_tail(6, chances) == pytest.approx(sum(ways))


def test_one_who_always_takes_does_not_make_the_others_seem_to_keep():
    found = one_sidedness(*team("jjtj", n=200, seed=3))
    assert sides(found) == ["no", "no", "takes suggestions", "no"]
    assert found[2].leans[0].source == Source.SECOND


def test_who_is_wrong_by_known_answers_is_not_held_against_the_only_other():
    assert sides(one_sidedness(*team("jt", n=80, known=40, seed=2))) == ["no", "takes suggestions"]


@pytest.mark.parametrize("kinds", ["j", "t", "k"])
def test_without_known_answers_and_second_looks_it_cannot_be_told(kinds):
    (found,) = one_sidedness(*team(kinds, n=500))
    assert str(found) == "cannot be told"
    assert not found.told


def test_too_few_answers_cannot_tell():
    assert sides(one_sidedness(*team("tk", n=4, known=4))) == ["cannot be told"] * 2
    answers = np.full((1, 30), TOOK)
    assert sides(one_sidedness(answers, np.full(30, KEPT))) == ["cannot be told"], "known answers of one kind only"


@pytest.mark.slow
def test_honest_teams_are_hardly_ever_named():
    named = sum(
        any(one.leans for one in one_sidedness(*team("jjjj", n=40, share=0.6, known=20, seed=seed)))
        for seed in range(200)
    )
    assert named <= 200 * LEVEL * 2


def test_what_could_be_told_is_what_would_have_been_named():
    answers, truth = team("jjj", n=60, known=30, seed=4)
    found = one_sidedness(answers, truth)
    for person in range(3):
        for side in Side:
            always = answers.copy()
            always[person] = side.answer
            if side in found[person].told:
                assert str(side) in str(one_sidedness(always, truth)[person])


def test_nobody_and_nothing():
    assert one_sidedness(np.empty((0, 0), dtype=np.int64), np.empty(0, dtype=np.int64)) == []
    assert sides(one_sidedness(np.full((2, 3), MISSING), np.full(3, MISSING))) == ["cannot be told"] * 2
