from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.domain import ProbSource
from labelaudit.errors import ProbabilityError
from labelaudit.probabilities import NormalizedProbs, check_block, check_pred_probs, check_shape


@given(
    st.integers(1, 40), st.integers(2, 12), st.sampled_from([np.float16, np.float32, np.float64]), st.integers(0, 99)
)
def test_softmax_of_any_width_and_precision_passes(n, k, dtype, seed) -> None:
    logits = np.random.default_rng(seed).normal(scale=8, size=(n, k))
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = (probs / probs.sum(axis=1, keepdims=True)).astype(dtype)
    check_pred_probs(probs, n, k)
    assert check_block(probs) is probs


def test_faults_behind_the_first_block_are_found() -> None:
    probs = np.full((9, 1_000_000 // 2), 2e-6)
    probs[8, 3] = -0.5
    with pytest.raises(ProbabilityError, match=r"row 9: the probability of class 3 is -0\.5"):
        check_pred_probs(probs, 9, None)


def test_normalized_source_scales_rows_as_they_are_read() -> None:
    counts = np.array([[3, 1], [0, 4], [5, 5]])
    source = NormalizedProbs(counts)
    assert isinstance(source, ProbSource)
    assert source.shape == (3, 2)
    assert source[1:].tolist() == [[0, 1], [0.5, 0.5]]
    assert NormalizedProbs(counts.astype(np.float32)).dtype == np.float32
    with pytest.raises(ProbabilityError, match="pred_probs, row 3: the probabilities sum to 0"):
        NormalizedProbs(np.array([[1, 1], [1, 1], [0, 0]]))[1:]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.ones(4), "has 1 dimensions, shape (4,)"),
        (np.ones((3, 2)), "has 3 rows but there are 4 items"),
        (np.ones((4, 3)), "has 3 columns but there are 2 classes"),
        (np.array([["a", "b"]] * 4), "holds values of the type <U1"),
        (np.empty((4, 2), dtype=object), "holds Python objects"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_unread(array, words) -> None:
    with pytest.raises(ProbabilityError) as caught:
        check_shape(array, 4, 2, name="p")
    assert str(caught.value).startswith("p ")
    assert words in str(caught.value)


def test_a_single_column_is_explained() -> None:
    with pytest.raises(ProbabilityError, match=r"\[1 − p, p\]"):
        check_shape(np.ones((4, 1)), 4, None)
