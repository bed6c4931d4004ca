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
    extra = {name: options.pop(name) for name in ("decided", "gold", "only") if name in options}
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


def test_what_is_hardly_ambiguous_is_not_called_so():
    items = make_items().assign(ambiguity=lambda table: np.where(table["ambiguity"] > 0.95, table["ambiguity"], 0.3))
    found = chosen_from(items, size=40)
    chosen = items.iloc[found.places[np.array(found.part) == "ambiguous"]]
    assert 0 < len(chosen) < 6
    assert chosen["ambiguity"].min() > 0.95
    assert len(found.places) == 40


def test_where_no_suspect_loses_a_place_all_ambiguous_items_are_candidates():
    items = make_items()
    options = BatchOptions(size=60, suspects=0.0, ambiguous=1.0, gold=0.0)
    found = pick(items, options, classes=("a", "b", "c"))
    assert set(found.part) == {"ambiguous"}
    assert len(found.places) == 60
    assert items["suspicion"].iloc[found.places].min() < items["suspicion"].iloc[74]  # the horizon of a batch of 60


@pytest.mark.parametrize(("queue", "score"), [("conflicts", "suspicion"), ("ambiguous", "ambiguity")])
def test_a_queue_is_chosen_from_alone_and_in_its_order(queue, score):
    items = make_items()
    only = items.index[50:150]
    found = chosen_from(items, size=20, queue=queue, strategy="top", only=only)
    assert items.index[found.places].tolist() == items.loc[only, score].nlargest(20).index.tolist()
    assert set(found.part) == {queue}


def test_known_answers_are_asked_for_as_such_only():
    items = make_items()
    gold = items.index[:100]
    for options in ({"by": "entropy"}, {"random": 0.5}, {"queue": "suspects", "only": items.index}):
        found = chosen_from(items, size=100, gold=gold, **options)
        golden = items.index[found.places].isin(gold)
        assert (np.array(found.part)[golden] == "gold").all()
    found = chosen_from(items, size=20, random=0.1, gold=gold, decided=items.index)
    assert (found.part, found.displaced_errors) == (("gold",), 0)


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
        ({"size": 5, "queue": "conflict"}, UnknownNameError, "Did you mean 'conflicts'"),
        ({"size": 5, "by": "rank"}, UnknownNameError, "Unknown score 'rank'"),
        ({"size": 5, "groups": (("channel", "phone"),)}, UnknownNameError, "Available: chat, mail"),
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
    items = make_items(len(dataset)).assign(content_hash=dataset.content_hashes, row=dataset.rows)
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
        assert item.why.startswith({"suspects": "suspect, rank", "ambiguous": "people may differ (ambiguity 0."}[part])
        assert item.inclusion_probability == 1
    assert batch.modality == "text"


def test_a_known_answer_looks_like_a_suspect_to_annotators(texts):
    audit = audit_of(texts)
    batch, chosen = choose(audit, BatchOptions(size=40), dataset=texts, gold=audit.items.index[300:])
    golden = [item for item in batch.items if item.part == "gold"]
    assert [item.part for item in batch.items] == list(chosen.part)
    assert len(golden) == 2
    for item in golden:
        assert item.why == f"suspect, rank {audit.items.loc[item.item_id, 'rank']}: because"


def test_the_suggestion_is_what_the_model_would_answer(texts):
    audit = audit_of(texts)
    sure = replace(audit, items=audit.items.assign(self_confidence=0.02, suggested_probability=0.01))
    batch, _ = choose(sure, BatchOptions(size=5), dataset=texts)
    assert [item.suggested_label for item in batch.items] == [item.given_label for item in batch.items]
    assert [item.suggested_probability for item in batch.items] == pytest.approx([0.98] * 5)
    doubtful = replace(audit, items=audit.items.assign(self_confidence=0.6, suggested_probability=0.5))
    batch, _ = choose(doubtful, BatchOptions(size=5), dataset=texts)
    found = [item.suggested_label for item in batch.items]
    assert found == audit.items.loc[[item.item_id for item in batch.items], "suggested_label"].tolist()


def test_what_decisions_taught_goes_before_what_the_audit_thought(texts):
    audit = audit_of(texts)
    last = audit.items.index[-5:].tolist()
    options = BatchOptions(size=3, strategy="top", ambiguous=0)
    learned = {item_id: 1 - k / 1e6 for k, item_id in enumerate(last)}
    batch, _ = choose(
        replace(audit, items=audit.items.assign(is_suspect=True)), options, dataset=texts, suspicion=learned
    )
    assert [item.item_id for item in batch.items] == last[:3]
    assert [item.why for item in batch.items] == [f"suspect, rank {rank}: because" for rank in (1, 2, 3)]
    assert batch.items[1].suspicion == 1 - 1e-6


def test_the_same_choice_has_the_same_id_and_another_has_another(texts):
    audit = audit_of(texts)
    one, two = (choose(audit, BatchOptions(size=30, random=0.5), dataset=texts)[0] for _ in range(2))
    assert one == two
    other, _ = choose(audit, BatchOptions(size=30, random=0.5, seed=1), dataset=texts)
    assert other.batch_id != one.batch_id


@pytest.mark.parametrize("strategy", ["spread", "k-center"])
def test_data_sorted_anew_gives_the_same_batch(texts, strategy):
    audit, turned = audit_of(texts), np.arange(len(texts))[::-1]
    moved = replace(texts, ids=texts.ids[turned], text=texts.text[turned], labels=texts.labels[turned])
    one, two = (choose(audit, BatchOptions(size=30, strategy=strategy), dataset=data)[0] for data in (texts, moved))
    assert one.items == two.items


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


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:-20], "cannot be read"),
        (lambda text: text.replace('"size": 10', '"size": 11'), "was changed after it was written"),
        (lambda text: "[" * 100_000, "cannot be read"),
    ],
)
def test_a_damaged_record_of_a_batch_is_named(texts, tmp_path, damage, message):
    audit = audit_of(texts).save(tmp_path / "t.audit")
    batch, _ = choose(audit, BatchOptions(size=10), dataset=texts)
    keep_record(audit.path, batch, format="csv", written=[], options={"size": 10})
    file = tmp_path / "t.audit" / "batches" / f"{batch.batch_id}.json"
    file.write_text(damage(file.read_text()))
    with pytest.raises(AuditFolderError, match=message):
        records(audit.path)
