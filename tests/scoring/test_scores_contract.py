"""Every registered score, whoever wrote it: bounds, direction, no infinities, equivariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from labelaudit.kernels import MemberStatistics
from labelaudit.passes import gather_evidence
from labelaudit.scores import SCORES, Evidence

NAMES = list(SCORES.names())


@dataclass(frozen=True)
class FakeNeighbors:
    """Neighbour statistics drawn at random within their bounds, NaN where an item has no neighbours."""

    given_fraction: np.ndarray
    label_entropy: np.ndarray
    outlier: np.ndarray
    density: np.ndarray

    @classmethod
    def draw(cls, n, seed=0):
        values = np.random.default_rng(seed).random((4, n))
        values[:, -1] = np.nan
        return cls(*values)

    def take(self, index):
        return FakeNeighbors(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def evidence_of(make_set, seed=0, **options):
    labels, first = make_set(seed, n=300, **options)
    _, second = make_set(seed + 1, n=300, n_classes=first.shape[1])
    first[0], first[1] = np.eye(first.shape[1])[[0, 1]]  # exact zeros and ones, right and wrong
    first[2], labels[2] = first[0], 1
    labels[3] = -1
    return labels, [first, second], gather_evidence(labels, [first, second], neighbors=FakeNeighbors.draw(300))


def permuted(evidence, order):
    return Evidence(
        rows=evidence.rows.take(order),
        statistics=evidence.statistics,
        members=evidence.members.take(order),
        neighbors=evidence.neighbors.take(order),
    )


@pytest.mark.parametrize("name", NAMES)
def test_declares_itself(name):
    plugin = SCORES.get(name)
    assert plugin.name == name
    assert plugin.axis in {"suspicion", "ambiguity"}
    assert plugin.summary.endswith(".")
    assert "\n" not in plugin.summary
    assert plugin.source
    assert plugin.bounds[0] < plugin.bounds[1]
    assert plugin.function.__doc__


@pytest.mark.parametrize("n_classes", [2, 9])
@pytest.mark.parametrize("name", NAMES)
def test_values_are_within_bounds_and_known_where_they_can_be(name, n_classes, make_set):
    labels, _, evidence = evidence_of(make_set, n_classes=n_classes)
    plugin = SCORES.get(name)
    values = plugin.function(evidence)
    assert values.shape == (300,)
    assert values.dtype.kind == "f"
    unknown = np.zeros(300, dtype=bool)
    if plugin.axis == "suspicion":
        unknown |= labels < 0
    if "neighbors" in plugin.needs:
        unknown[-1] = True
    np.testing.assert_array_equal(np.isnan(values), unknown)
    known = values[~unknown]
    assert np.isfinite(known).all()
    assert known.min() >= plugin.bounds[0] - 1e-6
    assert known.max() <= plugin.bounds[1] + 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_order_of_rows_does_not_matter(name, make_set):
    _, _, evidence = evidence_of(make_set)
    order = np.random.default_rng(0).permutation(300)
    function = SCORES.get(name).function
    np.testing.assert_array_equal(function(permuted(evidence, order)), function(evidence)[order])


@pytest.mark.parametrize("name", NAMES)
def test_numbering_of_classes_does_not_matter(name, make_set):
    labels, sources, evidence = evidence_of(make_set, n_classes=6)
    number = np.random.default_rng(1).permutation(6)  # old class k becomes number[k]
    renumbered = [source[:, np.argsort(number)] for source in sources]
    other = gather_evidence(
        np.where(labels >= 0, number[labels], -1).astype(np.int32), renumbered, neighbors=evidence.neighbors
    )
    function = SCORES.get(name).function
    np.testing.assert_allclose(function(other), function(evidence), atol=1e-9)


@pytest.mark.parametrize("name", [n for n in NAMES if "neighbors" not in SCORES.get(n).needs])
def test_higher_means_look_at_this_first(name):
    """A wrong label outranks a right one, an undecided row a certain one."""
    sure_right, sure_wrong, undecided = [0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.34, 0.33, 0.33]
    calm = np.array([[0.96, 0.02, 0.02]] * 6 + [[0.02, 0.96, 0.02]] * 3 + [[0.02, 0.02, 0.96]] * 3)
    first = np.vstack([sure_right, sure_wrong, undecided, calm])
    second = np.vstack([sure_right, sure_wrong, [0.1, 0.1, 0.8], calm])
    labels = np.array([0, 0, 0] + [0] * 6 + [1] * 3 + [2] * 3, dtype=np.int32)
    plugin = SCORES.get(name)
    values = plugin.function(gather_evidence(labels, [first, second], members="repeats"))
    assert values[1 if plugin.axis == "suspicion" else 2] > values[0]


def test_scores_that_lack_something_do_not_apply(make_set):
    labels, pred_probs = make_set(2)
    evidence = gather_evidence(labels, [pred_probs])
    left = {name for name, plugin in SCORES if not plugin.applies_to(evidence)}
    assert left == {name for name, plugin in SCORES if set(plugin.needs) & {"members", "neighbors"}}
    assert left >= {"member_disagreement", "neighbor_disagreement"}


def test_disagreement_splits_entropy(make_set):
    _, sources, evidence = evidence_of(make_set)
    members = evidence.members
    assert isinstance(members, MemberStatistics)
    pool = sum(w * p for w, p in zip(members.weights, sources, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        entropies = [-np.nansum(p * np.log(p), axis=1) for p in (pool, *sources)]
    np.testing.assert_allclose(members.total, entropies[0], atol=1e-9)
    np.testing.assert_allclose(members.expected, members.weights @ entropies[1:], atol=1e-9)
    assert (members.mutual_information >= 0).all()
