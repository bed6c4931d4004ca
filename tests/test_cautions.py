"""What reports beware of where the numbers look too good."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict

import labelaudit as la
from labelaudit.health import Health


@pytest.fixture(scope="module")
def digits():
    """Vectors, and labels of which one in ten is wrong."""
    vectors, labels = load_digits(return_X_y=True)
    vectors, labels = vectors[:600], labels[:600].astype(np.int32)
    labels[::10] = (labels[::10] + 1) % 10
    return vectors, labels


def caution(labels, **inputs):
    dataset = la.Dataset.from_arrays(labels, classes=[str(digit) for digit in range(10)], **inputs)
    return Health.from_dict(la.audit(dataset).health).caution


def test_probabilities_of_a_model_on_its_training_data_are_not_taken_for_perfect_labels(digits):
    vectors, labels = digits
    forest = RandomForestClassifier(50, random_state=0)
    said = caution(labels, pred_probs=[forest.fit(vectors, labels).predict_proba(vectors)])
    assert "of the labels. If it has seen them" in said
    assert "trained on these very labels" in said
    assert caution(labels, pred_probs=[cross_val_predict(forest, vectors, labels, method="predict_proba")]) == ""


@pytest.mark.slow
def test_a_column_that_repeats_the_label_is_not_taken_for_perfect_labels(sample_data, tmp_path):
    table = pd.read_csv(sample_data / "machines.csv")
    table["code"] = table["fault"].map({name: f"F{place}" for place, name in enumerate(table["fault"].unique())})
    table.to_csv(tmp_path / "machines.csv", index=False)
    said = Health.from_dict(la.audit(la.read(tmp_path / "machines.csv", label="fault", id="id")).health).caution
    assert "a column to leave out with --drop" in said
