"""Arrays that users give to `Dataset.from_arrays`: every mistake is one clear error."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import pytest

import labelaudit as la
from labelaudit.errors import LabelAuditError

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


@pytest.mark.parametrize("given", [PROBS, PROBS.tolist(), [PROBS], pd.DataFrame(PROBS), (pd.DataFrame(PROBS),)])
def test_one_source_may_be_given_in_any_form(given):
    (source,) = la.Dataset.from_arrays(LABELS, pred_probs=given).pred_probs
    np.testing.assert_array_equal(np.asarray(source[0:N]), PROBS)


def test_features_may_be_an_array():
    features = la.Dataset.from_arrays(LABELS, features=np.arange(12).reshape(N, 2)).features
    assert features.shape == (N, 2)
