"""The neighbour search against scikit-learn, and what must not change its result."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from labelaudit.errors import ConfigError, DataError, MissingExtraError, UnknownNameError
from labelaudit.neighbors import find_neighbors, search


def gaussian(n: int, d: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def oracle(vectors: np.ndarray, k: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    with threadpool_limits(1):  # its threads wait in a busy loop, which a loaded machine pays for in seconds
        return NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(vectors).kneighbors()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int16"])
@pytest.mark.parametrize(("n", "d"), [(30, 3), (700, 40), (3000, 7)])
def test_exact_search_equals_scikit_learn(metric, dtype, n, d):
    vectors = (gaussian(n, d) * 20).astype(dtype)
    vectors = vectors[np.unique(vectors, axis=0, return_index=True)[1]]
    vectors = vectors[np.abs(vectors.astype(float)).sum(axis=1) > 0]
    found = find_neighbors(vectors, k=7, metric=metric)
    distances, indices = oracle(vectors.astype(np.float64), 7, metric)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-5, atol=1e-7)
    # Where two neighbours are equally far, the order between them is ours: the lower row first.
    distinct = np.diff(distances, axis=1, append=np.inf).min(axis=1) > 1e-6
    assert distinct.mean() > (0.3 if dtype == "int16" else 0.7)
    np.testing.assert_array_equal(found.indices[distinct, :-1], indices[distinct, :-1])
    assert found.exact
    assert found.recall == 1.0


def test_a_large_common_offset_does_not_blur_euclidean_distances():
    vectors = gaussian(500)
    found = find_neighbors(vectors + 1e6, k=5, metric="euclidean")
    np.testing.assert_array_equal(found.indices, find_neighbors(vectors, k=5, metric="euclidean").indices)


@pytest.mark.parametrize("spread", [1e-2, 1e-3, 1e-5])
def test_nearly_the_same_direction_of_all_vectors_does_not_blur_angles(spread):
    vectors = np.eye(16)[0] + spread * gaussian(500, 16)
    vectors[7] = 0.0
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)
    squared = ((unit[:, None] - unit) ** 2).sum(axis=2)
    squared[np.arange(500), np.arange(500)] = squared[7] = squared[:, 7] = np.inf
    expected = np.argsort(squared, axis=1)[:, :5]
    expected[7] = -1
    np.testing.assert_array_equal(find_neighbors(vectors, k=5).indices, expected)


@pytest.mark.parametrize("scale", [1e-30, 1e30, 1e150])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_unit_of_the_vectors_does_not_matter(metric, scale):
    vectors = gaussian(200)
    np.testing.assert_array_equal(
        find_neighbors(vectors * scale, k=5, metric=metric).indices, find_neighbors(vectors, k=5, metric=metric).indices
    )


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_threads_and_memory_change_no_bit(metric):
    vectors = gaussian(2600, 33)
    vectors[100:400] = np.round(vectors[100:400])  # near-ties
    vectors[2000:2500] = vectors[0]  # more copies than neighbours
    reference = find_neighbors(vectors, metric=metric, threads=1)
    for options in ({"threads": 4}, {"threads": 2, "memory": "1MB"}, {"memory": "4GB"}):
        found = find_neighbors(vectors, metric=metric, **options)
        np.testing.assert_array_equal(found.indices, reference.indices)
        np.testing.assert_array_equal(found.distances, reference.distances)


def test_a_memory_map_gives_what_the_array_gives(tmp_path):
    vectors = gaussian(300).astype(np.float32)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    np.testing.assert_array_equal(find_neighbors(mapped).indices, find_neighbors(vectors).indices)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), metric=st.sampled_from(["cosine", "euclidean"]))
def test_permuting_the_rows_permutes_the_neighbours(seed, metric):
    vectors = gaussian(150, 5, seed)
    order = np.random.default_rng(seed + 1).permutation(150)
    plain = find_neighbors(vectors, k=4, metric=metric)
    permuted = find_neighbors(vectors[order], k=4, metric=metric)
    np.testing.assert_array_equal(order[permuted.indices], plain.indices[order])
    np.testing.assert_allclose(permuted.distances, plain.distances[order], rtol=1e-6)


@settings(max_examples=30)
@given(
    vectors=hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
        elements=st.one_of(st.integers(-2, 2).map(float), st.just(float("nan")), st.just(float("inf"))),
    ),
    k=st.integers(1, 6),
    metric=st.sampled_from(["cosine", "euclidean"]),
)
def test_any_small_input_keeps_the_contract(vectors, k, metric):
    found = find_neighbors(vectors, k=k, metric=metric)
    usable = np.isfinite(vectors).all(axis=1)
    if metric == "cosine":
        usable &= (vectors != 0).any(axis=1)
    expected = np.where(usable, np.clip(usable.sum() - 1, 0, k), 0)
    present = found.indices >= 0
    np.testing.assert_array_equal(present.sum(axis=1), expected)
    np.testing.assert_array_equal(np.isfinite(found.distances), present)
    assert usable[found.indices[present]].all()
    assert not (found.indices == np.arange(len(vectors))[:, None]).any()
    assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in found.indices)
    np.testing.assert_array_equal(found.copy_of >= 0, usable)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 8))
def test_ties_go_to_the_lower_row(seed, k):
    vectors = np.random.default_rng(seed).integers(0, 3, size=(40, 3)).astype(np.float64)
    found = find_neighbors(vectors, k=k, metric="euclidean")
    squared = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squared, np.inf)
    np.testing.assert_array_equal(found.indices, np.argsort(squared, axis=1, kind="stable")[:, :k])


def test_copies_are_found_even_where_they_outnumber_the_neighbours():
    vectors = gaussian(60)
    vectors[[5, 9, 20, 30, 31, 59]] = vectors[2]
    vectors[40, 0], vectors[41] = 0.0, vectors[40]
    vectors[41, 0] = -0.0
    found = find_neighbors(vectors, k=2)
    expected = np.arange(60)
    expected[[5, 9, 20, 30, 31, 59]] = 2
    expected[41] = 40
    np.testing.assert_array_equal(found.copy_of, expected)
    assert (found.distances[[2, 5, 9, 20]] == 0).all()
    np.testing.assert_array_equal(found.indices[20], [2, 5])


@pytest.mark.parametrize("approximate", [False, True])
def test_with_an_order_of_their_own_shuffled_rows_have_the_same_neighbours_bit_for_bit(approximate):
    vectors = np.random.default_rng(0).integers(0, 3, size=(400, 4)) + 0.5  # ties everywhere
    shuffle = np.random.default_rng(1).permutation(400)
    plain = find_neighbors(vectors, metric="euclidean", approximate=approximate)
    found = find_neighbors(vectors[shuffle], metric="euclidean", approximate=approximate, order=np.argsort(shuffle))
    np.testing.assert_array_equal(shuffle[found.indices], plain.indices[shuffle])
    np.testing.assert_array_equal(found.distances, plain.distances[shuffle])
    np.testing.assert_array_equal(shuffle[found.copy_of], plain.copy_of[shuffle])


def test_constant_columns_change_nothing():
    vectors = gaussian(100)
    padded = np.hstack([vectors, np.full((100, 2), 3.0)])
    np.testing.assert_array_equal(
        find_neighbors(padded, metric="euclidean").indices, find_neighbors(vectors, metric="euclidean").indices
    )


class TestApproximate:
    @pytest.fixture(scope="class")
    def vectors(self):
        rng = np.random.default_rng(3)
        return (rng.normal(size=(60, 24))[rng.integers(60, size=4000)] + 0.5 * rng.normal(size=(4000, 24))).astype("f4")

    @pytest.mark.parametrize("metric", ["cosine", "euclidean"])
    def test_recall_is_stated_as_it_is(self, vectors, metric):
        found = find_neighbors(vectors, metric=metric, approximate=True)
        exact = find_neighbors(vectors, metric=metric)
        recall = np.mean((exact.indices[:, :, None] == found.indices[:, None, :]).any(axis=2))
        assert not found.exact
        assert found.recall >= 0.95
        assert recall == pytest.approx(found.recall, abs=0.02)
        agree = found.indices == exact.indices
        np.testing.assert_array_equal(found.distances[agree], exact.distances[agree])
        np.testing.assert_array_equal(found.copy_of, exact.copy_of)

    def test_threads_change_nothing(self, vectors):
        one, four = (find_neighbors(vectors, approximate=True, threads=threads) for threads in (1, 4))
        np.testing.assert_array_equal(one.indices, four.indices)
        np.testing.assert_array_equal(one.distances, four.distances)

    def test_unusable_rows_and_copies_are_no_trouble(self, vectors):
        spoiled = vectors.copy()
        spoiled[7] = np.nan
        spoiled[100:130] = spoiled[50]
        found = find_neighbors(spoiled, approximate=True)
        assert (found.indices[7] == -1).all()
        assert not (found.indices == 7).any()
        assert not (found.indices == np.arange(len(spoiled))[:, None]).any()
        np.testing.assert_array_equal(found.copy_of[100:130], 50)

    def test_fewer_items_than_neighbours(self):
        found = find_neighbors(gaussian(4), k=10, approximate=True)
        np.testing.assert_array_equal((found.indices >= 0).sum(axis=1), 3)
        assert found.recall == 1.0

    def test_auto_turns_approximate_above_the_limit(self, vectors, monkeypatch):
        monkeypatch.setattr(search, "EXACT_UP_TO", 3999)
        assert not find_neighbors(vectors).exact
        assert find_neighbors(vectors[:3999]).exact
        assert find_neighbors(vectors, approximate=False).exact

    def test_a_missing_package_is_named_with_the_extra(self, vectors, monkeypatch):
        monkeypatch.setattr(search, "EXACT_UP_TO", 100)
        monkeypatch.setattr(search, "is_installed", lambda: False)
        with pytest.raises(MissingExtraError, match=r"4,000 items needs the package 'faiss-cpu'.*labelaudit\[ann\]"):
            find_neighbors(vectors)
        assert find_neighbors(vectors[:100]).exact


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ConfigError, "number of neighbours is 0"),
        ({"threads": 0}, ConfigError, "number of threads is 0"),
        ({"memory": "lots"}, ConfigError, "not a size"),
        ({"metric": "cosinus"}, UnknownNameError, "Did you mean 'cosine'"),
        ({"approximate": "yes"}, ConfigError, "'approximate' is 'yes'"),
        ({"order": [0, 1, 2, 3, 3]}, ConfigError, "no permutation of the 5 rows"),
    ],
)
def test_options_out_of_range_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        find_neighbors(gaussian(5), **options)


@pytest.mark.parametrize("vectors", [np.zeros(5), np.zeros((2, 3, 4)), np.array([["a", "b"]])])
def test_vectors_of_the_wrong_kind_are_refused(vectors):
    with pytest.raises(DataError, match=r"dense array \(n, d\)"):
        find_neighbors(vectors)


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (3, 0)])
def test_nothing_to_compare_gives_no_neighbours(shape):
    found = find_neighbors(np.zeros(shape), k=2)
    assert found.indices.shape == (shape[0], 2)
    assert (found.indices == -1).all()
