"""The ranking: invariances, ties, what cannot be assessed, and how well it does on real errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit.neighbors import find_neighbors, neighbor_statistics
from labelaudit.ranking import rank
from labelaudit.scoring import score
from labelaudit.suspicion import weigh
from tests.rows import rows_of

CLEANLAB = (
    "self_confidence",
    "normalized_margin",
    "confidence_weighted_entropy",
    "adjusted_self_confidence",
    "adjusted_normalized_margin",
)


@dataclass(frozen=True, eq=False)
class World:
    """Gaussian classes, a linear model's probabilities for them, and labels of which some are wrong."""

    vectors: np.ndarray
    pred_probs: np.ndarray
    labels: np.ndarray
    is_error: np.ndarray


def make_world(seed: int, *, n: int = 600, n_classes: int = 5, rate: float = 0.08, sharpness: float = 1.0) -> World:
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 2.0, (n_classes, 6))
    truth = rng.integers(0, n_classes, n)
    vectors = centers[truth] + rng.normal(size=(n, 6))
    logits = -0.5 * sharpness * ((vectors[:, None] - centers[None]) ** 2).sum(axis=2)
    pred_probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    is_error = rng.random(n) < rate
    labels = np.where(is_error, (truth + rng.integers(1, n_classes, n)) % n_classes, truth).astype(np.int32)
    return World(vectors, pred_probs, labels, is_error)


def average_precision(is_error, suspicion) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(is_error, suspicion))


