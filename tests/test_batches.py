"""Choosing batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from labelaudit.audit_folder import Audit, load
from labelaudit.batches import BatchOptions, choose, keep_record, pick, records
from labelaudit.config import AuditConfig
from labelaudit.domain import Dataset
from labelaudit.errors import AuditFolderError, ConfigError, DataError, UnknownNameError, UsageError
from labelaudit.formats import FORMATS, write_batch
from labelaudit.selection import STRATEGIES

N = 400


def make_items(n=N, seed=0):
    rng = np.random.default_rng(seed)
    suspicion = np.sort(rng.random(n))[::-1]
    ambiguity = rng.random(n)
    return pd.DataFrame(
        {
            "content_hash": [f"{k:032x}" for k in range(n)],
            "given_label": pd.array(np.array(["a", "b", "c"])[rng.integers(0, 3, n)], dtype="str"),
            "suggested_label": pd.array(np.array(["a", "b", "c"])[rng.integers(0, 3, n)], dtype="str"),
            "suggested_probability": 0.9,
            "suspicion": suspicion,
            "ambiguity": ambiguity,
            "is_suspect": suspicion > 0.7,
            "is_ambiguous": ambiguity > 0.8,
            "rank": pd.array(range(1, n + 1), dtype="Int64"),
            "ambiguity_rank": pd.array(range(1, n + 1), dtype="Int64"),
            "reasons": "because",
            "entropy": rng.random(n),
            "group:channel": np.where(np.arange(n) % 2, "mail", "chat"),
        },
        index=pd.Index([f"t{k:04d}" for k in range(n)], name="id", dtype="str"),
    )


def chosen_from(items, **options):
    vectors = np.random.default_rng(1).normal(size=(len(items), 8))
    extra = {name: options.pop(name) for name in ("decided", "gold") if name in options}
    return pick(items, BatchOptions(**options), classes=("a", "b", "c"), vectors=vectors, **extra)


def test_the_mix_is_what_was_stated():
    items = make_items()
    gold = list(items.index[200:240])
    found = chosen_from(items, size=100, gold=gold)
    assert {name: found.part.count(name) for name in set(found.part)} == {"suspects": 80, "ambiguous": 15, "gold": 5}
    assert len(set(found.places.tolist())) == 100
    assert items.index[found.places[np.array(found.part) == "gold"]].isin(gold).all()


def test_without_known_answers_their_share_goes_to_suspects():
    found = chosen_from(make_items(), size=100)
    assert {name: found.part.count(name) for name in set(found.part)} == {"suspects": 85, "ambiguous": 15}


def test_ambiguous_items_are_those_whose_label_may_be_wrong_as_well():
    items = make_items()
    found = chosen_from(items, size=40)
    rows = items.iloc[found.places[np.array(found.part) == "ambiguous"]]
    assert rows["suspicion"].min() >= items["suspicion"].iloc[49]  # the horizon of a batch of 40
    assert rows["ambiguity"].mean() > 0.7
    worth = (rows["suspicion"] * rows["ambiguity"]).sort_values(ascending=False)
    assert worth.iloc[0] == pytest.approx((items["suspicion"] * items["ambiguity"]).iloc[:50].max())


def test_where_nobody_would_differ_their_share_goes_to_suspects():
    found = chosen_from(make_items().assign(ambiguity=0.0), size=40)
    assert set(found.part) == {"suspects"}
    assert len(found.places) == 40


def test_no_part_repeats_the_content_of_another():
    items = make_items().assign(content_hash=[f"{k // 2:032x}" for k in range(N)])
    found = pick(items, BatchOptions(size=60, random=0.2), classes=("a", "b", "c"))
    hashes = items["content_hash"].iloc[found.places]
    drawn = np.array(found.part) == "random"
    assert not hashes[~drawn].duplicated().any()
    assert not set(hashes[~drawn]) & set(hashes[drawn])


def test_parts_are_spread_over_the_batch():
    found = chosen_from(make_items(), size=100, random=0.1)
    places = [k for k, part in enumerate(found.part) if part == "random"]
    assert len(places) == 10
    assert max(np.diff(places)) <= 12


@pytest.mark.slow
def test_the_random_share_is_uniform_and_says_what_it_costs():
    items = make_items(100)
    counts = np.zeros(100)
    for seed in range(200):
        found = chosen_from(items, size=20, random=0.5, seed=seed)
        drawn = np.array(found.part) == "random"
        counts[found.places[drawn]] += 1
        assert np.allclose(found.inclusion[drawn], 0.1)
    assert np.abs(counts / 200 - 0.1).max() < 0.1
    top = np.sort(items["suspicion"])[::-1][10:20].sum()
    assert found.displaced_errors == pytest.approx(top - 10 * items["suspicion"].mean())
    assert chosen_from(items, size=20).displaced_errors == 0


def test_decided_items_are_not_asked_again():
    items = make_items()
    decided = set(items.index[:100])
    found = chosen_from(items, size=50, decided=decided, random=0.2)
    assert not decided & set(items.index[found.places])
    with pytest.raises(UsageError, match="No item is left"):
        chosen_from(items, size=5, decided=set(items.index))


def test_filters_hold_for_every_part():
    items = make_items()
    found = chosen_from(items, size=40, random=0.2, given=("a",), suggested=("b", "c"), groups=(("channel", "mail"),))
    rows = items.iloc[found.places]
    assert set(rows["given_label"]) == {"a"}
    assert set(rows["suggested_label"]) <= {"b", "c"}
    assert set(rows["group:channel"]) == {"mail"}


def test_any_score_can_be_asked_for():
    items = make_items()
    found = chosen_from(items, size=30, by="entropy", strategy="top")
    assert set(found.part) == {"entropy"}
    assert items.index[found.places].tolist() == items["entropy"].nlargest(30).index.tolist()


@pytest.mark.parametrize("strategy", STRATEGIES.names())
def test_every_strategy_fills_a_batch(strategy):
    items = make_items()
    found = chosen_from(items, size=60, strategy=strategy)
    assert 50 <= len(found.places) <= 60
    assert items.iloc[found.places]["is_suspect"].mean() > 0.2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"size": 0}, ConfigError, "at least 1"),
        ({"size": 5, "random": 1.5}, ConfigError, "between 0 and 1"),
        ({"size": 5, "suspects": 0.0, "ambiguous": 0.0, "gold": 0.0}, ConfigError, "all queues are 0"),
        ({"size": 5, "strategy": "sperad"}, UnknownNameError, "Did you mean 'spread'"),
        ({"size": 5, "by": "entrpy"}, UnknownNameError, "Did you mean 'entropy'"),
        ({"size": 5, "given": ("z",)}, UnknownNameError, "Unknown class 'z'"),
        ({"size": 5, "groups": (("chanel", "x"),)}, UnknownNameError, "Did you mean 'channel'"),
    ],
)
def test_mistakes_are_answered_in_words(options, error, message):
    with pytest.raises(error, match=message):
        pick(make_items(), BatchOptions(**options), classes=("a", "b", "c"))


def test_strategies_that_need_embeddings_say_so():
    with pytest.raises(UsageError, match="needs embeddings"):
        pick(make_items(), BatchOptions(size=5, strategy="k-center"), classes=("a", "b", "c"))


# ---- from an audit


@pytest.fixture
def texts():
    labels = ["a", "b", "c"] * (N // 3)
    return Dataset.from_arrays(
        labels, text=[f"text {k}" for k in range(len(labels))], ids=[f"t{k:04d}" for k in range(len(labels))]
    )


def audit_of(dataset):
    items = make_items(len(dataset)).assign(content_hash=dataset.content_hashes)
    shuffled = items.sample(frac=1, random_state=0)
    return Audit(
        items=shuffled,
        classes=("a", "b", "c"),
        config=AuditConfig(),
        fingerprint=dataset.fingerprint,
        provenance={},
        health={},
        statistics={},
        arrays={"embeddings": np.random.default_rng(0).normal(size=(len(dataset), 4))},
    )


def test_a_batch_has_the_content_of_its_items(texts):
    batch, chosen = choose(audit_of(texts), BatchOptions(size=30, several=True), dataset=texts)
    assert len(batch) == 30
    assert batch.several
    position = {item_id: k for k, item_id in enumerate(texts.ids)}
    for item, part in zip(batch.items, chosen.part, strict=True):
        assert item.text == texts.text[position[item.item_id]]
        assert item.why.startswith({"suspects": "suspect, rank", "ambiguous": "ambiguous, rank"}[part])
        assert item.inclusion_probability == 1
    assert batch.modality == "text"


def test_the_same_choice_has_the_same_id_and_another_has_another(texts):
    audit = audit_of(texts)
    one, two = (choose(audit, BatchOptions(size=30, random=0.5), dataset=texts)[0] for _ in range(2))
    assert one == two
    other, _ = choose(audit, BatchOptions(size=30, random=0.5, seed=1), dataset=texts)
    assert other.batch_id != one.batch_id


def test_data_that_changed_is_refused(texts):
    audit = audit_of(texts)
    edited = replace(texts, text=np.array(["other", *texts.text[1:]], dtype=object))
    with pytest.raises(DataError, match="the item 't0000' is another"):
        choose(audit, BatchOptions(size=3), dataset=edited)
    with pytest.raises(UsageError, match="made of arrays"):
        choose(audit, BatchOptions(size=3))


def test_the_audit_remembers_its_batches(texts, tmp_path):
    audit = audit_of(texts).save(tmp_path / "t.audit")
    assert records(audit.path) == {}
    batch, _ = choose(audit, BatchOptions(size=10), dataset=texts)
    written = write_batch(batch, FORMATS.get("csv"), tmp_path / "b.csv")
    kept = keep_record(audit.path, batch, format="csv", written=written, options={"size": 10}, lost=["remarks"])
    assert records(audit.path) == {batch.batch_id: kept}
    assert kept.batch == batch
    load(audit.path).save(audit.path)
    assert records(audit.path) == {batch.batch_id: kept}
    file = tmp_path / "t.audit" / "batches" / f"{batch.batch_id}.json"
    file.write_text(file.read_text()[:-20])
    with pytest.raises(AuditFolderError, match="cannot be read"):
        records(audit.path)
