"""The learning queue: a pure function of decisions that helps where it can and hardly ever harms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit.errors import UsageError
from labelaudit.learning import Rescored, batch_ends, rescore
from labelaudit.learning.design import Design, OneHot
from labelaudit.learning.logistic import log_likelihood, posterior_mode, sigmoid


@dataclass(frozen=True)
class Simulated:
    """Suspicion whose order `bias` of some labels spoils, one useful score, and verdicts."""

    suspicion: np.ndarray
    scores: dict[str, np.ndarray]
    given: np.ndarray
    suggested: np.ndarray
    is_error: np.ndarray
    columns: dict[str, np.ndarray]

    def arguments(self) -> dict[str, Any]:
        return {
            "suspicion": self.suspicion,
            "scores": self.scores,
            "given": self.given,
            "suggested": self.suggested,
            "columns": self.columns,
        }

    def take(self, rows: np.ndarray) -> Simulated:
        return Simulated(
            self.suspicion[rows],
            {name: values[rows] for name, values in self.scores.items()},
            self.given[rows],
            self.suggested[rows],
            self.is_error[rows],
            {name: values[rows] for name, values in self.columns.items()},
        )


def simulated(n: int = 3000, *, bias: float = 0.0, shift: float = 0.0, seed: int = 0, k: int = 5) -> Simulated:
    """Items whose true log-odds of an error are known; suspicion misses what a label, a column and a score tell."""
    rng = np.random.default_rng(seed)
    given = rng.integers(0, k, n)
    suggested = (given + rng.integers(1, k, n)) % k
    column = rng.choice(["a", "b", "c"], n)
    extra = rng.normal(size=n)
    seen = rng.normal(-3.0, 2.0, n)
    true = seen + bias * (extra + 1.5 * (given == 1) + 2.0 * (column == "b") - 1.5)
    is_error = rng.random(n) < sigmoid(true)
    return Simulated(
        sigmoid(seen + shift),
        {"extra": extra + 0.5 * seen, "noise": rng.normal(size=n)},
        given,
        suggested,
        is_error,
        {"group": column, "size": rng.normal(size=n)},
    )


def reviews_needed(data: Simulated, share: float, *, wrong: float = 0.0) -> tuple[int, int]:
    """Return reviews until `share` of the errors were looked at: in the fixed order, and learning."""
    rng = np.random.default_rng(1)
    verdicts = data.is_error ^ (rng.random(len(data.is_error)) < wrong)
    target = int(np.ceil(share * data.is_error.sum()))
    state = Rescored.start(**data.arguments())
    fixed = np.searchsorted(np.cumsum(data.is_error[state.queue()]), target) + 1
    while data.is_error[state.reviewed].sum() < target:
        rows = state.queue()[: max(25, len(state.reviewed) // 20)]
        state = state.after(rows, verdicts[rows])
    return int(fixed), int(np.searchsorted(np.cumsum(data.is_error[state.reviewed]), target) + 1)


@given(st.integers(0, 5000))
def test_batches_cover_all_decisions_and_do_not_depend_on_later_ones(n_reviewed: int) -> None:
    ends = batch_ends(n_reviewed)
    assert list(ends) == sorted(set(ends))
    assert (ends[-1] if ends else 0) == n_reviewed
    assert batch_ends(n_reviewed + 1000)[: max(0, len(ends) - 1)] == ends[:-1]


def test_before_any_decision_the_queue_is_the_suspicion() -> None:
    data = simulated(500)
    state = rescore(**data.arguments(), reviewed=[], is_error=[])
    np.testing.assert_array_equal(state.p, data.suspicion)
    np.testing.assert_array_equal(state.queue(), np.argsort(-data.suspicion, kind="stable"))
    assert state.expected_remaining == pytest.approx(data.suspicion.sum())


def test_replay_equals_working_batch_by_batch() -> None:
    data = simulated(bias=1.0)
    state = Rescored.start(**data.arguments())
    while len(state.reviewed) < 200:
        rows = state.queue()[:25]
        state = state.after(rows, data.is_error[rows])
    again = rescore(**data.arguments(), reviewed=state.reviewed, is_error=state.is_error)
    np.testing.assert_array_equal(again.p, state.p)
    assert again.weights == state.weights
    assert not set(state.queue()) & set(state.reviewed)
    assert len(state.queue()) + len(state.reviewed) == len(data.suspicion)


def test_rows_may_come_in_any_order() -> None:
    data = simulated(800, bias=1.0)
    ids = np.array([f"id{row:04d}" for row in range(800)])
    shuffled = np.random.default_rng(3).permutation(800)
    place = np.argsort(shuffled)
    reviewed = np.argsort(-data.suspicion, kind="stable")[:100]
    one = rescore(**data.arguments(), reviewed=reviewed, is_error=data.is_error[reviewed])
    other = rescore(**data.take(shuffled).arguments(), reviewed=place[reviewed], is_error=data.is_error[reviewed])
    np.testing.assert_allclose(other.p, one.p[shuffled], rtol=1e-6)
    np.testing.assert_array_equal(ids[shuffled][other.queue(ids[shuffled])], ids[one.queue(ids)])


def test_names_of_scores_and_columns_do_not_matter() -> None:
    data = simulated(600, bias=1.0)
    arguments = data.arguments()
    for mapping in ("scores", "columns"):
        arguments[mapping] = dict(reversed(arguments[mapping].items()))
    reviewed = np.argsort(-data.suspicion)[:75]
    one = rescore(**data.arguments(), reviewed=reviewed, is_error=data.is_error[reviewed])
    other = rescore(**arguments, reviewed=reviewed, is_error=data.is_error[reviewed])
    np.testing.assert_allclose(other.p, one.p, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0.0, 0.05])
def test_learning_saves_reviews_where_suspicion_misses_something(wrong: float) -> None:
    ratios = [np.divide(*reviews_needed(simulated(bias=1.0, seed=seed), 0.8, wrong=wrong)[::-1]) for seed in range(2)]
    assert np.mean(ratios) < 0.9


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0.0, 0.05])
@pytest.mark.parametrize("shift", [-2.0, 0.0, 2.0])
def test_learning_hardly_harms_where_there_is_nothing_to_learn(shift: float, wrong: float) -> None:
    needed = [reviews_needed(simulated(shift=shift, seed=seed), 0.8, wrong=wrong) for seed in range(4)]
    ratios = [learned / fixed for fixed, learned in needed]
    assert np.mean(ratios) < 1.03
    assert max(ratios) < 1.08


def test_too_much_suspicion_is_corrected_and_success_does_not_raise_it() -> None:
    inflated = simulated(4000, shift=2.0)
    top = np.argsort(-inflated.suspicion)[:200]
    state = rescore(**inflated.arguments(), reviewed=top, is_error=inflated.is_error[top])
    truth = inflated.is_error[state.open].mean()
    assert abs(state.p[state.open].mean() - truth) < 0.25 * abs(inflated.suspicion[state.open].mean() - truth)
    # Every one of the 200 most suspicious is an error; that says nothing of the least suspicious.
    state = rescore(**inflated.arguments(), reviewed=top, is_error=np.ones(200, dtype=bool))
    low = np.argsort(inflated.suspicion)[:2000]
    assert state.p[low].mean() < 1.1 * inflated.suspicion[low].mean()


def test_a_random_check_corrects_suspicion_that_is_far_too_low() -> None:
    deflated = simulated(4000, shift=-3.0)
    rows = np.random.default_rng(5).permutation(4000)[:400]
    state = rescore(**deflated.arguments(), reviewed=rows, is_error=deflated.is_error[rows])
    assert state.expected_remaining == pytest.approx(deflated.is_error[state.open].sum(), rel=0.25)


def test_weights_move_to_the_expert_that_foretells() -> None:
    data = simulated(bias=1.5)
    rows = np.random.default_rng(0).permutation(3000)[:600]
    state = rescore(**data.arguments(), reviewed=rows, is_error=data.is_error[rows])
    assert sum(state.weights.values()) == pytest.approx(1.0)
    assert min(state.weights.values()) > 0.0
    assert state.weights["scores, labels and columns"] > state.weights["start"]


def irrelevant_columns(count: int, n: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([seed, 1])
    return {f"c{j}": rng.normal(size=n) if j % 2 else rng.choice(list("abcde"), n) for j in range(count)}


@pytest.mark.slow
def test_the_one_column_that_matters_is_found_among_many() -> None:
    rng = np.random.default_rng(8)
    data = simulated()
    data = replace(data, columns=irrelevant_columns(20, 3000))
    matters = data.columns["c6"] == "a"
    is_error = rng.random(3000) < sigmoid(np.log(data.suspicion / (1 - data.suspicion)) + 2.0 * matters)
    rows = rng.permutation(3000)[:600]
    state = rescore(**data.arguments(), reviewed=rows, is_error=is_error[rows])
    assert state.weights["column 'c6'"] > 0.5
    raised = state.p[state.open] / data.suspicion[state.open]
    assert np.median(raised[matters[state.open]]) > 2 * np.median(raised[~matters[state.open]])


@pytest.mark.parametrize("count", [1, 3, pytest.param(60, marks=pytest.mark.slow)])
def test_single_columns_share_one_weight_and_stay_small_however_many_they_are(count: int) -> None:
    data = replace(simulated(400), columns=irrelevant_columns(count, 400))
    weights = Rescored.start(**data.arguments()).weights
    of_columns = [weight for name, weight in weights.items() if name.startswith("column ")]
    assert len(of_columns) == count
    assert sum(weights.values()) == pytest.approx(1.0)
    assert sum(of_columns) == pytest.approx(2 * weights["labels"])
    assert weights["start"] == pytest.approx(0.6)
    state = rescore(**data.arguments(), reviewed=range(50), is_error=data.is_error[:50])
    # At most eighths and a gap: what one more column costs does not depend on how many there are.
    fitted = dict(zip(weights, state.fitted, strict=True))
    assert max(len(fitted[name].coefficients) for name in weights if name.startswith("column ")) <= 2 + 9


@pytest.mark.slow
def test_columns_that_say_nothing_hardly_change_the_order() -> None:
    ratios = []
    for seed in range(3):
        data = simulated(bias=1.0, seed=seed)
        needed = [
            reviews_needed(replace(data, columns=columns), 0.8, wrong=0.05)[1]
            for columns in ({}, irrelevant_columns(12, 3000, seed))
        ]
        ratios.append(needed[1] / needed[0])
    assert np.mean(ratios) < 1.01


def test_items_that_cannot_be_assessed_stay_out() -> None:
    data = simulated(400)
    suspicion = data.suspicion.copy()
    suspicion[:50] = np.nan
    scores = {**data.scores, "gappy": np.where(np.arange(400) % 3 == 0, np.nan, 1.0)}
    arguments = {**data.arguments(), "suspicion": suspicion, "scores": scores}
    arguments["given"] = np.where(np.isnan(suspicion), -1, data.given)
    reviewed = np.r_[np.arange(10), np.arange(60, 90)]
    state = rescore(**arguments, reviewed=reviewed, is_error=data.is_error[reviewed])
    assert np.isnan(state.p[:50]).all()
    assert np.isfinite(state.p[50:]).all()
    assert state.queue().min() >= 50
    assert np.isfinite(state.expected_remaining)


def test_constant_suspicion_one_class_and_no_scores_are_no_trouble() -> None:
    zeros = np.zeros(60, dtype=int)
    state = rescore(np.full(60, 1.0), {}, given=zeros, suggested=zeros, reviewed=range(30), is_error=[False] * 30)
    assert np.isfinite(state.p).all()
    assert state.p.max() < 1.0
    np.testing.assert_array_equal(state.queue(), np.arange(30, 60))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reviewed": [1, 1], "is_error": [True, False]}, "Row 1 was reviewed more than once"),
        ({"reviewed": [1, 99], "is_error": [True, False]}, "there are 40 items"),
        ({"reviewed": [-1], "is_error": [True]}, "run from -1"),
        ({"reviewed": [1, 2], "is_error": [True]}, "do not fit"),
        ({"batches": [1]}, "do not fit"),
        ({"batches": [2, 1, 2]}, "do not fit"),
        ({"suspicion": np.full(40, 1.5)}, "outside 0..1"),
        ({"given": np.zeros(3, dtype=int)}, "40 suspicions but 3 values of given"),
        ({"scores": {"short": np.zeros(2)}}, "2 values of score 'short'"),
        ({"columns": {"sex": np.zeros(2)}}, "2 values of column 'sex'"),
        ({"pred_probs": np.full((2, 5), 0.2)}, "2 values of pred_probs"),
    ],
)
def test_wrong_input_is_named(change: dict[str, Any], message: str) -> None:
    arguments = {**simulated(40).arguments(), "reviewed": [3, 4], "is_error": [True, False], **change}
    with pytest.raises(UsageError, match=message):
        rescore(**arguments)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.floats(-1.0, 1.0), st.sampled_from([(0.0, 30.0), (0.05, 16.0)]))
def test_posterior_mode_is_where_the_slope_vanishes(seed: int, offset: float, case: tuple[float, float]) -> None:
    overlooked, farthest = case  # suspicion is never farther than 16 log-odds from one half
    offset *= farthest
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(40, 3))
    outcome = (rng.random(40) < 0.5).astype(float)
    below, above = np.array([2.0, 0.25, 0.3]), np.array([0.25, 1.0, 0.3])
    mode = posterior_mode(
        Design(design), np.full(40, offset), outcome, sd_below=below, sd_above=above, overlooked=overlooked
    )

    def density(w: np.ndarray) -> float:
        prior = 0.5 * float((w**2 / np.where(w > 0, above, below) ** 2).sum())
        return log_likelihood(offset + design @ w, outcome, overlooked) - prior

    assert mode.log_density == pytest.approx(density(mode.coefficients))
    for step in 1e-3 * np.vstack([np.eye(3), -np.eye(3)]):
        assert density(mode.coefficients + step) <= mode.log_density + 1e-5


def test_oversights_keep_certain_items_from_being_rewritten() -> None:
    offset, outcome = np.full(200, 6.0), np.r_[np.zeros(8), np.ones(192)]
    prior = {"sd_below": np.array([2.0]), "sd_above": np.array([0.25])}
    taken_at_their_word = posterior_mode(Design(np.ones((200, 1))), offset, outcome, **prior)
    with_oversights = posterior_mode(Design(np.ones((200, 1))), offset, outcome, **prior, overlooked=0.05)
    assert taken_at_their_word.coefficients[0] < -2.0
    assert with_oversights.coefficients[0] > -1.0
    assert with_oversights.log_density > taken_at_their_word.log_density


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_a_design_is_the_matrix_that_it_stands_for(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dense, places = rng.normal(size=(30, 2)), rng.integers(0, [[4], [6]], (2, 30))
    design = Design(dense, (OneHot(places[0], 3), OneHot(places[1], 5)))
    matrix = np.hstack([dense, np.eye(4)[places[0]][:, :3], np.eye(6)[places[1]][:, :5]])
    coefficients, values = rng.normal(size=10), rng.normal(size=30)
    np.testing.assert_allclose(design.times(coefficients), matrix @ coefficients)
    np.testing.assert_allclose(design.transposed_times(values), matrix.T @ values)
    np.testing.assert_allclose(design.gram(values), matrix.T @ (values[:, None] * matrix), atol=1e-12)


@pytest.mark.slow
def test_items_that_look_alike_to_the_model_learn_from_each_other() -> None:
    rng = np.random.default_rng(3)
    n = 2000
    kind = rng.integers(0, 4, n)
    # The first two classes share what they do not get; whose share is larger tells kinds apart and nothing else.
    pred_probs = np.array(
        [[0.5, 0.3, 0.15, 0.05], [0.5, 0.3, 0.05, 0.15], [0.3, 0.5, 0.15, 0.05], [0.3, 0.5, 0.05, 0.15]]
    )
    pred_probs = rng.dirichlet(np.ones(4), n) * 0.04 + 0.96 * pred_probs[kind]
    arguments = {"suspicion": np.full(n, 0.3), "scores": {}, "given": np.zeros(n, int), "suggested": np.ones(n, int)}
    wrong = rng.random(n) < np.where(kind == 2, 0.9, 0.1)
    seen = {"reviewed": np.arange(200), "is_error": wrong[:200]}
    blind, sighted = (rescore(**arguments, **seen, pred_probs=p) for p in (None, pred_probs))
    assert "neighborhood" not in blind.weights
    assert sighted.weights["neighborhood"] > 0.9
    assert wrong[sighted.queue()[:200]].mean() > 0.8 > 0.5 > wrong[blind.queue()[:200]].mean()


def test_a_reviewer_who_overlooks_errors_is_noticed() -> None:
    data = simulated(4000, seed=6)
    sure = np.where(data.is_error, 0.999, 0.001)
    rows = np.argsort(-sure, kind="stable")[:200]
    for verdicts, share in ((np.ones(200, bool), 0.0), (np.arange(200) % 20 > 0, 0.05)):
        state = rescore(**data.arguments() | {"suspicion": sure}, reviewed=rows, is_error=verdicts)
        assert state.overlooked == share
        assert abs(state.p[state.open].mean() - data.is_error[state.open].mean()) < 0.01


@pytest.mark.slow
def test_many_items_are_rescored_whole() -> None:
    rng = np.random.default_rng(0)
    n = 200_000
    suspicion = rng.beta(0.2, 2.0, n)
    scores = {name: suspicion + rng.normal(0, 0.3, n) for name in "abcd"}
    labels = rng.integers(0, 10, (2, n))
    reviewed = np.argsort(-suspicion)[:100]
    verdicts = rng.random(100) < suspicion[reviewed]
    state = rescore(suspicion, scores, given=labels[0], suggested=labels[1], reviewed=reviewed, is_error=verdicts)
    queue = state.queue()
    assert len(queue) == n - 100
    assert np.isfinite(state.p).all()
    assert (np.diff(state.p[queue]) <= 0).all()