def f1(is_error, flagged) -> float:
    return 2 * (is_error & flagged).sum() / (is_error.sum() + flagged.sum())


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), n_classes=st.sampled_from([2, 3, 7]), sharpness=st.sampled_from([0.2, 1.0, 8.0]))
def test_suspicion_is_a_monotone_probability_and_the_terms_add_up(seed, n_classes, sharpness):
    world = make_world(seed, n=200, n_classes=n_classes, sharpness=sharpness)
    ranking = rank(rows_of(world.labels, world.pred_probs))
    assert ((ranking.suspicion >= 0) & (ranking.suspicion <= 1)).all()
    assert (np.diff(ranking.order_score[ranking.order]) <= 0).all()
    assert (np.diff(ranking.suspicion[ranking.order]) <= 0).all()
    np.testing.assert_allclose(sum(ranking.terms.values()), ranking.order_score)
    line = ranking.suspicion[~ranking.is_suspect].max()
    np.testing.assert_array_equal(ranking.is_suspect, ranking.suspicion > line)
    assert ranking.is_suspect.sum() <= (world.pred_probs.argmax(axis=1) != world.labels).sum()
    low, high = ranking.expected_errors_range
    assert low <= ranking.expected_errors <= high
    assert ranking.expected_errors == pytest.approx(ranking.suspicion.sum())
    assert ranking.range_kind == "plausible range"
    assert (ranking.suggested != world.labels).all()
    assert (ranking.runner_up != ranking.suggested).all()
    assert (ranking.runner_up != world.labels).all()


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_neither_the_order_of_rows_nor_of_classes_matters(seed):
    rng = np.random.default_rng(seed)
    world = make_world(seed, n=150)
    plain = rank(rows_of(world.labels, world.pred_probs))
    order = rng.permutation(150)
    shuffled = rank(rows_of(world.labels[order], world.pred_probs[order]))
    np.testing.assert_allclose(shuffled.order_score, plain.order_score[order], rtol=1e-9, atol=1e-9)
    classes = rng.permutation(5)
    renamed = rank(rows_of(np.argsort(classes)[world.labels], world.pred_probs[:, classes]))
    np.testing.assert_allclose(renamed.order_score, plain.order_score, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(classes[renamed.suggested], plain.suggested)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neither_threads_nor_compiled_lookups_change_a_bit(dtype, monkeypatch):
    world = make_world(7, n=3000, sharpness=0.4)
    labels = world.labels.copy()
    labels[:50] = -1
    rows = score(labels, world.pred_probs.astype(dtype)).rows
    plain = rank(rows, threads=1)
    assert plain.terms["margin"].dtype == dtype
    monkeypatch.setattr("labelaudit.threads._ROWS", 1000)
    monkeypatch.setattr("labelaudit.kernels.COMPILED_FROM", 0)
    again = [rank(rows, threads=threads) for threads in (1, 3)]
    for other in again:
        for name in ("order_score", "order", "ambiguity", "is_ambiguous", "suggested", "runner_up"):
            np.testing.assert_array_equal(getattr(other, name), getattr(plain, name), err_msg=name)
    np.testing.assert_array_equal(again[0].suspicion, again[1].suspicion)
    assert again[0].expected_errors_range == again[1].expected_errors_range


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_ties_are_broken_by_id_and_never_by_row(seed):
    rng = np.random.default_rng(seed)
    world = make_world(seed, n=40)
    copies = np.repeat(np.arange(40), 3)  # every item three times: each is a tie
    ids = np.array([f"item-{i:03d}" for i in rng.permutation(120)], dtype=object)
    first = ids[rank(rows_of(world.labels[copies], world.pred_probs[copies]), ids=ids).order]
    order = rng.permutation(120)
    again = rank(rows_of(world.labels[copies[order]], world.pred_probs[copies[order]]), ids=ids[order])
    assert first.tolist() == ids[order][again.order].tolist()
    assert len(set(first)) == 120


def test_what_cannot_be_assessed_is_neither_suspect_nor_fine_and_changes_nothing_else():
    world = make_world(3)
    labels = world.labels.copy()
    labels[[5, 50]] = -1
    kept = np.delete(np.arange(600), [5, 50])
    near = neighbor_statistics(find_neighbors(world.vectors, k=10, metric="euclidean"), labels, 5)
    all_rows = rank(rows_of(labels, world.pred_probs), neighbors=near)
    others = rank(rows_of(labels[kept], world.pred_probs[kept]), neighbors=near.take(kept))
    assert np.isnan(all_rows.suspicion[[5, 50]]).all()
    assert not all_rows.is_suspect[[5, 50]].any()
    assert sorted(all_rows.order[-2:]) == [5, 50]
    np.testing.assert_allclose(all_rows.suspicion[kept], others.suspicion)
    assert np.isfinite(all_rows.ambiguity).all()


@pytest.mark.parametrize("labels", [[], [0], [0, 0], [0, 1], [-1, -1]])
def test_very_small_sets_have_finite_answers(labels):
    pred_probs = np.tile([0.7, 0.2, 0.1], (len(labels), 1))
    ranking = rank(rows_of(labels, pred_probs))
    assessed = np.asarray(labels, dtype=int) >= 0
    assert np.isfinite(ranking.suspicion[assessed]).all()
    assert np.isfinite(ranking.expected_errors)


@pytest.mark.parametrize("labels", [np.zeros(50), np.ones(50)])
def test_exact_zeros_and_full_agreement_or_disagreement_are_no_trouble(labels):
    pred_probs = np.tile([1.0, 0.0], (50, 1))
    ranking = rank(rows_of(labels, pred_probs))
    assert np.isfinite(ranking.order_score).all()
    assert ranking.is_suspect.all() == bool(labels[0])


def test_neighbours_help_a_poor_model_and_do_not_harm_where_they_know_nothing():
    world = make_world(0, n=1500, rate=0.1)
    rng = np.random.default_rng(0)
    poor = 0.5 * world.pred_probs + 0.5 * rng.dirichlet(np.full(5, 0.5), 1500)
    rows = rows_of(world.labels, poor)
    plain = average_precision(world.is_error, rank(rows).order_score)
    good = neighbor_statistics(find_neighbors(world.vectors, k=10, metric="euclidean"), world.labels, 5)
    assert average_precision(world.is_error, rank(rows, neighbors=good).order_score) > plain + 0.03
    assert (rank(rows, neighbors=good).suspicion > 0.5).sum() == (rank(rows).suspicion > 0.5).sum()
    noise = find_neighbors(rng.normal(size=(1500, 6)), k=10, metric="euclidean")
    blind = rank(rows, neighbors=neighbor_statistics(noise, world.labels, 5))
    assert average_precision(world.is_error, blind.order_score) > plain - 0.01


@pytest.mark.parametrize("n_classes", [2, 5])
def test_doubt_tells_which_labels_are_suspect_and_not_how_many(n_classes):
    world = make_world(4, n=2000, n_classes=n_classes, rate=0.15, sharpness=0.3)
    rows = rows_of(world.labels, world.pred_probs)
    ranking = rank(rows)
    calibration = weigh(rows).calibration
    assert np.ptp(ranking.terms["doubt"]) > 0
    without = ranking.order_score - ranking.terms["doubt"]
    assert (ranking.suspicion > 0.5).sum() == (without > calibration.cut).sum() > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "model", "least_f1"),
    [
        ("cifar10n-aggregate", "resnet18", 0.77),
        ("cifar10n-aggregate", "efficientnet_b1", 0.77),
        ("cifar10n-aggregate", "swin_base", 0.925),
        ("roman-numeral", "resnet18", 0.51),
        ("roman-numeral", "efficientnet_b1", 0.44),
        ("roman-numeral", "swin_base", 0.53),
    ],
)
def test_real_errors_are_found_as_well_as_by_cleanlabs_best_score(shared_data, folder, model, least_f1):
    labels = np.load(shared_data / folder / "labels.npy").astype(np.int32)
    is_error = np.load(shared_data / folder / "is_error.npy").astype(bool)
    scores = score(labels, np.load(shared_data / folder / f"{model}.npy"), normalize=True)
    best = max(average_precision(is_error, scores[name]) for name in CLEANLAB)
    assert average_precision(is_error, scores.ranking.order_score) >= best - 0.005
    assert f1(is_error, scores.is_suspect) >= least_f1


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "least"), [("cifar10n-aggregate", 0.978), ("roman-numeral", 0.58)])
def test_a_pool_is_as_good_as_its_best_model(shared_data, folder, least):
    labels = np.load(shared_data / folder / "labels.npy").astype(np.int32)
    is_error = np.load(shared_data / folder / "is_error.npy").astype(bool)
    sources = [np.load(shared_data / folder / f"{m}.npy") for m in ("resnet18", "efficientnet_b1", "swin_base")]
    pooled = score(labels, sources, normalize=True)
    assert average_precision(is_error, pooled.ranking.order_score) >= least
