"""The next audit, exports, moves and backups; on SQLite and on a real Postgres."""

from __future__ import annotations

import json
import resource
from dataclasses import replace

import pytest

from labelaudit.decisions import Undo
from labelaudit.errors import OutputError, StoreDamagedError, StoreError
from labelaudit.store import Binding, Filter, Store
from tests.store.acting import SUSPECTS, claim, decide, decision, snapshot, state_of, uid
from tests.store.conftest import BINDING, CLASSES, queue_items
from tests.store.processes import Child

# -- the next audit


def test_decisions_carry_over_to_a_grown_data_set(store):
    decide(
        store,
        "bob",
        decision("i000000", "relabel", "dog"),
        decision("i000001", "keep"),
        decision("i000002", "exclude"),
        decision("i000003", "ambiguous"),
        decision("i000004", "keep"),
    )
    later = {item.item_id: item for item in queue_items(40)}
    later["i000000"] = replace(later["i000000"], given_label="dog")  # the decided label was applied
    later["i000002"] = replace(later["i000002"], content_hash="edited")
    later["renamed"] = replace(later.pop("i000003"), item_id="renamed")
    later["i000004"] = replace(later["i000004"], given_label="eel")  # somebody chose a third label
    done = store.bind(Binding("audit-2", "e" * 64, CLASSES), later.values(), person="ann")
    assert (done.kept, done.set_aside) == (3, 2)
    decided = store.page(Filter(queue="all", status="decided"), "suspicion", person="ann")
    assert {card.item_id: card.verdict for card in decided} == {
        "i000000": "relabel",
        "i000001": "keep",
        "renamed": "ambiguous",
    }
    store.verify()
    assert decide(store, "bob", Undo(id=uid()))[0].item_ids == ("renamed",)
    store.rebuild()
    store.verify()


def test_binding_again_changes_nothing(store):
    decide(store, "bob", decision("i000000"))
    before = snapshot(store)
    store.bind(BINDING, queue_items(30), person="bob")
    assert snapshot(store) == before


# -- copies


def test_the_log_goes_out_and_comes_back(store, tmp_path):
    decide(store, "bob", decision("i000000", "relabel", "dog"), Undo(id=uid()), decision("i000001"))
    count = store.export(tmp_path / "log.jsonl")
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert count == len(lines) == store.verify()[0]
    assert json.loads(lines[-1])["after"]["verdict"] == "keep"
    with Store(tmp_path / "again.sqlite", backups=tmp_path) as again:
        assert again.restore(tmp_path / "log.jsonl") == count
        again.bind(BINDING, queue_items(30), person="ann")
        assert again.verify() == store.verify()
        assert snapshot(again) == snapshot(store)
        with pytest.raises(StoreError, match="holds decisions already"):
            again.restore(tmp_path / "log.jsonl")


def test_a_restored_log_goes_on_with_a_later_audit_though_ids_had_changed(store, tmp_path):
    decide(store, "bob", decision("i000000"), decision("i000001"))
    renamed = [replace(item, item_id=f"new {item.item_id}") for item in queue_items(30)]
    assert store.bind(Binding("audit-2", "e" * 64, CLASSES), renamed, person="ann").kept == 2
    store.export(tmp_path / "log.jsonl")
    renamed[1] = replace(renamed[1], content_hash="edited")
    with Store(tmp_path / "again.sqlite", backups=tmp_path) as again:
        again.restore(tmp_path / "log.jsonl")
        done = again.bind(Binding("audit-3", "d" * 64, CLASSES), renamed, person="ann")
        assert (done.kept, done.set_aside) == (1, 1)
        assert state_of(again, "new i000000").verdict == "keep"
        again.verify()


def test_a_broken_log_is_refused_with_its_line(store, tmp_path):
    store.export(tmp_path / "log.jsonl")
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    (tmp_path / "log.jsonl").write_text("\n".join([*lines[:2], lines[2][:-5], *lines[3:]]))
    with Store(tmp_path / "again.sqlite", backups=tmp_path) as again:
        with pytest.raises(StoreDamagedError, match=r"log.jsonl, line 3"):
            again.restore(tmp_path / "log.jsonl")
        assert again.verify()[0] == 0


def test_of_a_log_that_was_changed_nothing_is_restored_and_of_its_beginning_all(store, tmp_path):
    decide(store, "bob", decision("i000000"), decision("i000001"))
    store.export(tmp_path / "log.jsonl")
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    forged = [*lines[:-2], lines[-2].replace('"verdict":"keep"', '"verdict":"skip"'), lines[-1]]
    (tmp_path / "log.jsonl").write_text("\n".join(forged))
    with Store(tmp_path / "again.sqlite", backups=tmp_path) as again:
        with pytest.raises(StoreDamagedError, match=f"Event {len(lines) - 1} .* was changed"):
            again.restore(tmp_path / "log.jsonl")
        assert again.verify()[0] == 0
        (tmp_path / "log.jsonl").write_text("\n".join(forged[:-2]))
        assert again.restore(tmp_path / "log.jsonl") == again.verify()[0] == len(lines) - 2


@pytest.mark.parametrize("target", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def test_a_store_moves_to_another_database(store, target, tmp_path, request):
    decide(store, "bob", *(decision(f"i{k:06d}", "exclude") for k in range(7)), Undo(id=uid()))
    claim(store, "eve", 3)
    location = tmp_path / "moved.sqlite" if target == "sqlite" else request.getfixturevalue("postgres").new_store()
    with Store(location, backups=tmp_path) as moved:
        store.copy_to(moved)
        assert moved.verify() == store.verify()
        assert snapshot(moved) == snapshot(store)
        assert claim(moved, "bob", 1)[0].item_id == "i000006"
        with pytest.raises(StoreError, match="holds decisions already"):
            store.copy_to(moved)


def test_a_backup_is_made_while_others_write_and_can_be_opened(store, tmp_path):
    decide(store, "bob", decision("i000000"))
    first, second = store.backup(tmp_path / "copies"), store.backup(tmp_path / "copies")
    assert first != second
    decide(store, "bob", decision("i000001"))
    if first.suffix == ".sqlite":
        with Store(first, backups=tmp_path) as copy:
            assert copy.count(SUSPECTS).decided == 1
            copy.verify()
    else:
        with Store(tmp_path / "copy.sqlite", backups=tmp_path) as copy:
            assert copy.restore(first) == store.verify()[0] - 1


def test_a_backup_that_does_not_fit_names_its_own_place_and_leaves_nothing(store, tmp_path):
    decide(store, "bob", *(decision(f"i{k:06d}", note="x" * 5_000) for k in range(30)))
    place, location = tmp_path / "copies", store.database.url.render_as_string(hide_password=False)
    store.close()

    def work(say):
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
        with Store(location, backups=tmp_path) as again:
            try:
                again.backup(place)
            except OutputError as error:
                say(str(error))

    said = Child(work).join()
    assert f"{place}/store-" in said[0]
    assert "Free some space" in said[0]
    assert list(place.iterdir()) == []
