"""Arrays that users give to `Dataset.from_arrays`: every mistake is one clear error."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import pytest

import labelaudit as la
from labelaudit.errors import LabelAuditError, ProbabilityError

N = 6
LABELS = ["a", "b"] * 3
TEXT = [f"words of item {k}" for k in range(N)]
PROBS = np.full((N, 2), 0.5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"text": TEXT[:2]}, "There are 6 labels but 2 rows of text"),
        ({"text": "one string"}, "The text has the shape ()"),
        ({"text": [["a"], ["b", "c"], *TEXT[2:]]}, "The text, row 1: ['a'] is a list"),
        ({"text": [b"bytes", *TEXT[1:]]}, "The text, row 1: b'bytes' is a bytes"),
        ({"text": TEXT, "ids": [None, *range(5)]}, "The id in row 1 is missing"),
        ({"text": TEXT, "ids": [0, np.nan, 2, 3, 4, 5]}, "The id in row 2 is missing"),
        ({"text": TEXT, "ids": [1] * N}, "The id '1' occurs more than once"),
        ({"text": TEXT, "ids": [1, 2]}, "There are 6 labels but 2 ids"),
        ({"text": TEXT, "groups": {"site": ["x"]}}, "1 rows of group column 'site'"),
        ({"pred_probs": PROBS[:4]}, "4 rows of pred_probs[0]"),
        ({"pred_probs": [PROBS, PROBS[:4]]}, "4 rows of pred_probs[1]"),
        ({"embeddings": [[1, 2], [3], [4], [5], [6], [7]]}, "The embeddings are no array"),
        ({"embeddings": "vectors.npy"}, "The embeddings have the shape ()"),
        ({"embeddings": np.ones(N)}, "The embeddings have the shape (6,)"),
        ({"embeddings": [[1.0, 2.0]] * 3 + [[1.0, np.nan]] * 3}, "The embeddings, row 4: there is a NaN"),
        ({"embeddings": np.ma.masked_array(np.eye(N), np.eye(N))}, "The embeddings, row 1: there is a NaN"),
        ({"features": "table.csv"}, "The features are no table"),
        ({"text": TEXT, "groups": "site"}, "The groups are a str"),
        ({"text": TEXT, "classes": "ab"}, "the classes are 'ab'"),
        ({"text": TEXT, "classes": 2}, "the classes are 2"),
        ({"features": pd.DataFrame(np.ones((N, 2)), columns=["x", "x"])}, "The features have the column 'x' twice"),
        ({"features": pd.DataFrame({"x": [[1]] * N})}, "Column 'x' of the features holds lists"),
        ({"text": TEXT, "classes": ["a", "a"]}, "The class 'a' is named twice"),
        ({"pred_probs": PROBS, "classes": ["a", "b", "c"]}, "there are 3 classes but the probabilities have 2 columns"),
    ],
)
def test_a_mistake_is_one_clear_error(given, message):
    with pytest.raises(LabelAuditError) as caught:
        la.Dataset.from_arrays(LABELS, **given)
    assert message in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "There are no predicted probabilities"),
        ([], "There are no predicted probabilities"),
        ("probs.npy", "The probabilities are a str"),
        (np.float64(0.5), "The probabilities are a float64"),
        ([[0.9, 0.1], [0.2]], "The probabilities are no array"),
        ([0.9, 0.1], "pred_probs has 1 dimensions"),
    ],
)
def test_what_are_no_probabilities_is_refused_in_words(given, message):
    with pytest.raises(ProbabilityError) as caught:
        la.score([0, 1], given)
    assert message in str(caught.value)


class Tensor:
    """What is like an array and has a dtype that NumPy does not know, such as tensors of deep-learning libraries."""

    dtype = "torch.float32"

    def __init__(self, values, *, on_device=False):
        self._values, self._on_device = np.asarray(values), on_device
        self.shape = self._values.shape

    def __array__(self, dtype=None, copy=None):
        if self._on_device:
            raise TypeError("can't convert device type tensor to numpy")
        return self._values


@pytest.mark.parametrize("form", [Tensor, pd.DataFrame])
def test_several_sources_may_be_given_in_any_form(form):
    other = np.full((N, 2), [0.2, 0.8])
    expected = la.score([0, 1] * 3, [PROBS, other])
    found = la.score([0, 1] * 3, [form(PROBS), form(other)])
    np.testing.assert_array_equal(found["self_confidence"], expected["self_confidence"])
    sources = la.Dataset.from_arrays(LABELS, pred_probs=[form(PROBS), form(other)]).pred_probs
    np.testing.assert_array_equal(np.stack([source[0:N] for source in sources]), [PROBS, other])


@pytest.mark.parametrize("name", ["pred_probs", "embeddings"])
def test_a_tensor_that_numpy_cannot_read_is_refused_in_words(name):
    with pytest.raises(LabelAuditError, match="are no array: can't convert device"):
        la.Dataset.from_arrays(LABELS, **{name: Tensor(PROBS, on_device=True)})


def test_what_is_missing_is_empty_and_what_is_no_string_is_written_out():
    dataset = la.Dataset.from_arrays(
        LABELS,
        text=[None, np.nan, pd.NA, 3, 2.5, "six"],
        ids=[uuid.UUID(int=k) for k in range(N)],
        groups={"site": pd.array([1, None, 2, 2, 2, 2], dtype="Int64")},
    )
    assert dataset.text.tolist() == ["", "", "", "3", "2.5", "six"]
    assert dataset.ids[1] == "00000000-0000-0000-0000-000000000001"
    assert dataset.groups["site"].tolist() == ["1", "", "2", "2", "2", "2"]


@pytest.mark.parametrize(
    "given", [PROBS, PROBS.tolist(), list(PROBS), [PROBS], pd.DataFrame(PROBS), (pd.DataFrame(PROBS),)]
)
def test_one_source_may_be_given_in_any_form(given):
    (source,) = la.Dataset.from_arrays(LABELS, pred_probs=given).pred_probs
    np.testing.assert_array_equal(np.asarray(source[0:N]), PROBS)


def test_features_may_be_an_array():
    features = la.Dataset.from_arrays(LABELS, features=np.arange(12).reshape(N, 2)).features
    assert features.shape == (N, 2)


def test_what_is_masked_is_missing():
    labels = np.ma.masked_array([0, 1] * 3, [True] + [False] * 5)
    text = np.ma.masked_array(["a", "b"] * 3, [False, True] * 3)
    dataset = la.Dataset.from_arrays(labels, text=text)
    assert dataset.labels.tolist() == [-1, 1, 0, 1, 0, 1]
    assert dataset.text.tolist() == ["a", ""] * 3
    assert np.isnan(la.score(labels, PROBS).suspicion).tolist() == [True] + [False] * 5
    hidden = np.ma.masked_array(PROBS, np.zeros(PROBS.shape, dtype=bool))
    hidden[2, 1] = np.ma.masked
    with pytest.raises(ProbabilityError, match="row 3: the probability of class 1 is NaN"):
        la.score([0, 1] * 3, hidden)
