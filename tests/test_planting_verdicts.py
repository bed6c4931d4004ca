"""What is expected of undecided labels, given what people decided on the others."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelaudit as la
from labelaudit.config import AuditConfig
from labelaudit.planting.verdicts import Verdicts, left_undecided, verdicts_of, without_decided
from labelaudit.reviewing import Decision, Filter, Verdict, carry_over, judged_before, new_id, open_queue, open_store
from labelaudit.reviewing.rescoring import Rescorer
from labelaudit.scoring import score
from labelaudit.verdicts import Judgement
from tests.test_planting import blobs, dataset

N = 1000


def verdicts(is_decided, is_error, is_told=None):
    is_told = is_decided if is_told is None else is_told
    labels = np.zeros(len(is_decided), dtype=np.int32)
    return Verdicts(labels=labels, is_decided=is_decided, is_told=is_told, is_error=is_error & is_told)


def first(n_decided, n=N):
    return np.arange(n) < n_decided


@pytest.fixture(scope="module")
def depths():
    """Planted errors of which half are found in the first tenth of the queue."""
    rng = np.random.default_rng(0)
    return np.r_[rng.random(1000) * 0.1, rng.random(1000)]


def left(depths, queue, rate=0.1):
    return left_undecided(depths, queue, rate)[0] * (~queue.is_decided).sum()


def test_verdicts_that_tell_nothing_leave_what_was_expected_of_the_undecided(depths):
    told = np.zeros(N, dtype=bool)
    expected = left(depths, verdicts(first(100), told, told))
    assert expected == pytest.approx(0.1 * N * (depths > 0.1).mean(), rel=0.1)


def test_the_more_was_wrong_among_the_decided_the_more_is_expected_of_the_others(depths):
    rng = np.random.default_rng(1)
    order = rng.permutation(100)
    found = [
        left(depths, verdicts(first(100), np.r_[order < n_wrong, np.zeros(N - 100, dtype=bool)]))
        for n_wrong in (0, 10, 30, 60)
    ]
    assert (np.diff(found) > 0).all()
    nothing = np.zeros(N, dtype=bool)
    untold = left(depths, verdicts(first(100), nothing, nothing))
    assert found[0] < 0.3 * untold
    assert found[-1] < 2.0 * untold  # more errors at the head than expected say little about the tail


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.001, 0.6), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_what_is_left_is_a_share_whatever_was_decided(seed, rate, share_decided, share_wrong):
    rng = np.random.default_rng(seed)
    queue = verdicts(rng.random(300) < share_decided, rng.random(300) < share_wrong, rng.random(300) < 0.8)
    found, weights = left_undecided(rng.random(50) ** 3, queue, rate)
    assert 0 <= found <= 0.9
    assert (weights > 0).all()
    assert np.isfinite(weights).all()


def test_judgements_come_into_the_order_of_the_items():
    ids = np.array(["a", "b", "c", "d", "e"], dtype=object)
    labels = np.array([0, 1, 0, -1, 1], dtype=np.int32)
    judged = {
        "a": Judgement("y", was_wrong=True),
        "b": Judgement("y", was_wrong=False),
        "c": Judgement("x", was_wrong=None),  # such as excluded, and still there
        "d": Judgement("x", was_wrong=True),  # not assessed
        "e": Judgement("gone", was_wrong=True),  # of a class that there is no longer
        "f": Judgement("x", was_wrong=True),  # not in this data
    }
    found = verdicts_of(judged, ids, ("x", "y"), labels)
    assert found.labels.tolist() == [1, 1, 0, -1, 1]
    assert found.is_decided.tolist() == [True, True, True, False, True]
    assert found.is_told.tolist() == [True, True, False, False, False]
    assert found.is_error.tolist() == [True, False, False, False, False]
    assert labels.tolist() == [0, 1, 0, -1, 1]


def test_decided_items_come_last_and_are_no_candidates():
    rng = np.random.default_rng(0)
    pred_probs = rng.dirichlet(np.ones(3), 200)
    labels = rng.integers(-1, 3, 200).astype(np.int32)
    before = score(labels, pred_probs).ranking
    is_decided = rng.random(200) < 0.3
    after = without_decided(before, is_decided)
    n_open = int((~is_decided & (labels >= 0)).sum())
    assert not is_decided[after.order[:n_open]].any()
    assert (np.diff(after.order_score[after.order[:n_open]]) <= 0).all()
    assert (labels[after.order[-(labels < 0).sum() :]] < 0).all()
    assert not after.is_suspect[is_decided].any()
    open_rows = after.order[:n_open]
    assert np.array_equal(after.suspicion[open_rows], before.suspicion[open_rows])
    assert after.expected_errors == pytest.approx(before.suspicion[open_rows].sum())
    low, high = after.expected_errors_range
    assert low <= after.expected_errors <= high


# --- whole audits ---


@pytest.fixture(scope="module")
def rounds():
    """An audit, the corrected data after its first 60 items were decided, what was decided, and what is still wrong."""
    ids, features, labels, is_error = blobs(n=1500)
    truth = blobs(n=1500, rate=0.0)[2]
    first_audit = la.audit(dataset(ids, features, labels))
    decided = first_audit.items.index[:60]
    rows = np.flatnonzero(np.isin(ids, decided.to_numpy(dtype=object)))
    names = first_audit.classes
    judged = {ids[row]: Judgement(names[labels[row]], bool(is_error[row])) for row in rows}
    corrected = labels.copy()
    corrected[rows] = truth[rows]
    wrong = is_error.copy()
    wrong[rows] = False
    assert np.array_equal(wrong, corrected != truth)
    return first_audit, dataset(ids, features, corrected), judged, dict(zip(ids, wrong, strict=True))


def test_a_second_audit_counts_and_flags_what_is_left(rounds):
    _, corrected, judged, is_wrong = rounds
    audit = la.audit(corrected, judged=judged)
    items = audit.items
    is_decided = items.index.isin(list(judged))
    wrong = np.array([is_wrong[item_id] for item_id in items.index])
    assert not is_decided[: (~is_decided).sum()].any()
    assert (items["rank"].to_numpy() == np.arange(1, len(items) + 1)).all()
    assert (items["suspicion"][is_decided] == 0).all()
    assert not items["is_suspect"][is_decided].any()
    assert (items["suspicion"][~is_decided] > 0).all()
    assert items["suspicion"].sum() == pytest.approx(wrong.sum(), rel=0.4)
    flagged = items["is_suspect"].to_numpy()
    assert 2 * (flagged & wrong).sum() / (flagged.sum() + wrong.sum()) > 0.6
    low, high = audit.health["expected_errors_range"]
    assert low < wrong.sum() < high
    assert any("60 items were decided on before" in note for note in audit.provenance["notes"])
    assert audit.health["expected_precision"][0]["precision"] == pytest.approx(wrong[:10].mean(), abs=0.35)


def test_a_second_audit_does_not_depend_on_the_order_of_rows(rounds):
    _, corrected, judged, _ = rounds
    order = np.random.default_rng(3).permutation(len(corrected))
    turned = dataset(corrected.ids[order], corrected.embeddings[order], corrected.labels[order])
    config = AuditConfig(calibrate="off")
    one, other = (la.audit(each, config, judged=judged).items for each in (corrected, turned))
    assert list(one.index[:200]) == list(other.index[:200])


def test_an_audit_of_which_everything_is_decided_expects_no_errors(rounds):
    _, corrected, _, _ = rounds
    judged = {item_id: Judgement("class 0", was_wrong=None) for item_id in corrected.ids}
    audit = la.audit(corrected, judged=judged)
    assert audit.health["expected_errors"] == 0
    assert audit.health["suspects"] == 0


def test_judgements_on_unknown_items_change_nothing(rounds):
    _, corrected, _, _ = rounds
    config = AuditConfig(calibrate="off")
    plain = la.audit(corrected, config)
    judged = la.audit(corrected, config, judged={"nobody": Judgement("class 0", was_wrong=True)})
    assert list(plain.items.index) == list(judged.items.index)
    assert (plain.items["suspicion"] == judged.items["suspicion"]).all()


# --- what the store remembers ---


def test_what_was_decided_is_known_to_the_audit_of_corrected_data(tmp_path):
    ids, features, labels, _ = blobs(n=300)
    data = dataset(ids, features, labels)
    audit = la.audit(data).save(tmp_path / "first.audit")
    assert judged_before(audit, data) == {}
    given, names = dict(zip(ids, labels, strict=True)), audit.classes
    other = {item_id: names[(given[item_id] + 1) % len(names)] for item_id in ids}
    kept, changed, excluded, edited = audit.items.index[:4].astype(str)
    with contextlib.closing(open_queue(audit, person="ann")) as queue:
        for item_id, verdict, new in (
            (kept, Verdict.KEEP, ()),
            (changed, Verdict.RELABEL, (other[changed],)),
            (excluded, Verdict.EXCLUDE, ()),
            (edited, Verdict.RELABEL, (other[edited],)),
        ):
            queue.decide([Decision(id=new_id(), item_id=item_id, verdict=verdict, labels=new, batch="b")])
    rows = {item_id: row for row, item_id in enumerate(ids)}
    corrected, moved = labels.copy(), features.copy()
    for item_id in (changed, edited):
        corrected[rows[item_id]] = names.index(other[item_id])
    moved[rows[edited]] += 1.0
    later_data = dataset(ids, moved, corrected)
    judged = judged_before(audit, later_data)
    assert judged == {
        kept: Judgement(names[given[kept]], was_wrong=False),
        changed: Judgement(names[given[changed]], was_wrong=True),
        excluded: Judgement(names[given[excluded]], was_wrong=None),
    }
    later = la.audit(later_data, judged=judged).save(tmp_path / "later.audit")
    assert carry_over(audit, later, person="ann").kept == len(judged)
    with open_store(later) as store:
        Rescorer(later).rescore(store)
        # Nothing was decided since: what came along is in the audit already, so it teaches nothing again.
        queue = open_queue(store, Filter(queue="all", status="open"), person="ann")
        left = {card.item_id: card.suspicion for card in queue.page(limit=1000)}
    suspicion = later.items["suspicion"]
    assert left == pytest.approx({item_id: suspicion[item_id] for item_id in left})
    assert len(left) == len(ids) - len(judged)


def test_the_range_allows_that_no_label_is_wrong():
    ids, features, labels, _ = blobs(n=600, rate=0.0)
    low, high = la.audit(dataset(ids, features, labels)).health["expected_errors_range"]
    assert low == 0
    assert high >= 0
