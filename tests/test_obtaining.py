"""Probabilities that come with the data, and a model that is fitted beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import spearmanr

import labelaudit as la
from labelaudit.cli import group
from labelaudit.config import AuditConfig
from labelaudit.errors import ProbabilityError, UsageError


def blobs(seed=0, n=400, n_classes=4):
    """Vectors between classes, what a good classifier would say of them, and what a dull one did."""
    rng = np.random.default_rng(seed)
    centers = 2.0 * rng.normal(size=(n_classes, 6))
    labels = rng.integers(n_classes, size=n)
    vectors = centers[labels] + rng.normal(size=(n, 6))
    logits = -0.5 * ((vectors[:, None] - centers) ** 2).sum(axis=2)
    true = np.exp(logits - logits.max(axis=1, keepdims=True))
    true /= true.sum(axis=1, keepdims=True)
    dull = np.exp(0.5 * np.log(np.maximum(true, 1e-6)) + rng.normal(size=true.shape))
    return vectors, labels, true, dull / dull.sum(axis=1, keepdims=True)


def test_a_named_classifier_joins_the_given_probabilities():
    vectors, labels, true, dull = blobs()
    dataset = la.Dataset.from_arrays(labels, pred_probs=[dull], embeddings=vectors)
    alone = la.audit(dataset)
    both = la.audit(dataset, AuditConfig(classifier="embedding"))
    assert "pred_probs" not in alone.arrays
    assert both.arrays["pred_probs"].shape == dull.shape
    np.testing.assert_allclose(both.arrays["pred_probs"].sum(axis=1), 1.0, atol=1e-5)
    assert "member_disagreement" in both.items.columns
    assert "member_disagreement" not in alone.items.columns
    entropy = -(true * np.log(np.maximum(true, 1e-12))).sum(axis=1)
    foreseen = [spearmanr(audit.items.sort_values("row")["ambiguity"], entropy)[0] for audit in (alone, both)]
    assert foreseen[1] > foreseen[0] + 0.05


def test_repeats_of_the_named_model_are_one_source():
    vectors, labels, _, dull = blobs(1, n=120)
    dataset = la.Dataset.from_arrays(labels, pred_probs=[dull, 0.5 * dull + 0.125], embeddings=vectors)
    audit = la.audit(dataset, AuditConfig(classifier="embedding", repeats=3, folds=3))
    assert audit.arrays["pred_probs"].shape == dull.shape
    np.testing.assert_allclose(audit.arrays["pred_probs"].sum(axis=1), 1.0, atol=1e-5)


def test_a_model_needs_content_beside_the_probabilities():
    _, labels, _, dull = blobs(2, n=60)
    with pytest.raises(UsageError, match="'embedding' could learn from beside the given probabilities"):
        la.audit(la.Dataset.from_arrays(labels, pred_probs=[dull]), AuditConfig(classifier="embedding"))


def test_what_is_wrong_with_given_probabilities_is_said_of_them():
    vectors, labels, _, dull = blobs(3, n=60)
    spoilt = dull.copy()
    spoilt[7] = np.nan
    dataset = la.Dataset.from_arrays(labels, pred_probs=[dull], embeddings=vectors)
    object.__setattr__(dataset, "pred_probs", (dull, spoilt))
    with pytest.raises(ProbabilityError, match=r"pred_probs\[1\], row 8"):
        la.audit(dataset, AuditConfig(classifier="embedding"))


def test_the_same_on_the_command_line(tmp_path):
    vectors, labels, _, dull = blobs(4, n=80)
    for name, array in {"labels": labels, "vectors": vectors, "model": dull}.items():
        np.save(tmp_path / f"{name}.npy", array)
    out = tmp_path / "both.audit"
    options = ["--pred-probs", str(tmp_path / "model.npy"), "--embeddings", str(tmp_path / "vectors.npy")]
    said = CliRunner().invoke(
        group, ["audit", str(tmp_path / "labels.npy"), *options, "--classifier", "embedding", "--out", str(out)]
    )
    assert said.exit_code == 0, said.output
    assert "member_disagreement" in la.load(out).items.columns


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_the_model_does_not_speak_against_a_class_that_it_could_not_know(kind):
    vectors, labels, _, _ = blobs(3, n=300, n_classes=3)
    rng = np.random.default_rng(4)
    labels = np.where(labels == 2, 0, labels)
    labels[:8] = 2
    logits = rng.normal(size=(300, 3)) + 4.0 * np.eye(3)[labels]
    good = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    batch = np.where(labels == 2, "x", rng.integers(5, size=300).astype(str))  # all of class 2 are held out at once
    dataset = la.Dataset.from_arrays(
        labels, pred_probs=[good.astype(kind)], embeddings=vectors, groups={"batch": batch}
    )
    alone = la.audit(dataset)
    both = la.audit(dataset, AuditConfig(classifier="embedding", fold_group="batch"))
    rare = both.items["given_label"].astype(str) == "2"
    assert rare.sum() == 8
    assert not both.items["suspicion"].isna().any()
    surprised = both.items.loc[rare, "suspicion"] - alone.items["suspicion"].reindex(both.items.index[rare])
    assert surprised.max() < 0.1
    # No two models disagree on these: there is only one that knows.
    assert both.items.loc[rare, "member_disagreement"].max() < 0.01


def test_given_rows_that_cannot_be_used_are_named_where_they_stand_in_for_a_model():
    vectors, labels, _, dull = blobs(5, n=60)
    labels[:] = np.arange(60) % 3
    labels[7], dull[7] = 3, np.nan
    dataset = la.Dataset.from_arrays(labels, pred_probs=[dull], embeddings=vectors)
    with pytest.raises(ProbabilityError, match="row 8"):
        la.audit(dataset, AuditConfig(classifier="embedding"))


@pytest.mark.parametrize("n_sources", [1, 3])
def test_other_probabilities_take_the_place_of_those_that_were_read(n_sources, tmp_path):
    _, labels, _, dull = blobs(6, n=60)
    for name, values in (("labels", labels), ("model_a", dull), ("model_b", dull[:, ::-1])):
        np.save(tmp_path / f"{name}.npy", values)
    read = la.read(tmp_path)
    assert len(read.pred_probs) == 2
    audit = la.audit(replace(read, pred_probs=(dull,) * n_sources))
    plain = la.audit(la.Dataset.from_arrays(labels, pred_probs=[dull] * n_sources))
    np.testing.assert_array_equal(*(each.items.sort_values("row")["suspicion"] for each in (audit, plain)))
    spoilt = np.where(np.arange(60)[:, None] == 3, np.nan, dull)
    with pytest.raises(ProbabilityError, match=r"pred_probs.*, row 4"):
        la.audit(replace(read, pred_probs=(dull,) * (n_sources - 1) + (spoilt,)))
