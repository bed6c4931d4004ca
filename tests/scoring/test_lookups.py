"""Both kinds of lookups give the same bits, whatever the chunks, and leave out what is not known."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from labelaudit.class_statistics import ClassStatistics
from labelaudit.kernels import COMPILED_FROM, compiled_lookups, lookups, lookups_for
from labelaudit.kernels.lookups import RATIO_BINS, MarginPlan
from labelaudit.kernels.reference import reduce_rows

BOTH = [pytest.param(lookups, id="numpy"), pytest.param(compiled_lookups, id="compiled")]
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture
def some(make_set):
    labels, pred_probs = make_set(3, n=1000, n_classes=7)
    labels[5:9] = -1
    return labels, pred_probs


@pytest.mark.parametrize("using", BOTH)
@pytest.mark.parametrize("order", ["C", "F"])
@DTYPES
def test_given_probabilities_are_looked_up_and_bounded(using, order, dtype, some):
    labels, pred_probs = some[0], np.array(some[1], dtype=dtype, order=order)
    first = range(4)
    pred_probs[first, labels[first]] = [np.nan, np.inf, -np.inf, 1.5]
    out = np.empty(1000, dtype)
    using.take_given(out, labels, pred_probs)
    assert out[:4].tolist() == [0.0, 1.0, 0.0, 1.0]
    np.testing.assert_array_equal(out[9:], pred_probs[np.arange(9, 1000), labels[9:]])
    assert ((out >= 0) & (out <= 1)).all()


@DTYPES
def test_confidences_are_the_same_bits_and_skip_the_unlabelled(dtype, some):
    labels, p_given = some[0], np.random.default_rng(0).random(1000).astype(dtype) ** 9
    p_given[labels < 0] = np.nan  # which nobody looks at
    one, other = (ClassStatistics.of_confidence(labels, p_given, 7, using) for using in (lookups, compiled_lookups))
    assert one.n_unlabelled == other.n_unlabelled == 4
    np.testing.assert_array_equal(one.counts, np.bincount(labels[labels >= 0], minlength=7))
    for name in ("counts", "confidence"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize("n_classes", [7, 900])  # dense and, as the cells are many more than the rows, sorted
def test_pairs_are_counted_alike(n_classes):
    given, confident = np.random.default_rng(1).integers(-1, n_classes, (2, 1000)).astype(np.int32)
    empty = ClassStatistics.of_confidence(given, np.zeros(1000), n_classes)
    one, other = (empty.with_joint(given, confident, using) for using in (lookups, compiled_lookups))
    expected = np.zeros((n_classes, n_classes), dtype=np.int64)
    for i, j in zip(given, confident, strict=True):
        if i >= 0 and j >= 0:
            expected[i, j] += 1
    for found in (one, other):
        np.testing.assert_array_equal(found.joint_cells, np.flatnonzero(expected))
        np.testing.assert_array_equal(found.joint_counts, expected.ravel()[found.joint_cells])


@pytest.fixture
def some_rows(some):
    labels, pred_probs = some
    labels, pred_probs = labels[labels >= 0], pred_probs[labels >= 0]
    pred_probs[:3] = np.eye(7)[:3]  # a ratio of 0
    pred_probs[3:5, :2], pred_probs[3:5, 2:] = 0.5, 0.0  # a ratio of 1
    return reduce_rows(labels, pred_probs, np.full(7, 0.5))


def in_precision(rows, dtype):
    floats = {f.name: getattr(rows, f.name).astype(dtype) for f in fields(rows) if f.name.startswith("p_")}
    return replace(rows, **floats)


@DTYPES
def test_ratios_of_the_two_best_are_counted_alike_in_bins_of_their_logarithm(dtype, some_rows):
    rows = in_precision(some_rows, dtype)
    numpy, compiled = np.zeros((2, 3, RATIO_BINS), dtype=np.int64)
    lookups.count_ratios(numpy, rows)
    compiled_lookups.count_ratios(compiled, rows)
    np.testing.assert_array_equal(numpy, compiled)
    exact = np.log(np.maximum(rows.p_second / rows.p_top, 2.0**-22))
    best, second = rows.given == rows.top, rows.given == rows.second
    for counts, chosen in zip(numpy, (best, second, ~best & ~second), strict=True):
        np.testing.assert_allclose(np.repeat(lookups.log_ratios(), counts)[::-1], np.sort(exact[chosen]), atol=0.005)
    assert lookups.log_ratios()[0] == 0.0


@DTYPES
@pytest.mark.parametrize(("first", "last"), [(0, RATIO_BINS - 1), (0, 0), (60, 300), (RATIO_BINS - 1, RATIO_BINS - 1)])
def test_the_ratios_of_some_bins_are_those_that_were_counted(dtype, first, last, some_rows):
    rows = in_precision(some_rows, dtype)
    counts = np.zeros((3, RATIO_BINS), dtype=np.int64)
    lookups.count_ratios(counts, rows)
    spans = lookups.span_of_bins(first, last), lookups.span_of_bins(0, last)
    numpy, compiled = (each.take_ratios(rows, *spans) for each in (lookups, compiled_lookups))
    for ours, theirs, n in zip(numpy, compiled, (counts[0, first : last + 1], counts[1:, : last + 1]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert len(ours) == n.sum()


@DTYPES
def test_rows_that_reach_a_bound_are_counted_alike(dtype, some_rows):
    rows = in_precision(some_rows, dtype)
    bounds = np.linspace(0.2, 0.9, 7)
    bounds[rows.top[3]] = rows.p_top[3]
    numpy, compiled = np.zeros((2, 2, 2), dtype=np.int64)
    lookups.count_reaching(numpy, rows, bounds)
    compiled_lookups.count_reaching(compiled, rows, bounds)
    np.testing.assert_array_equal(numpy, compiled)
    differs, reaches = rows.top != rows.given, rows.p_top >= bounds[rows.top]
    assert reaches[3]
    assert numpy.tolist() == [
        [(~differs & ~reaches).sum(), (~differs & reaches).sum()],
        [(differs & ~reaches).sum(), (differs & reaches).sum()],
    ]


@DTYPES
def test_rows_are_counted_alike_by_how_sure_the_model_is(dtype, some_rows):
    rows = in_precision(some_rows, dtype)
    bounds = np.sort(rows.p_top)[[len(rows) // 10, len(rows) // 2, len(rows) - 3]]
    numpy, compiled = np.full((2, 4, 2), 5, dtype=np.int64)
    lookups.count_sure(numpy, rows, bounds)
    compiled_lookups.count_sure(compiled, rows, bounds)
    np.testing.assert_array_equal(numpy, compiled)
    differs = rows.top != rows.given
    chosen = rows.p_top >= 0, rows.p_top <= bounds[0], rows.p_top >= bounds[1], rows.p_top >= bounds[2]
    assert numpy.tolist() == [[5 + of_rows.sum(), 5 + (of_rows & differs).sum()] for of_rows in chosen]
    assert 0 < numpy[1, 1] - 5 < numpy[0, 1] - 5


@DTYPES
def test_confusions_are_counted_alike_and_exactly(dtype, some_rows):
    rows = in_precision(some_rows, dtype)
    half = float(np.sort(rows.p_top)[len(rows) // 2])
    where, found = rows.p_top <= half, []
    for using in (lookups, compiled_lookups):
        tables = lookups.ConfusionTables.zeros(7)
        using.count_confusions(tables, rows, half)
        found.append(tables)
    for numpy, compiled in zip(*found, strict=True):
        np.testing.assert_array_equal(numpy, compiled)
    labels, seen, foreseen, rest = found[0]
    np.testing.assert_array_equal(labels, np.bincount(rows.given, minlength=7))
    assert seen[2, 4] == (where & (rows.top == 2) & (rows.given == 4)).sum()
    chosen = where & (rows.top == 2) & (rows.second == 4)
    assert foreseen[0, 2 * 7 + 4] == chosen.sum()
    assert lookups.from_limbs(foreseen[1:])[2 * 7 + 4] == pytest.approx(rows.p_second[chosen].sum(dtype=float))
    others = where & (rows.top == 2)
    expected = np.maximum(1 - rows.p_top[others] - rows.p_second[others], 0).sum(dtype=float)
    assert lookups.from_limbs(rest[1:])[2] == pytest.approx(expected)


@DTYPES
@pytest.mark.parametrize("name", ["mark_contradicted", "mark_off_diagonal"])
def test_contradicted_labels_are_marked_alike(name, dtype, some_rows):
    rows = in_precision(some_rows, dtype)
    rows.p_given[10:30] = rows.p_other[10:30] - dtype(1e-6)  # within rounding of a tie
    rows.given[:5] = -1
    one, other = (np.zeros(len(rows), dtype=bool) for _ in range(2))
    getattr(lookups, name)(one, rows)
    getattr(compiled_lookups, name)(other, rows)
    np.testing.assert_array_equal(one, other)
    assert 0 < one.sum() < len(rows)
    assert not one[:5].any()


@DTYPES
def test_hashes_are_the_same_and_spread_evenly(dtype, some_rows):
    rows = in_precision(some_rows, dtype)
    bound = np.uint64(2**62)  # a quarter of all
    one, other = (np.empty(len(rows), dtype=bool) for _ in range(2))
    lookups.mark_hashed(one, rows.p_top, rows.p_second, bound)
    compiled_lookups.mark_hashed(other, rows.p_top, rows.p_second, bound)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one, lookups.row_hashes(rows.p_top, rows.p_second) <= bound)
    assert one.mean() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("using", BOTH)
@pytest.mark.parametrize("order", ["C", "F"])
@DTYPES
def test_margins_lie_by_class_and_true_class(using, order, dtype, some):
    labels, pred_probs = some[0], np.array(some[1], dtype=dtype, order=order)
    members, true = {2: np.flatnonzero(labels == 2)[::2], 4: np.flatnonzero(labels == 4)}, {2: [0, 6], 4: [1, 2, 3]}
    place = np.full(1000, -1)
    place[members[2]] = np.arange(len(members[2]))
    place[members[4]] = 2 * len(members[2]) + np.arange(len(members[4]))
    first, width, stride = np.zeros((3, 7), dtype=np.int64)
    first[4], width[[2, 4]], stride[[2, 4]] = 2, [2, 3], [len(members[2]), len(members[4])]
    plan = MarginPlan(place, np.array([0, 6, 1, 2, 3]), first, width, stride)
    out = np.full(2 * len(members[2]) + 3 * len(members[4]), np.nan, dtype)
    for rows in (slice(0, 300), slice(300, 1000)):
        using.take_margins(out, rows, labels[rows], pred_probs[rows], plan)
    expected = [pred_probs[members[k], k] - pred_probs[members[k], j] for k in (2, 4) for j in true[k]]
    np.testing.assert_array_equal(out, np.concatenate(expected))


def test_size_alone_chooses():
    assert lookups_for(COMPILED_FROM - 1) is lookups
    assert lookups_for(COMPILED_FROM) is compiled_lookups
