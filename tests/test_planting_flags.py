"""Which items are flagged once suspicion is calibrated by planted errors."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_classification

import labelaudit as la
from labelaudit.health import Health
from labelaudit.planting import UNLIKE_PLANTED


@pytest.fixture(scope="module")
def audit_of_hard_errors():
    """Return an audit in which labels are wrong near the boundary only, so that too few errors are expected."""
    points, truth = make_classification(
        400, n_features=8, n_informative=5, n_redundant=0, n_classes=3, n_clusters_per_class=1, class_sep=1.8,
        flip_y=0, random_state=0,
    )  # fmt: skip
    centers = np.stack([points[truth == k].mean(axis=0) for k in range(3)])
    distances = np.linalg.norm(points[:, None] - centers, axis=2)
    rows = np.arange(len(truth))
    own, distances[rows, truth] = distances[rows, truth].copy(), np.inf
    wrong = np.argsort(distances.min(axis=1) - own)[20:120:3]
    labels = truth.copy()
    labels[wrong] = distances.argmin(axis=1)[wrong]
    ids = np.array([f"i{i:03d}" for i in rows])
    dataset = la.Dataset.from_arrays(labels, classes=["a", "b", "c"], ids=ids, embeddings=points)
    return la.audit(dataset), ids[labels != truth]


def test_an_audit_that_expects_too_few_errors_flags_the_right_items_all_the_same(audit_of_hard_errors):
    audit, wrong = audit_of_hard_errors
    assert audit.health["range_kind"] == UNLIKE_PLANTED
    assert "more may be wrong than expected" in Health.from_dict(audit.health).caution
    assert audit.health["expected_errors"] < 0.5 * len(wrong)
    assert audit.items["suspicion"].max() < 0.5
    flagged = audit.items.index[audit.items["is_suspect"]]
    assert len(flagged) >= 10
    assert np.isin(flagged, wrong).mean() > 0.7


def test_the_line_can_be_drawn_by_hand_and_the_report_says_what_it_is_worth(audit_of_hard_errors):
    audit, _ = audit_of_hard_errors
    suspicion = audit.items["suspicion"]
    line = float(np.median(suspicion.nlargest(20)))
    dataset = la.Dataset.from_arrays(
        audit.items["given_label"].to_numpy(),
        classes=audit.classes,
        ids=audit.items.index.to_numpy(),
        embeddings=audit.arrays["embeddings"][audit.items["row"]],
    )
    drawn = la.audit(dataset, la.AuditConfig(flag_above=line))
    assert (drawn.items["is_suspect"] == (drawn.items["suspicion"] > line)).all()
    health = drawn.health
    flagged = drawn.items[drawn.items["is_suspect"]]
    assert health["suspects"] == len(flagged) > 0
    assert health["suspect_errors"] == pytest.approx(flagged["suspicion"].sum())
