"""The queue learns from decisions: through the API, on the command line, and with a table's own columns."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import labelaudit as la
from labelaudit.__main__ import run
from labelaudit.reviewing import Decision, Filter, Verdict, new_id, open_queue
from labelaudit.reviewing.rescoring import Rescorer

pytestmark = pytest.mark.slow  # an audit for each test, or the whole sample data

N, DECIDED = 2000, 120


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """An audit of a table in which one inspector labels badly and the others well."""
    folder = tmp_path_factory.mktemp("machines")
    rng = np.random.default_rng(5)
    x = rng.normal(size=(N, 3))
    true = x[:, 0] + 0.3 * rng.normal(size=N) > 0
    inspector = rng.choice(["ada", "ben", "cy"], N)
    wrong = rng.random(N) < np.where(inspector == "cy", 0.35, 0.01)
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(
        inspector=inspector, label=np.where(true ^ wrong, "yes", "no"), id=[f"m{i:03d}" for i in range(N)]
    )
    frame.loc[rng.random(N) < 0.03, "inspector"] = None
    frame["shift"] = rng.integers(1, 400, N)
    frame.to_csv(folder / "machines.csv", index=False)
    out = folder / "machines.audit"
    assert run(["audit", str(folder / "machines.csv"), "--label", "label", "--id", "id", "--out", str(out)]) == 0
    known = frame["inspector"].fillna("")
    return out, dict(zip(frame["id"], wrong, strict=True)), dict(zip(frame["id"], known, strict=True))


@pytest.fixture
def machines(audited, tmp_path):
    """The audit without decisions, for one test alone."""
    path, wrong, inspector = audited
    shutil.copytree(path, tmp_path / "machines.audit")
    return tmp_path / "machines.audit", wrong, inspector


def decide(path, wrong, n):
    queue = open_queue(path, Filter(queue="all"), person="ann")
    for card in queue.claim(n):
        verdict = Verdict.RELABEL if wrong[card.item_id] else Verdict.KEEP
        labels = (card.suggested_label,) if wrong[card.item_id] else ()
        decision = Decision(id=new_id(), item_id=card.item_id, verdict=verdict, labels=labels, version=card.version)
        queue.decide([decision]).raise_refused()
    return queue


def test_without_decisions_nothing_changes(machines, capsys, monkeypatch):
    path, _, _ = machines
    monkeypatch.setenv("LABELAUDIT_PERSON", "ann")
    assert run(["rescore", str(path)]) == 0
    assert "no decisions yet" in capsys.readouterr().out


def test_decisions_teach_the_queue(machines, capsys, monkeypatch):
    path, wrong, inspector = machines
    monkeypatch.setenv("LABELAUDIT_PERSON", "ann")
    queue = decide(path, wrong, DECIDED)
    before = {card.item_id: card.suspicion for card in queue.page(limit=1000)}
    assert run(["rescore", str(path)]) == 0
    assert "Learned from 120 decisions" in capsys.readouterr().out
    after = {card.item_id: card.suspicion for card in queue.page(limit=1000)}
    gain = {item: np.log(after[item]) - np.log(before[item]) for item in before if item in after}
    of_cy = np.mean([g for item, g in gain.items() if inspector[item] == "cy"])
    of_others = np.mean([g for item, g in gain.items() if inspector[item] != "cy"])
    assert of_cy > of_others, "what the bad inspector labelled must move up against the rest"
    queue.close()


def test_the_same_decisions_give_the_same_order(machines):
    path, wrong, _ = machines
    queue = decide(path, wrong, DECIDED)
    rescorer = Rescorer(la.load(path))
    rescorer.rescore(queue.store)
    first = [card.item_id for card in queue.page(limit=1000)]
    assert Rescorer(la.load(path)).rescore(queue.store) == DECIDED
    assert [card.item_id for card in queue.page(limit=1000)] == first
    queue.close()


def test_data_that_has_moved_is_no_hindrance(machines, tmp_path):
    path, wrong, _ = machines
    data = Path(la.load(path).origin.path)
    queue = decide(path, wrong, DECIDED)
    data.rename(tmp_path / "elsewhere.csv")
    try:
        assert Rescorer(la.load(path)).rescore(queue.store) == DECIDED
        queue.close()
    finally:
        (tmp_path / "elsewhere.csv").rename(data)


def test_probabilities_are_those_of_the_items_wherever_they_come_from(machines, tmp_path):
    path, _, _ = machines
    computed = la.load(path)
    np.save(tmp_path / "p.npy", computed.arrays["pred_probs"])
    given = tmp_path / "given.audit"
    data = ["audit", str(computed.origin.path), "--label", "label", "--id", "id"]
    classes = [word for name in computed.classes for word in ("--class", name)]
    probabilities = ["--pred-probs", str(tmp_path / "p.npy"), *classes]
    assert run([*data, *probabilities, "--out", str(given)]) == 0
    for audit in (computed, la.load(given)):
        evidence = Rescorer(audit).evidence
        of_given_label = evidence["pred_probs"][np.arange(N), evidence["given"]]
        np.testing.assert_allclose(1.0 - of_given_label, audit.items["self_confidence"], atol=1e-5)


def test_columns_are_those_of_the_items(machines):
    path, _, inspector = machines
    audit = la.load(path)
    columns = Rescorer(audit).evidence["columns"]
    assert set(columns) == {"a", "b", "c", "inspector", "shift"}
    assert columns["shift"].dtype == np.float64
    assert columns["inspector"].tolist() == [inspector[item] for item in audit.items.index]
