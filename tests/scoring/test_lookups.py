"""Both kinds of lookups give the same bits, whatever the chunks, and leave out what is not known."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit.class_statistics import ClassStatistics
from labelaudit.kernels import COMPILED_FROM, compiled_lookups, lookups, lookups_for
from labelaudit.kernels.lookups import MarginPlan

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
